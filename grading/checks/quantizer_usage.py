"""How many codes of a vector quantizer are in use: the perplexity of the choices.

Judged by docs/right.md#numerics, #clamps.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, close, shown
from grading.checks.formula import WrongShape, by_hand
from grading.checks.quantizer_cases import Case, asked, on_a_small_case, pixels, readings
from grading.subjects import Subject

TINY = 1e-10
RTOL = 1e-3  # a logarithm may be kept from 0 by a larger number than 1e-10
CHOICES = ([0, 0, 0, 1, 1, 3, 3, 3, 3, 3, 0, 3], [2] * 12, [0, 1, 2, 3, 4, 5] * 2)  # few, one, all alike
PERPLEXITY = "the perplexity is exp(-sum p ln(p + 1e-10)), where p is each code's share of the vectors; "


def perplexity(student: Subject, reference: Subject, rng: Generator) -> None:
    """The perplexity is exp(-sum p ln(p + 1e-10)): 1 where one code gets every vector, K where all get as many.

    p [K] is the mean of the one-hot choices of all N vectors.
    """
    call = by_hand(reference, "quantize", ("inputs",))
    codes = 3 * torch.eye(6)[:, :5] + torch.randn(6, 5, generator=rng) / 4
    for choices in CHOICES:
        vectors = codes[choices] + 0.1 * torch.randn(12, 5, generator=rng)
        case = Case(pixels(vectors, torch.empty(2, 5, 3, 2)).contiguous(), codes)
        try:
            _right(student, case, call)
        except Disagreement as first:
            raise on_a_small_case(first, _cases(), lambda small: _right(student, small, call)) from None


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    """One image of two to four pixels that are codes themselves; three codes, or four."""
    codes = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])[: draw(st.integers(3, 4))]
    chosen = draw(st.lists(st.integers(0, len(codes) - 1), min_size=2, max_size=4))
    return Case(codes[chosen].T.reshape(1, 2, 1, -1), codes)


def _right(student: Subject, case: Case, call: str) -> None:
    """Raises Disagreement unless one of the numbers that come back is the perplexity."""
    answer = asked(student, case)
    found = _numbers(answer)
    usages = [reading.usage() for reading in readings(answer, case)]
    right = [_entropy(usage).exp() for usage in usages]
    told: dict[str, Any] = {"expected": shown(right[0]), "reproduce": case.script(call)}
    if not found:
        raise WrongShape(
            "forward returns no perplexity beside the loss", bug="no-perplexity", actual=answer["returned"], **told
        )
    if any(close(number, each, RTOL) for number in found for each in right):
        return
    told["actual"] = shown(found[-1])
    if not torch.isfinite(found[-1]):
        raise Disagreement(f"{PERPLEXITY}add 1e-10, for ln(0) is not a number", bug="log-of-zero", **told)
    for usage in usages:
        for bug, value, message in _slips(usage, len(case.vectors()), len(case.inputs)):
            if close(found[-1], value) and not any(close(value, each, RTOL) for each in right):
                raise Disagreement(PERPLEXITY + message, bug=bug, **told)
    raise Disagreement(f"{PERPLEXITY}yours is another number", **told)


def _numbers(answer: dict[str, Any]) -> list[Tensor]:
    """Those without a gradient, as the choices have none; where each has one, all but the first, which is the loss."""
    given = answer["numbers"]
    chosen = [number for number in given if number.get("learns") is not True]
    chosen = chosen if len(chosen) < len(given) else given[1:]
    values = [number.get("value") for number in chosen]
    return [torch.tensor(float(value)).double() for value in values if isinstance(value, float) or _is_number(value)]


def _is_number(value: Any) -> bool:
    """Whether it is a tensor of one real number."""
    return isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex()


def _entropy(p: Tensor) -> Tensor:
    """-sum p ln(p + 1e-10), in nats."""
    return -(p * (p + TINY).log()).sum()


def _slips(p: Tensor, vectors: int, batch: int) -> Iterator[tuple[str, Tensor, str]]:
    """What known mistakes make of the usage p [K]."""
    entropy, count = _entropy(p), len(p)
    yield "no-exp", entropy, "yours is the entropy: exp is missing"
    yield "bits", entropy / math.log(2), "yours is the entropy in bits: it takes ln, and exp of the sum"
    yield "log-base-2", (entropy / math.log(2)).exp(), "yours takes log2, which does not go together with exp"
    yield "power-of-two", torch.tensor(2.0).double() ** entropy, "yours is 2 to the entropy in nats: exp goes with ln"
    yield "sign", (-entropy).exp(), "the minus sign is missing"
    yield "sums-for-means", _entropy(p * vectors).exp(), "p is a share: the mean of the one-hot choices, not their sum"
    yield "divided-by-batch", _entropy(p * vectors / batch).exp(), "divide by the number of vectors, not of images"
    yield "mean-for-sum", (entropy / count).exp(), "yours averages over the codes; sum over them"
    yield "codes-counted", (p > 0).sum().double(), "yours counts the codes that are used at all"
    yield "p-missing", (-(p + TINY).log().sum()).exp(), "the p in front of the logarithm is missing"
    yield "entropy-normalised", entropy / math.log(count), "yours is the entropy over ln K; its exp is asked for"
    yield "inverse-simpson", 1 / (p**2).sum(), "yours is 1 over the sum of squares"
    yield "divided-by-k", entropy.exp() / count, "yours is divided by the number of codes"
