"""Formulas that build on one another, judged one at a time, so that one mistake costs once.

A formula is asked as it stands first. Where its answer is wrong, the functions it builds on may be to blame: it is asked
again with each of them replaced by a stand-in, an affine function with coefficients the judge chose. What right code
answers then is known too, whichever of them it calls and whichever it writes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

import torch
from hypothesis.strategies import SearchStrategy
from torch import Generator, Tensor

from grading.checks.compare import ATOL, Disagreement, close, shown, tensor
from grading.checks.search import on_the_smallest_input, smallest_failure
from grading.errors import Crashed, NotDone

EXAMPLES = 25
Coefficients = Mapping[str, Sequence[float]]
Case = TypeVar("Case")


@dataclass(frozen=True)
class Composed:
    """A formula of named quantities, some of which other functions of the student's compute."""

    what: str  # "the mean"
    written: str  # how it is written down, to begin the message of a slip with
    value: Callable[..., Tensor]  # the quantities, in order -> the right answer, in float64
    slips: Mapping[str, tuple[Callable[..., Tensor], str]]  # bug -> (what it computes, what to say)
    atol: float = ATOL


def affine(coefficients: Sequence[float], *values: Tensor) -> Tensor:
    """c_0 + c_1 v_1 + c_2 v_2 + …: what a stand-in answers."""
    constant, *factors = coefficients
    total = torch.tensor(constant, dtype=torch.float64)
    for factor, value in zip(factors, values, strict=True):
        total = total + factor * value.double()
    return total


def shaken(coefficients: Coefficients, rng: Generator) -> dict[str, list[float]]:
    """The coefficients, each moved by up to 10 %."""
    return {
        name: [round(c * (0.9 + 0.2 * torch.rand((), generator=rng).item()), 4) for c in row]
        for name, row in coefficients.items()
    }


def judge_composed(
    formula: Composed, ask: Callable[[bool], Any], quantities: Mapping[str, Sequence[Tensor]], show: str
) -> None:
    """Raises Disagreement unless the answer is right, or would be if the functions it builds on were.

    ask(replaced): the answer, with stand-ins for these functions or without
    quantities: name -> its true value, then what it may be in right code under stand-ins;  show: lines to paste
    """
    truth, alternatives = _values(formula.value, quantities)
    own = _own(ask)
    if _same(own, truth, formula.atol):
        return
    answer = ask(True)
    if any(_same(answer, right, formula.atol) for right in alternatives):
        return
    seen = own if isinstance(own, Tensor) else answer
    told = {"expected": shown(truth), "actual": shown(seen), "reproduce": show}
    for known in (answer, own):  # where another function is wrong as well, its own answer may look like another slip
        for bug, (wrong, message) in formula.slips.items():
            if any(_same(known, value, formula.atol) for value in _values(wrong, quantities)[1]):
                raise Disagreement(f"{formula.written}: {message}", bug=bug, **told)
    tensor(seen, formula.what, truth.shape)
    raise Disagreement(f"{formula.what} is not the expected value", **told)


def judge_everywhere(
    tables: Sequence[Case],
    inputs: SearchStrategy[Case],
    judge: Callable[[Case], object],
    examples: int = EXAMPLES,
) -> None:
    """Judges inputs in which every known mistake shows, then many others; tells of the smallest that fails."""

    def searched(case: Case) -> None:
        try:
            judge(case)
        except Crashed:  # float64 may be refused, but may not change the answer
            if not _in_float64(case):
                raise

    for table in tables:
        try:
            judge(table)
        except Disagreement as found:
            raise on_the_smallest_input(found, inputs, searched) from None
    smallest_failure(inputs, searched, examples)


def _in_float64(case: object) -> bool:
    values = case.values() if isinstance(case, dict) else case if isinstance(case, tuple) else [case]
    return any(isinstance(value, Tensor) and value.dtype == torch.float64 for value in values)


def _own(ask: Callable[[bool], Any]) -> Any:
    """The answer without stand-ins; None where code it builds on is missing or fails."""
    try:
        return ask(False)
    except (NotDone, Crashed):
        return None


def _values(formula: Callable[..., Tensor], quantities: Mapping[str, Sequence[Tensor]]) -> tuple[Tensor, list[Tensor]]:
    """What a formula gives with the true quantities, and with every combination of those and stand-ins."""
    values = [formula(*pick) for pick in product(*quantities.values())]
    return values[0], values


def _same(answer: Any, expected: Tensor, atol: float) -> bool:
    """Close, with nan where the expected answer has it: some mistakes take the root of what is negative."""
    if not isinstance(answer, Tensor) or answer.is_complex() or answer.shape != expected.shape:
        return False
    blank = expected.isnan()
    if not torch.equal(answer.isnan(), blank):
        return False
    return close(answer.double().masked_fill(blank, 0.0), expected.masked_fill(blank, 0.0), atol=atol)
