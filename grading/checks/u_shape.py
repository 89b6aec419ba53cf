"""Encoders that halve an image and decoders that double it again, judged by what an untrained network does with its input.

Layers and functions count alike. Ronneberger et al. 2015 (arXiv:1505.04597) for the shape; what goes past the bottleneck
there must not be here.

Judged by docs/right.md#modes-and-layers.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, all_parts, parts, tensor
from grading.checks.operations import CONVOLUTIONS, UPSAMPLINGS, Operation, followed
from grading.errors import Crashed, NotDone, NotMeasured
from grading.subjects import Subject

SIDE, COUNT, CONVOLVED, HALVED, DOUBLED = 32, 4, 3, 2, 2
PIXELS = 3 * SIDE * SIDE
ALIKE = 1e-6


def encoder(student: Subject, reference: Subject, rng: Generator) -> None:
    """The encoder has three convolutions or more, and halves the image twice or more: by stride or by pooling."""
    judge_encoder(_half(student, "vae", rng, "encoder"))


def decoder(student: Subject, reference: Subject, rng: Generator) -> None:
    """The decoder doubles the image twice or more, by transposed convolution or upsampling."""
    judge_decoder(_half(student, "vae", rng, "decoder"))


def no_skips(student: Subject, reference: Subject, rng: Generator) -> None:
    """Nothing goes past z: with z the same, other images are decoded alike, and z has fewer numbers than an image."""
    _judge_past_z(student, "vae", rng)


def conditional(student: Subject, reference: Subject, rng: Generator) -> None:
    """The CVAE keeps to the same rules: three convolutions, two halvings, two doublings, nothing past z but y."""
    judge_encoder(_half(student, "cvae", rng, "encoder"))
    judge_decoder(_half(student, "cvae", rng, "decoder"))
    _judge_past_z(student, "cvae", rng)


def latent_width(student: Subject, model: str, rng: Generator) -> int:
    """How many numbers mu has for an image. Raises Disagreement where forward does not tell."""
    x, y = torch.rand(COUNT, 3, SIDE, SIDE, generator=rng), 9 - torch.arange(COUNT)
    own = all_parts(student.vae_pass(model=model, x=x, y=y, z=None), own=list)["own"]
    mu = tensor(own[1], "mu") if len(own) > 1 else torch.empty(0)
    if mu.ndim < 2 or len(mu) != COUNT or not mu.numel():
        raise Disagreement("forward should return (xg, mu, log_var, z), with mu of shape [B, latent_dim]")
    return mu[0].numel()


def _half(student: Subject, model: str, rng: Generator, half: str) -> tuple[Operation, ...]:
    """The operations of "encoder" or "decoder". Where forward raises, which has a row of its own, it is asked by itself."""
    try:
        latent = latent_width(student, model, rng)
    except (Crashed, NotDone) as error:
        return _by_itself(student, model, half, error)
    found = student.architecture(model=model, latent=latent, seed="a")
    if found is None:
        raise NotMeasured("where the encoder ends and the decoder begins could not be told: look for its layers")
    return followed(all_parts(found, **{half: list})[half])


def _by_itself(student: Subject, model: str, half: str, error: Crashed | NotDone) -> tuple[Operation, ...]:
    """The same without forward; raises the error of forward where that cannot be asked either."""
    found = parts(student.halves_apart(model=model, seed="a"), **{half: object})[half]
    if not isinstance(found, list):
        raise error
    return followed(found)


def _judge_past_z(student: Subject, model: str, rng: Generator) -> None:
    try:
        judge_bottleneck(student, model, rng)
    except (Crashed, NotDone) as error:  # a decoder that is asked by itself sees nothing but z
        _by_itself(student, model, "decoder", error)


def judge_encoder(steps: Sequence[Operation]) -> None:
    """Raises Disagreement where there are too few convolutions or halvings."""
    convolutions = [step for step in steps if step.name in CONVOLUTIONS]
    _enough(convolutions, CONVOLVED, "the encoder should have three convolutions or more", "too-few-convolutions")
    halvings = [step for step, before in _with_sides(steps, SIDE) if step.side and before and step.side <= 0.6 * before]
    _enough(
        halvings, HALVED, "the encoder should halve the image twice or more, by stride or pooling", "too-few-halvings"
    )


def judge_decoder(steps: Sequence[Operation]) -> None:
    """Raises Disagreement where there are too few doublings."""
    rows = _with_sides(steps, 0)
    doublings = [step for step, before in rows if step.name in UPSAMPLINGS and before and step.side >= 1.6 * before]
    message = "the decoder should double the image twice or more, by transposed convolutions or upsampling"
    _enough(doublings, DOUBLED, message, "too-few-doublings")


def _enough(found: Sequence[Operation], least: int, message: str, bug: str) -> None:
    if len(found) < least:
        told = ", ".join(map(str, found)) or "none"
        raise Disagreement(f"{message}; {len(found)} found", bug=bug, expected=f"at least {least}", actual=told)


def _with_sides(steps: Sequence[Operation], first: int) -> list[tuple[Operation, int]]:
    """Every operation with the side of what goes into it; `first` is that of the input, 0 where it is no image."""
    sides = [step.side for step in steps]
    return [
        (step, max((first if source < 0 else sides[source] for source in step.sources), default=0)) for step in steps
    ]


def judge_bottleneck(student: Subject, model: str, rng: Generator) -> None:
    """Raises Disagreement where the decoder sees more of an image than z, or where z is no smaller than the image."""
    latent = latent_width(student, model, rng)
    if latent >= PIXELS:
        raise Disagreement(
            "z has as many numbers as an image: there is no bottleneck",
            bug="no-bottleneck",
            expected=f"fewer than {PIXELS}",
            actual=str(latent),
        )
    z, y = torch.randn(COUNT, latent, generator=rng), 9 - torch.arange(COUNT)
    images = [torch.rand(COUNT, 3, SIDE, SIDE, generator=rng) for _ in range(2)]
    drawn = [_decoded(student, model, x, y, z) for x in images]
    other = _decoded(student, model, images[0], y, -z)
    if drawn[0] is None or drawn[1] is None or other is None:
        return  # what is decoded is not the z that reparameterize gives, so nothing can be put in its place
    if apart(drawn[0], other) < ALIKE:
        return
    difference = apart(drawn[0], drawn[1])
    if difference > ALIKE:
        raise Disagreement(
            "with z the same, other images are decoded otherwise: something goes past z, as in a U-Net with skips",
            bug="skip-connection",
            expected="the same xg",
            actual=f"another xg, by up to {difference:.3g}",
        )


def _decoded(student: Subject, model: str, x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    return decoded(student.vae_pass(model=model, x=x, y=y, z=z, seed="b"))


def decoded(answer: Any) -> Tensor | None:
    """xg with a known z in the place of what reparameterize draws; None where forward does not call it."""
    found = parts(answer, put=list, asked=list)
    if not found["asked"]:
        return None
    if not found["put"]:
        raise Disagreement("forward should return (xg, mu, log_var, z)", actual="nothing")
    return tensor(found["put"][0], "xg")


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference of two answers. Raises Disagreement where they cannot be held against each other."""
    if one.shape != other.shape or not one.numel():
        raise Disagreement(
            "xg should have the same shape in every call",
            expected=f"shape [{COUNT}, 3, {SIDE}, {SIDE}] each time",
            actual=f"shapes {list(one.shape)} and {list(other.shape)}",
        )
    return (one - other).abs().max().item()
