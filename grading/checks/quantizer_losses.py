"""The two terms of a vector quantizer's loss, and how many codes are in use.

van den Oord et al. 2017 (arXiv:1711.00937), equation 3. Both terms have the same value: only their gradients tell them
apart. So the loss is told by three factors: of its value, of its gradient at the inputs, and of that at the codes.

Judged by docs/right.md#reductions, #one-mistake-once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, close, shown, tensor
from grading.checks.formula import WrongShape, by_hand
from grading.checks.quantizer_cases import Case, Reading, asked, cases, drawn, on_a_small_case, pixels, readings
from grading.errors import NotMeasured
from grading.subjects import Subject

SHAPES = (((2, 3, 4, 5), 7), ((3, 5, 1, 2), 2))  # [B, D, H, W], K
COSTS = (0.25, 0.6, 0.0)
Known = tuple[str, tuple[float, float, float], str, float]  # bug; factors of value and gradients; message; share
LOSS = "the loss is mean((q - sg(z))^2) + commitment_cost * mean((sg(q) - z)^2); "
UNCOMMITTED = (
    "the loss has no commitment term. Where the class was left as it was for the run without it, this is as the handout "
    "wants it; else commitment_cost * mean((sg(q) - z)^2) is to be added"
)
AVERAGED = (
    "the codes are moved by running averages and not by a codebook loss. The paper has this too (appendix A.1), the "
    "handout's loss does not"
)


@dataclass(frozen=True)
class Parts:
    """A loss: its value, and its gradients at the inputs [B, D, H, W] and at the codes [K, D]."""

    value: Tensor
    inputs: Tensor
    codes: Tensor

    def near(self, other: "Parts") -> bool:
        """Whether all three agree."""
        return (
            close(self.value, other.value)
            and close(self.inputs, other.inputs, atol=1e-7)
            and close(self.codes, other.codes, atol=1e-7)
        )

    def scaled(self, value: float, inputs: float, codes: float) -> "Parts":
        """Each part times a factor of its own."""
        return Parts(value * self.value, inputs * self.inputs, codes * self.codes)

    def told(self) -> str:
        """For people."""
        return (
            f"loss {shown(self.value)}; gradient at the inputs {shown(self.inputs)}; at the codes {shown(self.codes)}"
        )


def losses(student: Subject, reference: Subject, rng: Generator) -> None:
    """The loss is mean((q - sg(z))^2) + commitment_cost mean((sg(q) - z)^2): one term moves the codes, one the inputs.

    Means over all numbers (equation 3). With commitment_cost = 0 nothing of it reaches the inputs.
    """
    call = by_hand(reference, "quantize", ("inputs",))
    for cost in COSTS:
        for shape, count in SHAPES:
            case = drawn(rng, shape, count, cost)
            try:
                _right(student, case, call)
            except Disagreement as first:
                _left_to_a_human(student, case, first)
                if not _shown_by_others(student, shape, count, first.verdict.bug, rng):
                    told = LOSS + "the value or a gradient of yours is another"
                    first.verdict = replace(first.verdict, bug="", message=told, share=0.0)
                raise on_a_small_case(first, cases(), lambda small: _right(student, small, call)) from None


def _shown_by_others(student: Subject, shape: tuple[int, int, int, int], count: int, bug: str, rng: Generator) -> bool:
    """Whether other costs show the same mistake, or none: by one cost alone, its square is like a quarter of it."""
    for cost in COSTS[:2]:
        try:
            _right(student, drawn(rng, shape, count, cost), "")
        except Disagreement as other:
            if other.verdict.bug != bug:
                return False
    return True


def _left_to_a_human(student: Subject, case: Case, found: Disagreement) -> None:
    """Raises NotMeasured for what the handout or the paper may have led to."""
    if found.verdict.bug == "no-commitment-term":
        raise NotMeasured(UNCOMMITTED) from None
    asks = {"inputs": case.inputs, "codes": case.codes, "cost": case.cost}
    if found.verdict.bug == "no-codebook-term" and student.codebook_moves(**asks) is True:
        raise NotMeasured(AVERAGED) from None


def _right(student: Subject, case: Case, call: str) -> None:
    """Raises Disagreement unless one of the numbers that come back is the loss."""
    answer = asked(student, case)
    found = [_parts(number, case) for number in _learning_first(answer["numbers"])]
    if not found:
        raise WrongShape("forward returns no loss: one number", bug="no-loss", actual=answer["returned"])
    both = [_both_terms(reading, case) for reading in readings(answer, case)]
    if any(each.near(term.scaled(1 + case.cost, case.cost, 1)) for each in found for term in both):
        return
    wanted = both[0].scaled(1 + case.cost, case.cost, 1)
    told = {"expected": wanted.told(), "actual": found[0].told(), "reproduce": case.script(call)}
    for bug, factors, message, share in _slips(case):
        for term in both:
            slip = term.scaled(*factors)
            if any(each.near(slip) for each in found) and not slip.near(term.scaled(1 + case.cost, case.cost, 1)):
                raise Disagreement(LOSS + message, bug=bug, share=share, **told)
    for reading in readings(answer, case):
        for bug, (term, message) in _other_errors(reading, case).items():
            if any(each.near(term.scaled(1 + case.cost, case.cost, 1)) for each in found):
                raise Disagreement(LOSS + message, bug=bug, **told)
    raise Disagreement(LOSS + _which_part(found[0], wanted), **told)


def _learning_first(numbers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with a gradient; all where none has one."""
    given = list(numbers)
    return [number for number in given if number.get("learns") is True] or given


