"""The full data sets, for what is rebuilt from them; grading itself needs none."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from grading.errors import DataMissing
from grading.sandbox.inside import torchvision_operators

TORCHVISION_NAMES = {"fashion_mnist": "FashionMNIST", "mnist": "MNIST", "cifar10": "CIFAR10"}
FOLDERS = {"fashion_mnist": "FashionMNIST/raw", "mnist": "MNIST/raw", "cifar10": "cifar-10-batches-py"}
CAT_FOLDERS = ("afhq/train/cat", "afhq_v2/train/cat")


def data_root() -> Path:
    """Where data sets live: `DATA_ROOT`, else `data/` in the current folder."""
    return Path(os.environ.get("DATA_ROOT", "data")).expanduser()


def labelled_images(name: str, train: bool) -> tuple[Tensor, Tensor]:
    """A whole split: uint8 images [N, 1, 28, 28], or [N, 3, 32, 32] of CIFAR-10, and int64 labels [N].

    Raises DataMissing where the files are neither on disk nor to be downloaded.
    """
    try:
        dataset = _dataset(name, train)
    except RuntimeError:
        try:
            dataset = _dataset(name, train, download=True)
        except (OSError, RuntimeError) as error:
            raise DataMissing(
                f"{TORCHVISION_NAMES[name]} is not under {data_root()} and cannot be downloaded ({error}). "
                f"Set DATA_ROOT to the folder that holds {FOLDERS[name]}."
            ) from error
    images, labels = torch.as_tensor(dataset.data), torch.as_tensor(dataset.targets)
    return (images.permute(0, 3, 1, 2).contiguous() if images.ndim == 4 else images.unsqueeze(1)), labels


def on_disk(name: str) -> bool:
    """Whether a data set lies under `data_root()` whole, so that reading it downloads nothing."""
    if name not in TORCHVISION_NAMES:
        return False
    try:
        _dataset(name, train=False)
    except (OSError, RuntimeError):
        return False
    return True


def _dataset(name: str, train: bool, download: bool = False) -> Any:
    """torchvision's data set. Raises RuntimeError where it is not on disk and may not be downloaded."""
    torchvision_operators.define_if_missing()
    from torchvision import datasets  # slow to import, and not needed for grading

    return getattr(datasets, TORCHVISION_NAMES[name])(data_root(), train=train, download=download)


def balanced_indices(labels: Tensor, per_class: int, seed: int = 0) -> Tensor:
    """Indices of `per_class` items of every class, drawn without replacement, in ascending order."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        chosen.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    return torch.cat(chosen).sort().values


def spread_indices(labels: Tensor, ease: Tensor, per_class: int) -> Tensor:
    """Indices of `per_class` items of every class that are as easy and as hard as all are, in ascending order.

    ease: [N], such as the probability that a classifier gives the right class. A systematic sample in its order estimates
    how often other classifiers are right, too, with a smaller error than one drawn at random (Cochran 1977, chapter 8).
    """
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        ordered = members[ease[members].argsort(stable=True)]
        chosen.append(ordered[((torch.arange(per_class) + 0.5) * len(ordered) / per_class).long()])
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
