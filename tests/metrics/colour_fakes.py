"""A small colour data set that is known through and through, and what a row of a rubric makes of it."""

from functools import cache
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grading.assets import Assets
from grading.assets.build import statistics
from grading.credit import Ramp
from grading.metrics import test_set
from grading.metrics.setting import Setting
from grading.rubric import Sampling

CLASSES, OF_EACH, EMBEDDED = 10, 40, 20
NAMES = [f"class {number}" for number in range(CLASSES)]


def prototypes() -> Tensor:
    """What the images of each class are like: [10, 3, 32, 32]."""
    coarse = torch.rand(CLASSES, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return 0.15 + 0.7 * F.interpolate(coarse, (32, 32), mode="bilinear", align_corners=False)


@cache
def population() -> tuple[Tensor, Tensor]:
    """The whole test set: uint8 images [400, 3, 32, 32] and labels."""
    rng = torch.Generator().manual_seed(2)
    labels = torch.arange(CLASSES).repeat(OF_EACH)
    light = 0.2 * torch.randn(len(labels), 3, 1, 1, generator=rng)
    images = prototypes()[labels] + light + 0.05 * torch.randn(len(labels), 3, 32, 32, generator=rng)
    return (images.clamp(0, 1) * 255).round().to(torch.uint8), labels


class Nearest(nn.Module):
    """The judge's classifier: the nearer to a prototype, the higher the logit."""

    def forward(self, images: Tensor) -> Tensor:
        return -torch.cdist(images.flatten(1).float(), prototypes().flatten(1)).square()


class Coarse(nn.Module):
    """The judge's encoder: the colours of each quarter of an image, [N, 12]."""

    def forward(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images.float(), 2).flatten(1)


@cache
def colour_assets() -> Assets:
    """Half of the test set, embedded."""
    images, labels = population()
    chosen = torch.arange(CLASSES * EMBEDDED)
    known = statistics(Coarse(), images)
    facts = {"statistics_images": len(labels), "classes": NAMES}
    return Assets("cifar10", Nearest(), Coarse(), images[chosen].float() / 255, labels[chosen], known, {}, facts)


def colour_setting(ramp: Ramp | None = None, model: str = "", seconds: float = 300.0, quick: bool = False) -> Setting:
    return Setting(Sampling(model=model, file="weights.pt"), ramp, colour_assets(), seconds, quick, "tests")


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A disk with the whole test set on it, or without: `on_disk.there = False`. Nothing is read that is not there."""
    disk = SimpleNamespace(there=True, read=0)

    def labelled_images(name: str, train: bool) -> tuple[Tensor, Tensor]:
        assert disk.there, "what is not on disk would be downloaded"
        assert (name, train) == ("cifar10", False)
        disk.read += 1
        return population()

    monkeypatch.setattr(test_set, "on_disk", lambda name: disk.there)
    monkeypatch.setattr(test_set, "labelled_images", labelled_images)
    return disk
