"""Images that are moved a little, and a little noise that is found in them."""

import pytest
import torch

from grading import assets
from grading.metrics.early import found_noise
from grading.metrics.moving import moved


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_every_image_is_moved_and_stays_what_it_is() -> None:
    images = assets.load("mnist").images[:40]
    other = moved(images, rng(), mirrored=False, most=1, noise=0.0)
    apart = (images - other).flatten(1).abs().amax(1)
    assert (apart > 0.3).all()
    assert other.sum() == pytest.approx(images.sum().item(), rel=0.01)


def test_mirrored_images_are_mirrored() -> None:
    images = torch.zeros(3, 3, 32, 32)
    images[..., :8] = 1
    other = moved(images, rng(), mirrored=True)
    assert (other[..., :20].mean((1, 2, 3)) < 0.05).all()
    assert (other[..., -6:].mean((1, 2, 3)) > 0.9).all()
    assert other.min() >= 0 and other.max() <= 1


def test_they_are_the_same_for_one_seed() -> None:
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(moved(images, rng(), True), moved(images, rng(), True))


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_little_noise_is_found(scale: float) -> None:
    """Whatever the images are multiplied by."""
    clean, noise = assets.load("mnist").images[:20], torch.randn(20, 1, 28, 28, generator=rng())
    shown = scale * (0.99 * clean + 0.14 * noise)
    assert found_noise(shown, clean, noise).value > 0.99
    kept = clean.roll(1, 0)  # what denoises towards other images finds the difference to those
    assert found_noise(shown, clean, (shown / scale - 0.99 * kept) / 0.14).value < 0.4
    assert abs(found_noise(shown, clean, torch.randn(20, 1, 28, 28)).value) < 0.1
