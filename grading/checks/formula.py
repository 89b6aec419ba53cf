"""Formulas that give one number per sample of a batch: how they are judged, whichever the formula."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis.strategies import SearchStrategy
from torch import Tensor

from grading.checks.batches import Batch
from grading.checks.compare import HALF, NEARLY, RTOL, Disagreement, all_parts, close, shown, tensor, which
from grading.checks.pairs import pairs
from grading.checks.search import on_the_smallest_input, smallest_failure
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

EXAMPLES = 40
Slips = Mapping[str, tuple[Tensor, str]]  # bug -> (the answer it gives, what to tell the student)


class WrongShape(Disagreement):
    """The shape is the fault, so a smaller input shows it no better."""


@dataclass(frozen=True)
class Formula:
    """What a function of a batch should give. An error is forgiven in proportion to the sizes of the terms, since float32
    loses digits where large ones cancel."""

    probe: str
    what: str  # "the log-likelihood"
    terms: Callable[..., Tensor]  # the inputs, [B, D] in float64 -> [B, T], whose sum over T is the right answer
    slips: Callable[..., Slips]
    gradients: tuple[str, ...] = ()  # inputs whose gradient training needs
    rtol: float = RTOL
    not_finite: tuple[str, str] = ("not-finite", "nan or inf where every input is finite")  # bug, message

    def exact(self, given: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The right answer [B], and the scale [B] of its rounding errors."""
        terms = self.terms(**_rows(given))
        return terms.sum(1), 0.1 + terms.detach().abs().sum(1)


def judge(
    formula: Formula, student: Subject, reference: Subject, tables: Sequence[Batch], inputs: SearchStrategy[Batch]
) -> None:
    """Raises Disagreement unless the answers are right on the tables, where known mistakes are recognised best, and on
    whatever is drawn; unless inputs are left as they are; unless gradients flow. The input shown is the smallest."""
    call = by_hand(reference, formula.probe, tables[0].rows)

    def right_on(batch: Batch) -> None:
        _right(formula, student, batch, call)

    for batch in tables:
        try:
            right_on(batch)
        except WrongShape:
            raise
        except Disagreement as first:
            raise on_the_smallest_input(first, inputs, right_on) from None
    smallest_failure(inputs, right_on, EXAMPLES)
    given = tables[-1].tensors()
    watched = student.watched(probe=formula.probe, inputs=given)
    leaves_inputs_alone(watched, given, reproduced(tables[-1], call))
    if formula.gradients:
        _lets_gradients_through(formula, watched, tables[-1], call)


def by_hand(reference: Subject, probe: str, names: Iterable[str]) -> str:
    """How a student calls what the probe asks: imports, then an expression, where the assignment says so (`by_hand` among
    its probes, asked of the reference); else the probe's own name."""
    try:
        return str(reference.by_hand(probe=probe))
    except AttributeError:
        return f"{probe}({', '.join(names)})"


def script(call: str, given: Iterable[str], of_it: str = "") -> str:
    """Lines to paste: what the call (see `by_hand`) imports, the lines that make its inputs, and what it prints.

    of_it: what is to be printed of the answer, such as ".std()"
    """
    *imports, expression = call.splitlines() or [""]
    return "\n".join(["import torch", *imports, *given, f"print({expression}{of_it})"])


def reproduced(batch: Batch, call: str) -> str:
    """A script that shows what happens on this batch."""
    return script(call, batch.written())


def _asked(student: Subject, probe: str, batch: Batch, call: str) -> Any:
    """The answer. Raises Disagreement where the code crashes on an input in its ordinary dress: another type, or rows
    that do not lie side by side, must not change what is answered but may be refused."""
    given = batch.tensors()
    try:
        if batch.form == "every second row":
            return student.strided(probe=probe, inputs=given)
        return getattr(student, probe)(**given)
    except Crashed as error:
        if batch.form in ("float64", "every second row"):
            return _asked(student, probe, batch.plain(), call)
        said = str(error)
        raise Disagreement(
            f"the code raised an exception: {said}", actual=said[:300], reproduce=reproduced(batch, call)
        ) from None


def is_right(formula: Formula, student: Subject, batch: Batch) -> bool:
    """Whether the answer on this batch is right."""
    try:
        _right(formula, student, batch, "")
    except Disagreement:
        return False
    return True


def sum_slips(right: Tensor, width: int, what: str) -> dict[str, tuple[Tensor, str]]:
    """The slips that any sum over the dimensions of a sample may have."""
    return {
        "sign": (-right, f"the sign of {what} is wrong"),
        "mean-for-sum": (right / width, f"{what} is summed over the dimensions of a sample; yours is their mean"),
    }


