"""The full data sets, for what is rebuilt from them; grading itself needs none."""

import os
from pathlib import Path

import torch
from torch import Tensor

from grading.errors import DataMissing
from grading.sandbox.inside import torchvision_operators

TORCHVISION_NAMES = {"fashion_mnist": "FashionMNIST", "mnist": "MNIST"}


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
