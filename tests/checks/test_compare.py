"""Every comparator can fail, and does when it should."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from grading.checks.compare import (
    Disagreement,
    Slip,
    close,
    one_of,
    parts,
    reductions,
    scalar,
    shown,
    tensor,
    which,
    within,
)
from grading.errors import BadAnswer

NAN, INF = math.nan, math.inf


def agree(
    actual: Any, expected: Tensor, what: str, bugs: dict[str, tuple[Tensor, str]] | None = None, **more: Any
) -> None:
    """Where one answer is right."""
    one_of(actual, [expected], what, {bug: Slip(*slip) for bug, slip in (bugs or {}).items()}, **more)


def told(*args: Any, **kwargs: Any) -> Disagreement:
    with pytest.raises(Disagreement) as caught:
        agree(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (torch.tensor([1.0]), torch.ones(4, 4)),  # would broadcast
        (torch.ones(4, 1), torch.ones(4)),
        (torch.ones(()), torch.ones(1)),
        (torch.ones(0), torch.ones(1)),
        (torch.tensor([NAN]), torch.tensor([1.0])),
        (torch.tensor([NAN]), torch.tensor([NAN])),
        (torch.tensor([INF]), torch.tensor([INF])),
        (torch.tensor([1.0]), torch.tensor([INF])),
        (torch.tensor([1.0]), torch.tensor([NAN])),
        (torch.tensor([1.0, 1e9]), torch.tensor([1.0, INF])),
        (torch.tensor([1.001]), torch.tensor([1.0])),
        (torch.tensor([-1.0]), torch.tensor([1.0])),
        (torch.tensor([2.0, -2.0]), torch.tensor([-2.0, 2.0])),  # the differences add up to zero
        (torch.zeros(3), torch.full((3,), 1e-3)),
    ],
)
def test_not_close(actual: Tensor, expected: Tensor) -> None:
    assert not close(actual, expected)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_the_tolerance_grows_with_the_largest_expected_value(size: float) -> None:
    expected = size * torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    assert close(expected + 0.5e-4 * size, expected)
    assert not close(expected + 2e-4 * size + 1e-5, expected)


def test_close_is_exact_about_its_bound() -> None:
    expected = torch.tensor([10.0], dtype=torch.float64)
    assert close(expected + 0.9, expected, rtol=0.09, atol=0.01)
    assert not close(expected + 0.92, expected, rtol=0.09, atol=0.01)
    assert close(torch.ones(0), torch.ones(0))
    assert close(torch.tensor([1], dtype=torch.int64), torch.tensor([1.0]))


@pytest.mark.parametrize("value", [None, "1.0", [1.0], (1.0,), {"a": 1}])
def test_what_is_no_tensor(value: object) -> None:
    with pytest.raises(Disagreement, match="should be a tensor"):
        tensor(value, "x")


@pytest.mark.parametrize("value", [torch.tensor([1.0, NAN]), torch.tensor([INF]), torch.tensor([-INF]), NAN, INF])
def test_what_is_not_finite(value: object) -> None:
    with pytest.raises(Disagreement, match="nan or inf"):
        tensor(value, "x")


def test_a_wrong_shape_says_both() -> None:
    with pytest.raises(Disagreement) as caught:
        tensor(torch.ones(2, 3), "x", (3, 2))
    assert (caught.value.verdict.expected, caught.value.verdict.actual) == ("shape [3, 2]", "shape [2, 3]")


def test_complex_numbers_do_not_lose_half_of_themselves() -> None:
    with pytest.raises(Disagreement):
        tensor(torch.tensor([1 + 5j]), "x")


class Tagged(Tensor):
    """A subclass, as some libraries return."""


@pytest.mark.parametrize(
    "kind", [torch.nn.Parameter, lambda value: value.as_subclass(Tagged)], ids=["parameter", "tagged"]
)
def test_subclasses_are_compared_like_tensors(kind: Any) -> None:
    expected = torch.tensor([1.0, 2.0])
    agree(kind(expected.clone()), expected, "x")
    told(kind(expected + 1), expected, "x")
    told(kind(torch.tensor([NAN, 2.0])), expected, "x")


@pytest.mark.parametrize("value", [2, 2.0, True, torch.tensor(2.0), torch.tensor([2.0]), torch.tensor([[2]])])
def test_one_number(value: object) -> None:
    assert scalar(value, "x") == (1 if value is True else 2)


@pytest.mark.parametrize("value", [torch.ones(2), torch.ones(0), None, NAN])
def test_not_one_number(value: object) -> None:
    with pytest.raises(Disagreement):
        scalar(value, "x")


def test_agree_names_a_known_bug_but_never_blames_a_right_answer() -> None:
    expected, wrong = torch.tensor([1.0]), torch.tensor([2.0])
    bugs = {"same": (expected, "no bug at all"), "doubled": (wrong, "you doubled it")}
    agree(expected, expected, "x", bugs)
    error = told(wrong, expected, "x", bugs, show="print(x)")
    assert (str(error), error.verdict.bug, error.verdict.share) == ("you doubled it", "doubled", 0.0)
    assert (error.verdict.expected, error.verdict.actual) == ("[1] of shape [1]", "[2] of shape [1]")
    assert error.verdict.reproduce == "print(x)"
    assert told(torch.tensor([3.0]), expected, "x", bugs).verdict.bug == ""


@pytest.mark.parametrize("expected", [torch.linspace(0.1, 1, 5), torch.full((2, 2), 0.1), torch.tensor(-7.0)])
@pytest.mark.parametrize(
    "wrong", [torch.zeros_like, lambda x: -x, lambda x: x * 1.01, lambda x: x.reshape(1, *x.shape)]
)
def test_agree_fails(expected: Tensor, wrong: Any) -> None:
    told(wrong(expected), expected, "x")


def test_the_four_reductions() -> None:
    found = reductions(torch.tensor([1.0, 3.0]), 8)
    assert [value.tolist() for value in found.values()] == [4.0, 2.0, 0.5, [1.0, 3.0]]


def test_which() -> None:
    candidates = {"sum": torch.tensor(4.0), "mean": torch.tensor(2.0), "each": torch.tensor([1.0, 3.0])}
    assert which(torch.tensor([2.0]), candidates) == "mean"
    assert which(torch.tensor([[1.0, 3.0]]), candidates) == "each"
    for wrong in (torch.tensor(2.1), torch.tensor(NAN), torch.tensor([4.0, 4.0]), torch.ones(0)):
        assert which(wrong, candidates) == ""


@pytest.mark.parametrize(
    ("value", "wanted"), [(1.0, True), (1.49, True), (1.51, False), (0.49, False), (NAN, False), (INF, False)]
)
def test_within(value: float, wanted: bool) -> None:
    assert within(value, 1.0, 0.1) is wanted


def test_shown() -> None:
    assert shown(torch.tensor(1.5)) == "1.5"
    assert shown(torch.arange(8), 2) == "[0, 1, …] of shape [8]"
    assert shown(None) == "None"
    assert len(shown("x" * 1000)) == 200


@pytest.mark.parametrize("answer", [None, 3, [1], {}, {"z": "text"}, {"other": torch.zeros(1)}])
def test_parts_refuses_what_no_probe_answers(answer: object) -> None:
    with pytest.raises(BadAnswer):
        parts(answer, z=torch.Tensor)


def test_parts_allows_a_part_to_be_none() -> None:
    assert parts({"z": None, "more": 1}, z=torch.Tensor)["z"] is None
