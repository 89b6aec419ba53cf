"""Conditions that are a part of the image itself, and the network that predicts the rest from it alone.

Judged by docs/right.md#training-loops, #ranges, #modes-and-layers.
"""

import contextlib

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, Disagreement, close, parts, pieces, shown, tensor
from grading.errors import Crashed, NotDone, NotMeasured
from grading.metrics.parameters import counted
from grading.subjects import Subject

COUNT, SIDE, QUARTER = 5, 28, 14
QUARTERS = {
    "lower left": (slice(QUARTER, SIDE), slice(0, QUARTER)),
    "upper left": (slice(0, QUARTER), slice(0, QUARTER)),
    "upper right": (slice(0, QUARTER), slice(QUARTER, SIDE)),
    "lower right": (slice(QUARTER, SIDE), slice(QUARTER, SIDE)),
}
CAPACITY = 2.0  # the largest ratio of parameters that still counts as the same capacity
ALIKE = 1e-6


def quarter(student: Subject, reference: Subject, rng: Generator) -> None:
    """The condition is the lower left quarter of the image: rows 14 to 28, columns 0 to 14, as 196 numbers.

    Looked for among the notebook's functions and subscripts. Where there is none that takes a quarter, or where they take
    several, the row is left to a human.
    """
    images = torch.rand(COUNT, 1, SIDE, SIDE, generator=rng)
    found = pieces(student.quarters(images=images, seed="a"), COUNT * QUARTER**2)
    taken = [(text, _which(value.double().reshape(COUNT, -1), images)) for text, value in found]
    wrong = [(text, name) for text, name in taken if name not in ("", "lower left")]
    right = any(name == "lower left" for _, name in taken)
    if right and not wrong:
        return
    if not wrong:
        raise NotMeasured("no place was found where the notebook takes a quarter of the images")
    text, name = wrong[0]
    if right:
        raise NotMeasured(
            f"the notebook takes the lower left quarter, and elsewhere the {name} one (`{text}`); which trains is for a "
            "human to see"
        )
    raise Disagreement(
        f"this is the {name} quarter; the lower left one is asked for",
        bug="wrong-quarter",
        expected="x[:, :, 14:, :14]",
        actual=text,
    )


def _which(value: Tensor, images: Tensor) -> str:
    """The name of the quarter [N, 196] of images, or an empty string."""
    for name, (rows, columns) in QUARTERS.items():
        if close(value, images[:, 0, rows, columns].reshape(COUNT, -1)):
            return name
    return ""


def baseline(student: Subject, reference: Subject, rng: Generator) -> None:
    """BaselineNN predicts the whole image from its quarter: one answer in [0, 1], with the decoder's capacity.

    quarters [N, 196] or [N, 1, 14, 14] -> images [N, 1, 28, 28]. The decoder is that of myVAE, with or without the
    condition; twice or half as many parameters still count as the same capacity.
    """
    x = torch.rand(COUNT, QUARTER**2, generator=rng)
    answer = parts(student.baseline_pass(x=x, seed="a"), first=object, second=object)
    first, second = (tensor(answer[name], "what BaselineNN gives") for name in ("first", "second"))
    if {first.numel(), second.numel()} != {COUNT * SIDE**2}:
        raise Disagreement(
            "BaselineNN should give whole images",
            bug="baseline-size",
            expected=f"[{COUNT}, 1, 28, 28]",
            actual=str(list(first.shape)),
        )
    first, second = first.reshape(COUNT, -1), second.reshape(COUNT, -1)
    if not close(first, second):
        raise Disagreement("BaselineNN changes from call to call; it has one answer", bug="baseline-random")
    if (first - first[:1]).abs().max() < ALIKE:
        raise Disagreement("BaselineNN does not depend on the quarter", bug="baseline-ignores-x", actual=shown(first))
    if first.min() < 0 or first.max() > 1:
        message = "BaselineNN should end with a sigmoid: images are in [0, 1]"
        raise Disagreement(message, bug="baseline-no-sigmoid", share=HALF)
    _same_capacity(student)


def _same_capacity(student: Subject) -> None:
    """Against the decoders that there are: a class that cannot be made has rows of its own."""
    own, decoders = counted(student.state(model="baseline", seed="a")), []
    for model in ("vae", "structured"):
        with contextlib.suppress(Crashed, NotDone):
            decoders.append(counted(student.state(model=model, part="decoder", seed="a")))
    if not decoders:
        return
    ratios = [max(own, count) / max(1, min(own, count)) for count in decoders]
    if min(ratios) > CAPACITY:
        more = "more" if own > decoders[0] else "fewer"
        raise Disagreement(
            f"BaselineNN has {own:,} parameters, many {more} than the decoder: the same capacity is asked for",
            bug="baseline-capacity",
            share=HALF,
            expected=f"about {decoders[-1]:,}",
            actual=f"{own:,}",
        )
