"""Images that repeat, images that hardly differ, and copies of training images."""

import pytest
import torch
from metrics_fakes import with_known_training_set
from torch import Tensor

from grading.assets import Assets, load
from grading.metrics.diversity import class_spread, copied_fraction, nearest_training_distance, unique_fraction


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load("fashion_mnist")


def one_per_class(assets: Assets, times: int) -> tuple[Tensor, Tensor]:
    labels = torch.arange(10).repeat_interleave(times)
    first = torch.stack([assets.images[assets.labels == label][0] for label in range(10)])
    return first[labels], labels


def noise(like: Tensor, size: float) -> Tensor:
    return size * torch.randn(like.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [0.0, 0.005])
def test_one_image_per_class_is_one_image_per_class(assets: Assets, size: float) -> None:
    images, labels = one_per_class(assets, 20)
    images = images + noise(images, size)
    assert unique_fraction(images, labels) == pytest.approx(1 / 20)
    assert class_spread(images, labels) < 0.01


def test_real_images_are_all_unique(assets: Assets) -> None:
    assert unique_fraction(assets.images[:500], assets.labels[:500]) == 1


def test_the_same_image_under_two_labels_is_not_a_repetition() -> None:
    assert unique_fraction(torch.zeros(2, 1, 28, 28), torch.tensor([0, 1])) == 1
    assert unique_fraction(torch.zeros(2, 1, 28, 28), torch.tensor([0, 0])) == 0.5


def test_half_repeated(assets: Assets) -> None:
    images = torch.cat([assets.images[:100], assets.images[:100]])
    assert unique_fraction(images, torch.cat([assets.labels[:100]] * 2)) == 0.5


def test_spread_is_the_root_mean_square_distance() -> None:
    images = torch.stack([torch.zeros(1, 28, 28), torch.full((1, 28, 28), 0.5), torch.ones(1, 28, 28)])
    assert class_spread(images[:2], torch.zeros(2).long()) == pytest.approx(0.5)
    assert class_spread(images, torch.zeros(3).long()) == pytest.approx(2 / 3)
    assert class_spread(images, torch.arange(3)) == 0, "no class has two images"


def test_training_copies_are_recognised_and_others_are_not(assets: Assets) -> None:
    known, training = with_known_training_set()
    assert copied_fraction(training.images[:200], known.images, known.training) == 1
    assert (
        copied_fraction(training.images[:200] + noise(training.images[:200], 0.02), known.images, known.training) > 0.95
    )
    assert copied_fraction(known.images[:200], known.images, known.training) < 0.01
    half = torch.cat([training.images[:100], known.images[:100]])
    assert copied_fraction(half, known.images, known.training) == pytest.approx(0.5, abs=0.01)


def test_held_out_images_are_no_copies_of_the_whole_training_set(assets: Assets) -> None:
    assert copied_fraction(assets.images[:500], assets.images, assets.training) < 0.01


def test_distance_to_a_training_image_is_about_zero(assets: Assets) -> None:
    known, training = with_known_training_set()
    own = nearest_training_distance(training.images[:50], known.training)
    others = nearest_training_distance(known.images[:50], known.training)
    assert own.shape == (50,)
    assert own.max() < 0.2 * others.median()
