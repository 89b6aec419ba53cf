"""The accuracy of discriminators that are known: whatever their scores and their pixels, and each image by itself."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from colour_fakes import Nearest, colour_assets, colour_setting, on_disk, population  # noqa: F401
from torch import Tensor

from grading.checks.compare import Disagreement
from grading.credit import Ramp, wilson
from grading.errors import Crashed, NotDone
from grading.metrics.auxiliary import WAYS, accuracy
from grading.records import Measurement

SHARP = 0.05  # of the logits, so that probabilities are not all 0 or 1


class Names:
    """Names the class by the nearest prototype, but for one image in four; `scores` makes something of the logits."""

    def __init__(self, scores: Callable[[Tensor], Tensor] = lambda logits: logits, wrong: bool = True) -> None:
        self.scores, self.wrong = scores, wrong
        self.asked: list[Tensor] = []

    def pixels(self, x: Tensor) -> Tensor:
        return x

    def class_scores(self, x: Tensor) -> Tensor:
        self.asked.append(x)
        logits = SHARP * Nearest()(self.pixels(x).float())
        hard = (x[:, 0, 0, 0] * 1e4).long() % 4 == 0  # as good as chance, and a matter of the image alone
        return self.scores(torch.where((hard & self.wrong).unsqueeze(1), logits.roll(1, 1), logits))


def right(student: Names, images: Tensor, labels: Tensor) -> int:
    return int((student.class_scores(images).argmax(1) == labels).sum())


def measured(student: object, **how: object) -> Measurement:
    return accuracy(student, colour_setting(**how)).named("accuracy")


SCORES = {
    "logits": lambda logits: logits,
    "probabilities": lambda logits: logits.softmax(1),
    "their logarithms": lambda logits: logits.log_softmax(1),
    "one class": lambda logits: torch.nn.functional.one_hot(logits.argmax(1), 10),
    "the logarithm of that": lambda logits: torch.nn.functional.one_hot(logits.argmax(1), 10).float().log(),
    "large logits": lambda logits: 1e4 * logits - 1e6,
}


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_scores_of_any_kind(scores: Callable[[Tensor], Tensor]) -> None:
    known = colour_assets()
    expected = right(Names(), known.images, known.labels)
    found = measured(Names(scores))
    assert 100 < expected < 180
    assert found.value == expected / 200
    low, high = wilson(expected, 200)  # narrower, since half of the 400 test images were looked at
    assert found.value - found.low == pytest.approx((expected / 200 - low) / 2**0.5)
    assert found.high - found.value == pytest.approx((high - expected / 200) / 2**0.5)
    assert (found.n, found.unit, found.cut_short) == (200, "%", False)


def test_the_same_score_for_every_class_names_none() -> None:
    found = measured(Names(lambda logits: torch.zeros_like(logits)))
    assert found.value == 0, "the first of them would be right in 10 %"


@pytest.mark.parametrize("way", WAYS)
def test_pixels_as_the_discriminator_wants_them(way: str) -> None:
    class Brought(Names):
        """Blind where pixels are not whole 255ths after they have been brought back."""

        def pixels(self, x: Tensor) -> Tensor:
            known = colour_assets().images.transpose(0, 1).flatten(1)
            mean, deviation = known.mean(1).view(1, 3, 1, 1), known.std(1).view(1, 3, 1, 1)
            back = {WAYS[0]: x, WAYS[1]: (x + 1) / 2, WAYS[2]: x * deviation + mean}[way]
            steps = (255 * back - (255 * back).round()).abs().amax((1, 2, 3), keepdim=True)
            return torch.where(steps < 1e-2, back, 0.5)

    found = measured(Brought(wrong=False))
    assert found.value > 0.95
    assert f"asked with pixels {way}, " in found.note
    assert all(f"{other}: " in found.note for other in WAYS if other != way)


def test_labels_stay_with_the_judge_and_batches_are_of_one_size() -> None:
    student = Names()
    measured(student)
    assert {len(x) for x in student.asked} == {100, 50}


@pytest.mark.parametrize("there", [True, False])
def test_the_whole_test_set_where_the_mark_is_open(on_disk: SimpleNamespace, there: bool) -> None:  # noqa: F811
    on_disk.there = there
    images, labels = population()
    found = measured(Names(), ramp=Ramp(0.8, 0.7))
    assert found.n == (400 if there else 200)
    if there:
        assert found.value == found.low == found.high == right(Names(), images.float() / 255, labels) / 400
        assert "all 400 test images" in found.note
    else:
        assert (
            "200 of the 400 test images, chosen to be as easy and as hard as all of them; the rest is not on disk"
            in found.note
        )


@pytest.mark.parametrize("how", [{"ramp": Ramp(0.2, 0.1)}, {"ramp": None}, {"ramp": Ramp(0.8, 0.7), "quick": True}])
def test_and_not_where_it_is_decided_or_has_to_be_quick(on_disk: SimpleNamespace, how: dict[str, object]) -> None:  # noqa: F811
    assert measured(Names(), **how).n == 200
    assert on_disk.read == 0


def test_nor_where_the_time_is_too_short(on_disk: SimpleNamespace) -> None:  # noqa: F811
    found = measured(Names(), ramp=Ramp(0.8, 0.7), seconds=0.0)
    assert (found.n, found.cut_short) == (200, True)
    assert "does not allow for all" in found.note


def test_the_note_tells_each_class() -> None:
    class Blind(Names):
        def class_scores(self, x: Tensor) -> Tensor:
            return super().class_scores(x).index_fill(1, torch.tensor([3]), -1e6)

    found = measured(Blind(wrong=False))
    shares = [int(word) for word in found.note.split("in %: ")[1].split(";")[0].split(", ")]
    assert shares[3] == 0
    assert min(shares[:3] + shares[4:]) > 80


class OfTheBatch(Names):
    """Normalises by the statistics of the batch."""

    def pixels(self, x: Tensor) -> Tensor:
        return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True) * 0.2 + 0.5


class InOrder(Names):
    """Says of an image what its place in the batch suggests."""

    def class_scores(self, x: Tensor) -> Tensor:
        return super().class_scores(x) + torch.nn.functional.one_hot(torch.arange(len(x)) % 10, 10)


@pytest.mark.parametrize("kind", [OfTheBatch, InOrder])
def test_an_image_is_judged_by_itself(kind: type[Names]) -> None:
    with pytest.raises(Disagreement, match="images they are shown with") as caught:
        measured(kind())
    assert caught.value.verdict.bug == "batch-dependent"


@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_rounding_is_no_dependence_on_the_batch(scores: Callable[[Tensor], Tensor]) -> None:
    """Sums in another order, which the place in a batch may decide, differ by some 1e-6 of their size."""

    def rounded(logits: Tensor) -> Tensor:
        return scores(logits * (1 + 1e-6 * (torch.arange(len(logits)) % 7).unsqueeze(1)))

    found = measured(Names(rounded))
    assert found.value > 0.5
    assert "differ from one time to the next" not in found.note


def test_dropout_that_is_never_off_is_noted_and_no_fault() -> None:
    noise = torch.Generator().manual_seed(0)
    found = measured(Names(lambda logits: logits + 0.3 * torch.randn(logits.shape, generator=noise)))
    assert found.value > 0.3
    assert "differ from one time to the next" in found.note
    assert "differ from one time to the next" not in measured(Names()).note


@pytest.mark.parametrize(
    "scores",
    [lambda x: x[:, :9], lambda x: x[:1], lambda x: x * float("nan"), lambda x: x.abs() / 0, lambda x: None],
    ids=["nine", "one", "nan", "infinite", "nothing"],
)
def test_what_are_no_scores_is_the_students(scores: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(Disagreement, match="the class scores"):
        measured(Names(scores))


def test_a_way_that_cannot_be_asked_is_not_its_way() -> None:
    class Strict(Names):
        def class_scores(self, x: Tensor) -> Tensor:
            if x.min() < 0:
                raise Crashed("pixels should be in [0, 1]")
            return super().class_scores(x)

    assert measured(Strict(wrong=False)).value > 0.95


def test_what_is_still_to_do_is_told() -> None:
    class ToDo(Names):
        def class_scores(self, x: Tensor) -> Tensor:
            raise NotDone("still to do")

    with pytest.raises(NotDone):
        measured(ToDo())
