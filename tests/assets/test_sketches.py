"""Images of a data set are known again in disguise, and others are not taken for them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from grading import assets
from grading.assets import sketches

DISGUISES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda images: images,
    "mirrored": lambda images: images.flip(-1),
    "upside down": lambda images: images.flip(-2),
    "turned about": lambda images: images.flip((-1, -2)),
    "inverted": lambda images: 1 - images,
    "paler": lambda images: 0.6 * images + 0.3,
    "inverted, mirrored and paler": lambda images: 0.9 - 0.5 * images.flip(-1),
}
PARTLY = {
    "under noise": (lambda images: (images + 0.05 * torch.randn(images.shape)).clamp(0, 1), 0.6),
    "turned a little": (lambda images: sketches.turned(images, 6.0), 0.3),
    "shifted": (lambda images: sketches.shifted(images, -1, 2), 0.3),
    "a tenth of others": (lambda images: 0.9 * images + 0.1 * images.roll(1, 0), 0.3),
}


def share(images: Tensor, name: str = "fashion_mnist") -> float:
    known = assets.load(name).sketches
    return (sketches.distances(images, known) < known["limit"]).double().mean().item()


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("name", ["fashion_mnist", "mnist"])
def test_test_images_are_known_in_disguise(name: str, disguise: str) -> None:
    images = assets.load(name).images[::200]
    assert share(DISGUISES[disguise](images), name) >= 0.9


@pytest.mark.parametrize("disguise", PARTLY)
def test_and_many_of_them_in_a_better_one(disguise: str) -> None:
    torch.manual_seed(0)
    change, least = PARTLY[disguise]
    assert share(change(assets.load("fashion_mnist").images[::100])) >= least


def test_what_is_no_known_image_is_not_taken_for_one() -> None:
    """Means of two images of a class are like images, and are none."""
    known = assets.load("fashion_mnist")
    torch.manual_seed(0)
    pairs = [known.images[known.labels == label][:4].mean(0) for label in range(10)]
    assert share(torch.stack(pairs)) == 0
    assert share(torch.rand(10, 1, 28, 28)) == 0


def test_sketches_are_small_and_draw_nothing() -> None:
    known = assets.load("fashion_mnist").sketches
    assert len(known["codes"]) == 70_000
    assert sum(each.numel() * each.element_size() for each in known.values()) < 3_000_000


def test_sketches_of_other_images_are_made() -> None:
    """Of images of noise each is known by its own sketch, and far from all others."""
    images = torch.randint(0, 256, (300, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    made = sketches.sketched(images)
    assert made["codes"].shape == (300, sketches.NUMBERS)
    own = sketches.distances(images[:20].float() / 255, made)
    others = sketches.distances(images[:20].float() / 255, made, but=torch.arange(20))
    assert (own < 0.3 * others).all()


def test_shifts_and_turns() -> None:
    image = torch.zeros(1, 1, 5, 5)
    image[..., 2, 3] = 1
    assert sketches.shifted(image, 1, -1)[..., 3, 2] == 1
    assert torch.allclose(sketches.turned(image, 0.0), image)
    assert sketches.turned(image, 90.0)[..., 3, 2] + sketches.turned(image, 90.0)[..., 1, 2] == pytest.approx(
        1, abs=1e-4
    )
