"""Class-conditional generation by students without a sandbox: honest ones, and ones that please a classifier."""

from collections.abc import Callable

import pytest
import torch
from metrics_fakes import Student, item, pleasing_noise, real_images, setting, shut_gates, with_known_training_set
from torch import Tensor

from grading.assets import Assets, load
from grading.checks.compare import Disagreement
from grading.credit import share_with_doubt
from grading.errors import Unrepeatable
from grading.metrics.generation import class_conditional
from grading.records import Evidence

ITEMS = ["vae.accuracy", "diffusion.accuracy"]


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load("fashion_mnist")


def graded(make: Callable[[Tensor, int], Tensor], name: str, assets: Assets) -> Evidence:
    return class_conditional(Student(make), setting(name, assets, quick=True))


def one_image_per_class(assets: Assets, noise: float) -> Callable[[Tensor, int], Tensor]:
    first = torch.stack([assets.images[assets.labels == label][0] for label in range(10)])

    def make(labels: Tensor, chunk: int) -> Tensor:
        rng = torch.Generator().manual_seed(chunk)
        return (first[labels] + noise * torch.randn(len(labels), 1, 28, 28, generator=rng)).clamp(0, 1)

    return make


@pytest.mark.parametrize("name", ITEMS)
def test_real_images_earn_everything(name: str, assets: Assets) -> None:
    student = Student(real_images(assets))
    found = class_conditional(student, setting(name, assets))
    accuracy = found.named("accuracy")
    assert accuracy.value == pytest.approx(0.92, abs=0.04)
    assert accuracy.note.startswith("the mark was decided")
    assert accuracy.n == item(name).sampling.looks[0]
    assert shut_gates(name, found) == {"disguised"}, "real images are known ones"
    assert share_with_doubt(item(name).ramp, accuracy) == 1
    assert {measured.name for measured in found.measurements} >= {
        "frechet_excess",
        "kernel_distance",
        "unique",
        "copies",
    }
    assert ("frechet_infinity" in {measured.name for measured in found.measurements}) == (accuracy.n >= 500)
    assert [seed for _, seed in student.asked[1:]] == [f"chunk {number}" for number in range(accuracy.n // 50)]


@pytest.mark.parametrize("name", ITEMS)
def test_noise_that_pleases_the_classifier(name: str, assets: Assets) -> None:
    pleasing = pleasing_noise(assets, torch.arange(10).repeat_interleave(5))
    found = graded(lambda labels, chunk: (pleasing + 0.01 * chunk).clamp(0, 1), name, assets)
    assert found.named("accuracy").value > 0.95, "the classifier is pleased"
    assert shut_gates(name, found) >= {"frechet_excess"}


@pytest.mark.parametrize("name", ITEMS)
@pytest.mark.parametrize(
    ("noise", "shut"),
    [(0.0, {"unique", "spread"}), (0.03, {"unique", "spread"}), (0.06, {"unique", "spread"}), (0.1, {"spread"})],
)
def test_one_image_per_class(name: str, noise: float, shut: set[str], assets: Assets) -> None:
    found = graded(one_image_per_class(assets, noise), name, assets)
    assert found.named("accuracy").value > 0.8, "the classifier is pleased"
    assert shut_gates(name, found) == shut | {"disguised"}


@pytest.mark.parametrize("name", ITEMS)
def test_copies_of_training_images(name: str, assets: Assets) -> None:
    known, training = with_known_training_set()
    found = graded(real_images(training), name, known)
    assert found.named("accuracy").value > 0.8
    assert shut_gates(name, found) == {"copies", "disguised"}


def test_images_of_the_wrong_classes_earn_nothing(assets: Assets) -> None:
    honest = real_images(assets)
    found = graded(lambda labels, chunk: honest((labels + 5) % 10, chunk), "diffusion.accuracy", assets)
    assert share_with_doubt(item("diffusion.accuracy").ramp, found.named("accuracy")) == 0


def test_diffusion_images_are_stretched_and_vae_images_are_not(assets: Assets) -> None:
    honest = real_images(assets)

    def pale(labels: Tensor, chunk: int) -> Tensor:
        return 0.02 * honest(labels, chunk) - 0.01

    assert graded(pale, "diffusion.accuracy", assets).named("accuracy").value > 0.8
    assert graded(pale, "vae.accuracy", assets).named("accuracy").value < 0.5


@pytest.mark.parametrize(
    "wrong",
    [torch.zeros(50, 28, 28), torch.zeros(49, 1, 28, 28), torch.full((50, 1, 28, 28), float("nan")), None],
    ids=["shape", "count", "nan", "nothing"],
)
def test_what_is_not_fifty_images_is_the_students(wrong: Tensor | None, assets: Assets) -> None:
    with pytest.raises(Disagreement, match="generate_sample"):
        graded(lambda labels, chunk: wrong, "vae.accuracy", assets)


class WithLoader(Student):
    """Its loader has made the first fifty images already."""

    def __init__(self, make: Callable[[Tensor, int], Tensor], labels: Tensor) -> None:
        super().__init__(make)
        self.labels = labels

    def ask(self, probe, args, seed=None, seconds=None):
        if "labels" in args:
            return super().ask(probe, args, seed, seconds)
        self.asked.append((probe, seed))
        return {"labels": self.labels, "images": self.make(self.labels, 0)}


@pytest.mark.parametrize(("ordered", "chunks"), [(True, 0), (False, 1)])
def test_the_loaders_own_images_are_the_first_chunk(ordered: bool, chunks: int, assets: Assets) -> None:
    """Where it asked for other labels, what it made cannot be judged and the first chunk is asked for."""
    labels = torch.arange(10).repeat_interleave(5) if ordered else torch.arange(10).repeat(5)
    student = WithLoader(real_images(assets), labels)
    found = class_conditional(student, setting("diffusion.accuracy", assets, quick=True))
    assert found.named("accuracy").n == 50
    again = ["load"] if ordered else []  # to see whether it makes the same
    assert [seed for _, seed in student.asked if seed != "early"] == ["load", *["chunk 0"] * chunks, *again]


def test_when_time_is_short_the_measurement_says_so(assets: Assets) -> None:
    found = class_conditional(Student(real_images(assets)), setting("vae.accuracy", assets, seconds=0.0))
    assert found.named("accuracy").cut_short
    assert found.named("accuracy").n == 50


def test_images_that_differ_with_the_same_seed_are_left_to_a_human(assets: Assets) -> None:
    student = Student(lambda labels, chunk: torch.rand(len(labels), 1, 28, 28))
    student.repeats = False
    with pytest.raises(Unrepeatable, match="the same seeds gave other images"):
        class_conditional(student, setting("vae.accuracy", assets, quick=True))