def _parts(number: dict[str, Any], case: Case) -> Parts:
    value = tensor(number.get("value"), "the loss").reshape(-1)[:1].sum()
    ends = []
    for name, like in (("inputs", case.inputs), ("codes", case.codes)):
        gradient = number.get(name)
        ends.append(
            torch.zeros_like(like).double()
            if gradient is None
            else tensor(gradient, f"the gradient at the {name}", like.shape)
        )
    return Parts(value, *ends)


def _both_terms(reading: Reading, case: Case) -> Parts:
    """The value of either term, the commitment term's gradient at the inputs, and the codebook term's at the codes."""
    errors = reading.errors()
    return _term(reading, case, errors.square().mean(), 2 * errors / errors.numel())


def _term(reading: Reading, case: Case, value: Tensor, slope: Tensor) -> Parts:
    """A term of this value, whose gradient at the vectors is the slope [N, D]."""
    at_codes = torch.zeros_like(reading.codes).index_add(0, reading.chosen, -slope)
    at_inputs = slope.reshape(case.inputs.shape) if reading.flat else pixels(slope, case.inputs)
    return Parts(value, at_inputs, at_codes)


def _other_errors(reading: Reading, case: Case) -> dict[str, tuple[Parts, str]]:
    """Terms of errors that are not squared."""
    errors = reading.errors()
    lengths = errors.norm(dim=1, keepdim=True)
    root = errors.square().mean().sqrt()
    return {
        "absolute-error": (
            _term(reading, case, errors.abs().mean(), errors.sign() / errors.numel()),
            "yours takes absolute differences; square them",
        ),
        "lengths-not-squared": (
            _term(reading, case, lengths.mean(), errors / lengths / len(errors)),
            "yours takes lengths; take the mean of squares",
        ),
        "root-of-mean": (
            _term(reading, case, root, errors / errors.numel() / root),
            "yours takes the root of the mean square; leave the root out",
        ),
    }


def _slips(case: Case) -> Iterator[Known]:
    """Known mistakes."""
    yield from _stop_gradient_slips(case.cost)
    yield from _weight_slips(case.cost)
    _, width, height, breadth = case.inputs.shape
    factors = (
        ("sum-over-channels", width, "yours sums over the channels; take the mean over all numbers", NEARLY),
        ("sum-for-mean", case.inputs.numel(), "yours is a sum; take the mean over all numbers", HALF),
        ("mean-over-batch-only", width * height * breadth, "yours is averaged over the batch only", HALF),
        ("halved", 0.5, "yours is half of it", HALF),
        ("sign", -1, "the sign of yours is wrong", 0),
    )
    for bug, factor, message, share in factors:
        yield bug, (factor * (1 + case.cost), factor * case.cost, factor), message, share


def _stop_gradient_slips(c: float) -> Iterator[Known]:
    """sg on the wrong side, or missing: the value is right."""
    value, wrong_side, q_itself = (
        1 + c,
        "sg stands on the wrong side of ",
        "use q itself, from before the straight-through step",
    )
    printed = "your commitment term moves the codes too, as the handout prints it: detach q there"
    yield "terms-swapped", (value, 1, c), "the cost weighs your codebook term, or sg stands on the wrong sides", 0
    yield "detached", (value, 0, 0), "yours has no gradient at all: each term detaches one of z and q, not both", 0
    yield "no-stop-gradient-on-q", (value, c, 1 + c), printed, NEARLY
    yield "no-stop-gradient-on-z", (value, 1 + c, 1), "your codebook term moves the inputs too: detach z there", HALF
    yield "no-stop-gradients", (value, 1 + c, 1 + c), "both of your terms move both: each detaches one of z and q", 0
    yield "commitment-moves-codes", (value, 0, 1 + c), wrong_side + "your commitment term", 0
    yield "codebook-term-moves-inputs", (value, 1 + c, 0), wrong_side + "your codebook term", 0
    yield "after-straight-through", (value, c - 1, 0), q_itself, 0
    yield "codebook-term-only-by-value", (value, c, 0), "your codebook term has no gradient: detach z, not q", 0
    yield "commitment-only-by-value", (value, 0, 1), "your commitment term has no gradient: detach q, not z", 0


def _weight_slips(c: float) -> Iterator[Known]:
    """A term or the cost is missing, or the cost is another or at another place."""
    yield "cost-fixed", (1.25, 0.25, 1), "yours does not depend on commitment_cost: it is always 0.25", HALF
    yield "cost-squared", (1 + c * c, c * c, 1), "commitment_cost is squared", 0
    yield "cost-plus-one", (2 + c, 1 + c, 1), "your commitment term is weighed by 1 + commitment_cost", 0
    yield "cost-shared-out", (1, c, 1 - c), "your codebook term is weighed by 1 - commitment_cost; it has no weight", 0
    yield "commitment-sign", (1 - c, -c, 1), "the commitment term is to be added; you subtract it", 0
    yield "cost-missing", (2, 1, 1), "commitment_cost is missing", 0
    yield "cost-on-both", (2 * c, c, c), "the cost weighs both of your terms; it belongs to the commitment term only", 0
    yield "no-commitment-term", (1, 0, 1), "the commitment term is missing", 0
    yield "no-codebook-term", (c, c, 0), "the codebook term is missing", 0


def _which_part(found: Parts, wanted: Parts) -> str:
    if not close(found.value, wanted.value):
        return "the value of yours is another"
    wrong = [
        name
        for name, one, other in (("inputs", found.inputs, wanted.inputs), ("codes", found.codes, wanted.codes))
        if not close(one, other, atol=1e-7)
    ]
    return f"the gradient that yours sends to the {' and the '.join(wrong)} is another"
