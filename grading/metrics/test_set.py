"""What a model is measured on: embedded test images first, and the whole test set where those leave the mark open."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from grading.assets.datasets import balanced_indices, labelled_images, on_disk
from grading.metrics.setting import Setting

BATCH = 100  # images asked about at a time, always: a regrade gives the same numbers
QUICK = 50  # of each class

T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """Images of a test set, in [0, 1]."""

    images: Tensor  # [N, C, H, W]
    labels: Tensor  # [N]
    population: int  # how many the test set has
    told: str  # which they are, and why there are no more

    @property
    def left_out(self) -> float:
        """The share of the test set that is not among them."""
        return 1 - len(self.images) / self.population

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """Images and labels, a hundred at a time."""
        return list(zip(self.images.split(BATCH), self.labels.split(BATCH), strict=True))


@dataclass(frozen=True)
class Look(Generic[T]):
    """What was found, on which images."""

    found: T
    seen: Selection
    cut_short: bool = False  # the whole test set was wanted, and the time would not have sufficed


def few(setting: Setting) -> Selection:
    """Fifty of each class of the embedded test images."""
    return _chosen(setting, balanced_indices(setting.assets.labels, QUICK))


def embedded(setting: Setting) -> Selection:
    """The embedded test images; few of them where it has to be quick."""
    return few(setting) if setting.quick else _chosen(setting, torch.arange(len(setting.assets.labels)))


def _chosen(setting: Setting, indices: Tensor) -> Selection:
    assets, population = setting.assets, setting.assets.facts["statistics_images"]
    told = f"{len(indices):,} of the {population:,} test images"
    if not setting.quick:
        told += ", chosen to be as easy and as hard as all of them"
    return Selection(assets.images[indices], assets.labels[indices], population, told)


def whole(setting: Setting) -> Selection | None:
    """The whole test set; None where it is not on disk."""
    if not on_disk(setting.assets.name):
        return None
    images, labels = labelled_images(setting.assets.name, train=False)
    return Selection(images.float() / 255, labels, len(images), f"all {len(images):,} test images")


def in_two_looks(setting: Setting, measure: Callable[[Selection], T], decided: Callable[[T], bool]) -> Look[T]:
    """Measures on the embedded images, and on the whole test set where those do not decide the mark.

    The second look is not begun where, going by the first, it would end later than the row's time.
    """
    begun, first = time.monotonic(), embedded(setting)
    look = Look(measure(first), first)
    taken = time.monotonic() - begun
    if setting.quick or decided(look.found):
        return look
    second = whole(setting)
    if second is None:
        return _because(look, "the rest is not on disk")
    if taken * (1 + len(second.images) / len(first.images)) > setting.seconds:
        return _because(look, f"the time for this item ({setting.seconds:g} s) does not allow for all", cut_short=True)
    return Look(measure(second), second)


def _because(look: Look[T], why: str, cut_short: bool = False) -> Look[T]:
    return replace(look, seen=replace(look.seen, told=f"{look.seen.told}; {why}"), cut_short=cut_short)
