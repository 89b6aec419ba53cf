"""One mistake costs once: what is forgiven by stand-ins, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from grading.checks.compare import Disagreement
from grading.checks.stand_ins import Composed, affine, judge_composed
from grading.errors import Crashed, NotDone

X = torch.tensor([1.0, 2.0, 3.0])
KNOWN = [0.5, 0.25]
PRODUCT = Composed(
    "the product",
    "y = 3 f(x)",
    lambda f: 3 * f,
    {"factor-missing": (lambda f: f, "the 3 is missing"), "nan": (lambda f: (f * 0 - 1).sqrt(), "a negative root")},
)


def judged(answer: Callable[[Callable[[Tensor], Tensor]], Any], own: Callable[[Tensor], Tensor] = torch.exp) -> None:
    """Judges code that builds on f(x) = exp(x); `own` is what the code's own f computes."""

    def ask(replaced: bool) -> Any:
        return answer((lambda x: affine(KNOWN, x)) if replaced else own)

    judge_composed(PRODUCT, ask, {"f": [X.double().exp(), affine(KNOWN, X)]}, "print(y)")


def fails(x: Tensor) -> Tensor:
    raise NotDone("to do")


def crashes(x: Tensor) -> Tensor:
    raise Crashed("ValueError")


def wrong(x: Tensor) -> Tensor:
    return x.sin()


@pytest.mark.parametrize("own", [torch.exp, wrong, fails, crashes])
def test_calling_is_right_whatever_the_other_function_does(own: Callable[[Tensor], Tensor]) -> None:
    judged(lambda f: 3 * f(X), own)


@pytest.mark.parametrize("own", [torch.exp, wrong, fails])
def test_writing_out_is_right_too(own: Callable[[Tensor], Tensor]) -> None:
    judged(lambda f: 3 * X.double().exp(), own)


def test_two_mistakes_that_cancel_are_right() -> None:
    judged(lambda f: f(X), lambda x: 3 * x.exp())


@pytest.mark.parametrize("own", [torch.exp, wrong, fails])
def test_a_slip_is_named_whatever_the_other_function_does(own: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(Disagreement) as caught:
        judged(lambda f: f(X), own)
    assert caught.value.verdict.bug == "factor-missing"
    assert caught.value.verdict.message == "y = 3 f(x): the 3 is missing"
    assert caught.value.verdict.reproduce == "print(y)"


def test_a_slip_that_gives_nan_is_named() -> None:
    with pytest.raises(Disagreement) as caught:
        judged(lambda f: torch.full((3,), torch.nan))
    assert caught.value.verdict.bug == "nan"


@pytest.mark.parametrize(
    "answer", [None, 3.0, torch.ones(3, 1), torch.ones(3), torch.tensor([1.0, torch.nan, 1.0]), torch.zeros(3) + 1j]
)
def test_other_answers_are_wrong(answer: Any) -> None:
    with pytest.raises(Disagreement) as caught:
        judged(lambda f: answer)
    assert caught.value.verdict.bug == ""


def test_a_crash_of_its_own_is_told_as_one() -> None:
    with pytest.raises(Crashed):
        judged(lambda f: crashes(X))
