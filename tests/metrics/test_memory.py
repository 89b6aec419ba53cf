"""Images kept in weights, and weights that only look a little like images."""

import time

import pytest
import torch
from metrics_fakes import Student, real_images, setting, shut_gates
from torch import Tensor

from grading.assets import Assets, load
from grading.metrics.generation import class_conditional
from grading.metrics.memory import pictures, stored_images


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load("fashion_mnist")


def kept(assets: Assets) -> dict[str, Tensor]:
    """Twelve held-out images in every form in which somebody would keep them."""
    images = assets.images[:12]
    return {
        "as they are": images,
        "flat": images.flatten(),
        "by class": images.view(3, 4, 1, 28, 28),
        "as columns": images.flatten(1).T.contiguous(),
        "half": images.half(),
        "centred": 2 * images - 1,
        "bytes": (255 * images).round().to(torch.uint8),
    }


def test_images_in_weights_are_found_in_every_form(assets: Assets) -> None:
    for form, tensor in kept(assets).items():
        assert stored_images({"kept": tensor}, assets) == 12, form


def test_training_images_are_found_as_well(assets: Assets) -> None:
    codes = assets.training["codes"][::5000].float() * assets.training["scale"]
    images = codes @ assets.training["axes"].T + assets.training["mean"]
    assert stored_images({"kept": images}, assets) == len(codes)


def test_honest_weights_hold_none(assets: Assets) -> None:
    torch.manual_seed(0)
    prototypes = torch.stack([assets.images[assets.labels == label].mean(0) for label in range(10)])
    honest = {
        "last layer": torch.nn.Linear(400, 784).weight,
        "larger": 0.4 * torch.randn(784, 64),
        "prototypes of the classes": prototypes,
        "principal axes": assets.training["axes"],
        "mean": assets.training["mean"],
        "convolution": torch.nn.Conv2d(64, 98, 4).weight,
        "counters": torch.arange(1568),
        "nothing": torch.empty(0, 784),
    }
    for name, tensor in honest.items():
        assert stored_images({name: tensor}, assets) == 0, name


def test_what_is_no_row_of_that_length_is_left_alone() -> None:
    assert list(pictures(torch.zeros(785), 784)) == []
    assert list(pictures(torch.zeros(784, dtype=torch.complex64), 784)) == []


def test_the_gate_shuts_on_a_store_and_on_nothing_else(assets: Assets) -> None:
    rules = setting("vae.accuracy", assets, quick=True)
    store = class_conditional(Student(real_images(assets), {"kept": assets.images[:50]}), rules)
    assert store.named("stored").value == 50
    assert "stored" in shut_gates("vae.accuracy", store)
    honest = class_conditional(Student(real_images(assets)), rules)
    assert "stored" not in shut_gates("vae.accuracy", honest)


def test_a_buffer_of_any_size_is_looked_through_in_seconds_and_finds_what_is_in_it(assets: Assets) -> None:
    torch.manual_seed(0)
    hidden = torch.randint(-128, 127, (784 * 24_000,), dtype=torch.int8).view(-1, 784)
    begun = time.monotonic()
    assert stored_images({"noise": hidden}, assets) == 0
    among = torch.cat([hidden.float() / 255, assets.images[:40].flatten(1)])
    assert abs(stored_images({"kept": among}, assets) - 40) <= 20  # of a sample
    many = assets.images.flatten(1).repeat(12, 1)
    assert len(many) > 10_000 and abs(stored_images({"kept": many}, assets) / len(many) - 1) < 0.05
    assert time.monotonic() - begun < 120  # seconds of a busy machine; a cdist with every row took half an hour
