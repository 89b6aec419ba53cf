"""How many samples until the mark is decided."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LOOK_Z = 2.576  # per look: the 99 % interval, so that looking again and again does not decide too early


@dataclass(frozen=True)
class Sample:
    """Images with the labels that were asked for, and why there are not more of them."""

    images: Tensor  # [N, 1, 28, 28]
    labels: Tensor  # [N]
    stopped: str
    cut_short: bool  # the time budget ended it


def in_looks(
    draw: Callable[[int], tuple[Tensor, Tensor]],
    decided: Callable[[Tensor, Tensor], bool],
    looks: Sequence[int],
    seconds: float,
) -> Sample:
    """Draws chunk after chunk; at every look asks whether the mark is decided.

    draw: called with 0, 1, 2, …; returns the images and labels of that chunk
    seconds: no chunk is begun that would, going by the longest so far, end later than this
    """
    start, longest, chunks = time.monotonic(), 0.0, 0
    images, labels = torch.empty(0), torch.empty(0, dtype=torch.int64)
    for look in looks:
        while len(labels) < look:
            begun = time.monotonic()
            if chunks and begun - start + longest > seconds:
                return Sample(images, labels, f"the time for this item ({seconds:g} s) was used up", True)
            more_images, more_labels = draw(chunks)
            images = torch.cat([images, more_images]) if chunks else more_images
            labels = torch.cat([labels, more_labels])
            longest, chunks = max(longest, time.monotonic() - begun), chunks + 1
        if decided(images, labels):
            return Sample(images, labels, "the mark was decided", False)
    return Sample(images, labels, "all the samples planned were drawn", False)
