"""Vector quantization: which code a vector gets, and which way gradients take around the choice.

van den Oord et al. 2017 (arXiv:1711.00937), equations 1 and 2.

Judged by docs/right.md#numerics, #shapes-and-types.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, Disagreement, close, shown
from grading.checks.formula import by_hand
from grading.checks.quantizer_cases import (
    NEAR,
    Case,
    asked,
    came_last,
    cases,
    drawn,
    on_a_small_case,
    pixels,
    quantized,
    rows,
    squared_distances,
)
from grading.checks.search import smallest_failure
from grading.subjects import Subject

SHAPES = (((2, 3, 4, 5), 7), ((3, 5, 1, 2), 2), ((1, 2, 3, 1), 40), ((4, 64, 8, 8), 512))  # [B, D, H, W], K
NEAREST = "each vector should become its nearest code, the one of smallest ||z - e||^2; "
LAYOUT = "the vectors are the channels of a pixel; "


def nearest_code(student: Subject, reference: Subject, rng: Generator) -> None:
    """VectorQuantizer replaces the vector of channels at every pixel by the nearest code of its codebook (equation 1).

    inputs [B, D, H, W], any sizes -> quantized like inputs, wherever forward returns it. Of codes as near as each other any
    may be chosen.
    """
    call = by_hand(reference, "quantize", ("inputs",))
    for shape, count in SHAPES:
        try:
            _right(student, drawn(rng, shape, count), call)
        except Disagreement as first:
            raise on_a_small_case(first, cases(), lambda small: _right(student, small, call)) from None
    _shape_is_that_of_inputs(student, drawn(rng, *SHAPES[0]))
    smallest_failure(cases(), lambda small: _right(student, small, call), 30)


def _right(student: Subject, case: Case, call: str) -> None:
    """Raises Disagreement unless every vector has become a nearest code."""
    answer = asked(student, case)
    found = quantized(answer, case)
    scale = NEAR * (1 + case.vectors().square().sum(1) + rows(found).square().sum(1))
    from_code, chosen = squared_distances(rows(found), case.codes.double()).min(1)
    distances = case.distances()
    excess = distances.gather(1, chosen[:, None])[:, 0] - distances.min(1).values
    if (from_code <= scale).all() and (excess <= scale).all():
        return
    right = pixels(case.codes.double()[distances.argmin(1)], case.inputs)
    told = {
        "expected": shown(right),
        "actual": shown(found),
        "reproduce": case.script(f"{call}{answer['place']}"),
    }
    for bug, images, message in _slips(case):
        if close(found, images) and not close(images, right):
            raise Disagreement(message, bug=bug, **told)
    if (from_code > scale).any():
        raise Disagreement(f"{NEAREST}yours become something else than codes", bug="not-codes", **told)
    raise Disagreement(f"{NEAREST}some of yours become another code", bug="not-nearest", **told)


def _slips(case: Case) -> Iterator[tuple[str, Tensor, str]]:
    """What known mistakes make of the inputs: [B, D, H, W] each."""
    codes, inputs, z = case.codes.double(), case.inputs.double(), case.vectors()
    yield "not-quantized", inputs, f"{NEAREST}the inputs come back as they are"
    for bug, scores, message in _scores(z, codes):
        yield bug, pixels(codes[scores.argmin(1)], inputs), NEAREST + message
    flat = inputs.reshape(-1, codes.shape[1])
    by_run = codes[squared_distances(flat, codes).argmin(1)]
    by_pixel = codes[case.distances().argmin(1)]
    yield (
        "no-permute",
        by_run.view(inputs.shape),
        f"{LAYOUT}permute to [B, H, W, D] before you reshape to [N, D]: yours mixes pixels",
    )
    yield (
        "not-permuted-back",
        by_pixel.view(inputs.shape),
        f"{LAYOUT}view the codes as [B, H, W, D], then permute back: yours are viewed as [B, D, H, W] at once",
    )
    yield (
        "permuted-back-only",
        pixels(by_run, inputs),
        f"{LAYOUT}you permute what comes out, but not what goes in",
    )


def _scores(z: Tensor, e: Tensor) -> Iterator[tuple[str, Tensor, str]]:
    """What is made smallest in place of the distance: [N, K]."""
    squares, products = z.square().sum(1, keepdim=True) + e.square().sum(1), z @ e.T
    lengths = (z.norm(dim=1, keepdim=True) * e.norm(dim=1)).clamp(min=1e-12)
    yield "farthest-code", 2 * products - squares, "yours become the farthest: argmin, not argmax, of the distance"
    yield "cross-term-sign", squares + 2 * products, "the sign of 2 z e in |z|^2 - 2 z e + |e|^2 is wrong"
    yield "cross-term-not-doubled", squares - products, "z e counts twice in |z|^2 - 2 z e + |e|^2"
    yield "inner-product", -products, "yours become the code of largest inner product: |e|^2 is missing"
    yield "least-inner-product", products, "yours become the code of smallest inner product"
    yield "cosine", -products / lengths, "yours become the code of most similar direction"
    yield "absolute-distance", (z[:, None] - e[None]).abs().sum(2), "yours become the nearest by absolute differences"


def _shape_is_that_of_inputs(student: Subject, case: Case) -> None:
    """Raises Disagreement where right codes come back with their channels last; half of the marks."""
    found = asked(student, case)["quantized"]
    if came_last(found, case):
        raise Disagreement(
            "the quantized tensor comes back as [B, H, W, D]: permute it to the shape of the inputs",
            bug="channels-last",
            share=HALF,
            expected=f"shape {list(case.inputs.shape)}",
            actual=f"shape {list(found.shape)}",
        )


# ---------------------------------------------------------------- straight through

SCALED = (("gradient-doubled", 2, "twice as much does"), ("gradient-sign", -1, "its negative does"))
THROUGH = "the gradient of the quantized tensor should reach the inputs as it is, with z + (q - z).detach(); "


def straight_through(student: Subject, reference: Subject, rng: Generator) -> None:
    """The gradient that arrives at the quantized tensor reaches the inputs unchanged, and none of it the codebook.

    quantized = z + sg(q - z): van den Oord et al. 2017, section 3.2.
    """
    call = by_hand(reference, "quantize", ("inputs",))
    for shape, count in SHAPES[:2]:
        case = drawn(rng, shape, count)
        try:
            _through(student, case, torch.randn(shape, generator=rng), call)
        except Disagreement as first:
            raise on_a_small_case(
                first, cases(), lambda small: _through(student, small, torch.ones_like(small.inputs), call)
            ) from None


def _through(student: Subject, case: Case, cotangent: Tensor, call: str) -> None:
    """Raises Disagreement unless `cotangent` arrives at the inputs, and there only."""
    answer = asked(student, case, cotangent)
    quantized(answer, case)
    inputs, codes = (_sent(answer["through"], name, like) for name, like in _ends(case))
    told: dict[str, Any] = {
        "expected": f"at the inputs {shown(cotangent)}, at the codes nothing",
        "actual": f"at the inputs {shown(inputs)}, at the codes {shown(codes) if codes.any() else 'nothing'}",
        "reproduce": _gradient_script(case, call, answer["place"]),
    }
    if close(inputs, cotangent, rtol=1e-5):
        if codes.abs().max() <= 1e-5 * cotangent.abs().max():
            return
        raise Disagreement(
            "the gradient reaches the codebook too: detach q - z as a whole",
            bug="codebook-gets-gradient",
            share=HALF,
            **told,
        )
    if not inputs.any():
        bug, message = (
            ("no-straight-through", "yours goes to the codebook") if codes.any() else ("detached", "none does")
        )
        raise Disagreement(THROUGH + message, bug=bug, **told)
    for bug, factor, message in SCALED:
        if close(inputs, factor * cotangent):
            raise Disagreement(THROUGH + message, bug=bug, **told)
    raise Disagreement(f"{THROUGH}something else does", **told)


def _ends(case: Case) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
    return ("inputs", case.inputs), ("codes", case.codes)


def _sent(gradients: Any, name: str, like: Tensor) -> Tensor:
    """The gradient that arrived at one end; zeros where none did."""
    found = gradients.get(name)
    return (
        found.double() if isinstance(found, Tensor) and found.shape == like.shape else torch.zeros_like(like).double()
    )


def _gradient_script(case: Case, call: str, place: str) -> str:
    """The gradient of the sum, for people to see."""
    *before, expression = call.splitlines()
    shows = "\n".join([*before, "inputs.grad"])
    lines = case.script(shows).splitlines()
    asks = ["inputs.requires_grad_()", f"{expression}{place}.sum().backward()"]
    return "\n".join([*lines[:-1], *asks, *lines[-1:]]) if lines else ""
