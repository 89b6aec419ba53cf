"""The full data sets, for what is rebuilt from them; grading itself needs none."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from grading.errors import DataMissing
from grading.sandbox.inside import torchvision_operators

TORCHVISION_NAMES = {"fashion_mnist": "FashionMNIST", "mnist": "MNIST"}
CAT_FOLDERS = ("afhq/train/cat", "afhq_v2/train/cat")


def data_root() -> Path:
    """Where data sets live: `DATA_ROOT`, else `data/` in the current folder."""
    return Path(os.environ.get("DATA_ROOT", "data")).expanduser()


def grey_images(name: str, train: bool) -> tuple[Tensor, Tensor]:
    """A whole split: uint8 images [N, 1, 28, 28] and int64 labels [N].

    Raises DataMissing where the files are neither on disk nor to be downloaded.
    """
    torchvision_operators.define_if_missing()
    from torchvision import datasets  # slow to import, and not needed for grading

    kind = getattr(datasets, TORCHVISION_NAMES[name])
    try:
        dataset = kind(data_root(), train=train)
    except RuntimeError:
        try:
            dataset = kind(data_root(), train=train, download=True)
        except (OSError, RuntimeError) as error:
            raise DataMissing(
                f"{TORCHVISION_NAMES[name]} is not under {data_root()} and cannot be downloaded ({error}). "
                f"Set DATA_ROOT to the folder that holds {TORCHVISION_NAMES[name]}/raw."
            ) from error
    return dataset.data.unsqueeze(1), dataset.targets


def balanced_indices(labels: Tensor, per_class: int, seed: int = 0) -> Tensor:
    """Indices of `per_class` items of every class, drawn without replacement, in ascending order."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        chosen.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    return torch.cat(chosen).sort().values


def cat_images(side: int) -> Tensor:
    """All training cats of AFHQ (Choi et al. 2020, arXiv:1912.01865), by name: uint8 RGB images [N, 3, side, side].

    They are resized as clean-fid advises: bicubic, and antialiased where they shrink (Parmar et al. 2022,
    arXiv:2104.11222). The images are CC BY-NC 4.0 and stay where they are; none may be embedded in the project.
    Raises DataMissing where there are none, or where one cannot be read.
    """
    files = _cat_files()
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    for row, file in enumerate(files):
        try:
            pixels[row] = np.asarray(_square(file, side))
        except OSError as error:
            raise DataMissing(f"{file} is not a whole image ({error}); copy AFHQ there again") from error
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _cat_files() -> list[Path]:
    for folder in CAT_FOLDERS:
        files = [file for file in (data_root() / folder).glob("*") if file.suffix.lower() in (".png", ".jpg")]
        if files:
            return sorted(files)
    raise DataMissing(
        f"there are no AFHQ cats under {data_root()}. Set DATA_ROOT to the folder that holds "
        f"{' or '.join(CAT_FOLDERS)}, with the cats in it as .png or .jpg (https://github.com/clovaai/stargan-v2)."
    )


def _square(file: Path, side: int) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