def _right(formula: Formula, student: Subject, batch: Batch, call: str) -> None:
    """Raises Disagreement unless the answer on this batch is right."""
    answer, given = _asked(student, formula.probe, batch, call), batch.tensors()
    expected, scale = formula.exact(given)
    told: dict[str, Any] = {"expected": shown(expected), "reproduce": reproduced(batch, call)}
    try:
        found = tensor(answer, formula.what)
    except Disagreement as error:
        bug, message = formula.not_finite if isinstance(answer, Tensor) else ("", error.verdict.message)
        error.verdict = replace(error.verdict, message=message, bug=bug, **told)
        raise
    told["actual"] = shown(found)
    flat = found.flatten() if found.numel() == len(expected) else found
    if flat.shape == expected.shape and _near(flat, expected, scale, formula.rtol):
        return _right_shape(found, len(expected), formula.what, told)
    for bug, (wrong, message) in formula.slips(**_rows(given)).items():
        known = wrong.shape == flat.shape and _near(flat, wrong, scale, formula.rtol)
        if known and not _near(wrong, expected, scale, formula.rtol):
            raise Disagreement(message, bug=bug, **told)
    _known_shape(flat, expected, next(iter(_rows(given).values())).shape[1], formula, told)
    for bug, wrong, message in pairs(expected, formula.slips(**_rows(given))) if len(expected) > 1 else ():
        if _near(flat, wrong, scale, formula.rtol) and not _near(wrong, expected, scale, formula.rtol):
            raise Disagreement(message, bug=bug, **told)
    raise Disagreement(f"{formula.what} is not the expected value", **told)


def _rows(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs as formulas want them: [B, D], float64."""
    return {name: value.flatten(1).double() for name, value in given.items()}


def _near(actual: Tensor, expected: Tensor, scale: Tensor, rtol: float) -> bool:
    """Whether each number is right to within rtol of the scale of its row."""
    if actual.shape != expected.shape:
        return False
    scale = scale if scale.shape == expected.shape else scale.max()
    return close(actual / scale, expected / scale, rtol=0.0, atol=rtol)


def _right_shape(found: Tensor, height: int, what: str, told: dict[str, Any]) -> None:
    """The numbers are right: is it one per sample, in one dimension?"""
    if list(found.shape) == [height]:
        return
    if found.ndim == 0:
        message = (
            f"for a batch of one, {what} loses its batch dimension: squeeze only the dimension that was summed over"
        )
        raise WrongShape(message, share=NEARLY, bug="squeezed-batch", **told)
    message = f"{what} has the right numbers, but a dimension too many: sum over it without keepdim=True"
    raise WrongShape(message, share=HALF, bug="keepdim-left", **told)


def _known_shape(found: Tensor, expected: Tensor, width: int, formula: Formula, told: dict[str, Any]) -> None:
    """Says what a wrong shape comes from."""
    height, shape = len(expected), list(found.shape)
    if shape == [height]:
        return
    bug, why = "", "one number per sample is wanted"
    if shape == [height, height]:
        bug, why = (
            "keepdim-broadcast",
            "[B, 1] and [B] were broadcast against each other; use keepdim in both or in neither",
        )
    elif shape == [height, width]:
        bug, why = "not-summed", "the dimensions of a sample are still to be summed over"
    elif shape == [width]:
        bug, why = "wrong-dimension", "the batch was reduced instead of the numbers of a sample"
    elif not shape:
        bug = which(found, {"summed-over-batch": expected.sum(), "mean-over-batch": expected.mean()}, RTOL)
        why = "the batch was reduced as well"
    raise WrongShape(f"{formula.what} should have shape [B]: {why}", bug=bug, **told)


def leaves_inputs_alone(watched: Any, given: Mapping[str, Tensor], show: str) -> None:
    """Raises Disagreement where the function has changed what it was given; half of the marks."""
    left = all_parts(watched, inputs=dict)["inputs"]
    for name, before in given.items():
        after = left.get(name)
        if not isinstance(after, Tensor) or after.shape != before.shape or not torch.equal(after, before):
            raise Disagreement(
                f"the function changes its input {name}: work on a copy (x = x - 1, not x -= 1)",
                share=HALF,
                bug="mutates-inputs",
                expected=f"{name} stays {shown(before)}",
                actual=shown(after),
                reproduce=show,
            )


def judge_inputs_kept(student: Subject, probe: str, inputs: Mapping[str, Any], show: str) -> None:
    """Raises Disagreement where a call changes the tensors among its inputs.

    Nothing is said where another function raises: it has a row of its own, and the call was judged with a stand-in for it.
    """
    tensors = {name: value for name, value in inputs.items() if isinstance(value, Tensor)}
    with contextlib.suppress(Crashed, NotDone):
        leaves_inputs_alone(student.watched(probe=probe, inputs=dict(inputs)), tensors, show)


def _lets_gradients_through(formula: Formula, watched: Any, batch: Batch, call: str) -> None:
    leaves = {name: value.double().requires_grad_() for name, value in batch.tensors().items()}
    formula.exact(leaves)[0].sum().backward()
    right = {name: leaves[name].grad for name in formula.gradients}
    gradients_agree(watched, right, formula.what, reproduced(batch, call))


def gradients_agree(watched: Any, right: Mapping[str, Tensor | None], what: str, show: str) -> None:
    """Raises Disagreement unless the gradient of the summed answer is the right one; half of the marks."""
    answer = all_parts(watched, gradients=dict, said=str)
    for name, expected in right.items():
        found = answer["gradients"].get(name)
        if isinstance(found, Tensor) and expected is not None and close(found, expected, rtol=1e-3, atol=1e-4):
            continue
        raise Disagreement(
            f"{what} is right, but its gradient does not reach {name} as it should: training would not work",
            share=HALF,
            bug="no-gradient",
            expected=shown(expected),
            actual=shown(found) if isinstance(found, Tensor) else answer["said"] or "no gradient",
            reproduce=show,
        )
