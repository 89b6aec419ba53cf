"""What generators draw that are known: real images, others' classes, one image again and again."""

from collections.abc import Callable

import pytest
import torch
from colour_fakes import colour_assets, colour_setting, population, prototypes
from torch import Tensor

from grading.checks.compare import Disagreement
from grading.metrics.generated import in_unit_range, shown
from grading.records import Evidence


class Generator:
    """Answers with `make(labels, chunk)`."""

    def __init__(self, make: Callable[[Tensor, int], Tensor]) -> None:
        self.make, self.asked = make, []

    def ask(self, probe: str, args: dict[str, Tensor], seed: str, seconds: float) -> Tensor:
        assert probe == "generated"
        self.asked.append(seed)
        return self.make(args["labels"], int(seed.removeprefix("chunk ")))


def real(labels: Tensor, chunk: int) -> Tensor:
    """Images of the test set, others in every chunk as long as there are any."""
    images, known = population()
    places = torch.arange(len(labels)) % 5 + 5 * chunk
    members = torch.stack([(known == label).nonzero().flatten() for label in range(10)])
    return images[members[labels, places % members.shape[1]]].float() / 255


def found(make: Callable[[Tensor, int], Tensor], quick: bool = True) -> Evidence:
    return shown(Generator(make), colour_setting(quick=quick))


def test_real_images() -> None:
    student = Generator(real)
    evidence = shown(student, colour_setting())
    accuracy, excess, kernel, unique = (
        evidence.named(name) for name in ("accuracy", "frechet_excess", "kernel_distance", "unique")
    )
    assert student.asked == [f"chunk {number}" for number in range(10)]
    assert (accuracy.n, excess.n, kernel.n, unique.n) == (500,) * 4
    assert accuracy.value > 0.95
    assert (
        abs(excess.value) < 0.02 < found(lambda labels, chunk: 0.5 * real(labels, chunk)).named("frechet_excess").value
    )
    assert abs(kernel.value) < 0.01
    assert unique.value == pytest.approx(0.8, abs=0.05), "500 images, of which 400 are different"


def test_of_other_classes() -> None:
    accuracy = found(lambda labels, chunk: real((labels + (labels == 7)) % 10, chunk)).named("accuracy")
    shares = [int(word) for word in accuracy.note.split("in %: ")[1].split(", ")]
    assert shares[7] < 20
    assert min(shares[:7] + shares[8:]) > 80


def test_one_image_per_class() -> None:
    evidence = found(lambda labels, chunk: prototypes()[labels])
    assert evidence.named("accuracy").value == 1
    assert evidence.named("unique").value == pytest.approx(0.1)
    assert evidence.named("unique").value < found(real).named("unique").value


@pytest.mark.parametrize("make", [lambda images: 2 * images - 1, lambda images: images], ids=["tanh", "sigmoid"])
def test_either_range_is_welcome(make: Callable[[Tensor], Tensor]) -> None:
    measured = found(lambda labels, chunk: make(real(labels, chunk)))
    plain = found(real)
    for name in ("accuracy", "unique", "frechet_excess"):
        assert measured.named(name).value == pytest.approx(plain.named(name).value, abs=1e-4)


def test_the_range_is_that_of_all_images_and_not_of_a_chunk() -> None:
    """A chunk of bright images in [-1, 1] is not taken for one in [0, 1]."""

    def make(labels: Tensor, chunk: int) -> Tensor:
        return 2 * real(labels, chunk) - 1 if chunk == 0 else torch.full((len(labels), 3, 32, 32), 0.2)

    assert in_unit_range(make(torch.zeros(1).long(), 1)).max().item() == pytest.approx(0.2)
    whole = in_unit_range(torch.cat([make(torch.arange(10), chunk) for chunk in range(2)]))
    assert whole[-1].max().item() == pytest.approx(0.6)
    assert (in_unit_range(torch.tensor([-0.05, 1.2])).tolist()) == [0, 1]


def test_it_is_quick_with_a_hundred() -> None:
    assert found(real).named("accuracy").n == 100


def test_two_of_each_class_are_shown() -> None:
    (picture,) = found(real).pictures
    assert picture.png[16:24] == (92 + 2 * 68).to_bytes(4) + (10 * 68).to_bytes(4)


@pytest.mark.parametrize(
    "make",
    [
        lambda labels, chunk: torch.zeros(len(labels), 3, 28, 28),
        lambda labels, chunk: torch.zeros(len(labels) - 1, 3, 32, 32),
        lambda labels, chunk: real(labels, chunk) * float("nan"),
        lambda labels, chunk: None,
    ],
    ids=["size", "count", "nan", "nothing"],
)
def test_what_are_no_images_is_the_students(make: Callable[[Tensor, int], Tensor]) -> None:
    with pytest.raises(Disagreement, match="what the generator gives"):
        found(make)


def test_the_embedded_images_are_what_they_are_compared_with() -> None:
    assert colour_assets().images.shape == (200, 3, 32, 32)
