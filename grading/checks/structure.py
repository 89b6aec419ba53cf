"""What a network is made of, judged by what it does with its input, so that layers and functions count alike.

A probe traces an untrained network (`architecture`: operations in their order, see inside/tracing.py); the rules are here.

Judged by docs/right.md#modes-and-layers, #ranges.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Generator

from grading.checks.compare import HALF, NEARLY, Disagreement
from grading.checks.operations import (
    ACTIVATIONS,
    BOUNDING,
    CONVOLUTIONS,
    LINEAR,
    NORMALISATIONS,
    OTHER_ACTIVATIONS,
    TRANSPOSED,
    UPSAMPLINGS,
    WANTED,
    Operation,
    followed,
)
from grading.subjects import Subject

PIXELS = 28 * 28


@dataclass(frozen=True)
class Halves:
    """The operations before the bottleneck, that which gives it last, and those behind it."""

    encoder: tuple[Operation, ...]
    decoder: tuple[Operation, ...]


def fully_connected(student: Subject, reference: Subject, rng: Generator) -> None:
    """Autoencoder is made of linear layers with LeakyReLU between them: none behind z, and a sigmoid at the end."""
    steps = _traced(student, "autoencoder")
    _nothing_else(steps, CONVOLUTIONS | TRANSPOSED, "not-fully-connected", "only fully connected layers are asked for")
    halves = _halves(steps)
    _nothing_bypasses(halves)
    _leaky(steps)
    _activated(halves.encoder, "encoder", 1)
    _activated(halves.decoder, "decoder", 1)
    _open_latent(halves)
    _ends_with_sigmoid((*halves.encoder, *halves.decoder))


def convolutional(student: Subject, reference: Subject, rng: Generator) -> None:
    """DenoiseAE is convolutions: three with batch normalisation, LeakyReLU and pooling; three that enlarge; a sigmoid.

    What is between encoder and decoder is smaller than an image, and nothing goes past it.
    """
    steps = _traced(student, "denoiser")
    _nothing_else(steps, LINEAR, "not-convolutional", "only convolutional layers are asked for")
    halves = _halves(steps)
    _nothing_bypasses(halves)
    _encodes(halves.encoder)
    _decodes(halves.decoder)
    _ends_with_sigmoid((*halves.encoder, *halves.decoder))
    _leaky(steps)
    for name, part, least in (("encoder", halves.encoder, 3), ("decoder", halves.decoder, 2)):
        _counted(part, {"batch_norm"}, least, name, ("batch-norm-missing", "batch normalisations", HALF))
        _activated(part, name, least)


def _traced(student: Subject, model: str) -> tuple[Operation, ...]:
    return followed(student.architecture(model=model, seed="a"))


def _halves(steps: Sequence[Operation]) -> Halves:
    """Cut behind the encoder by its name, else where an image is the fewest numbers; what follows without weights is its."""
    parts = [step.part for step in steps]
    before = parts.index("decoder") if "decoder" in parts else len(parts)
    named = [number for number, part in enumerate(parts[:before]) if part == "encoder"]
    sizes = [step.size for step in steps]
    cut = named[-1] if named and sizes[named[-1]] < PIXELS else sizes.index(min(sizes))
    while cut + 1 < len(steps) and steps[cut + 1].name not in LINEAR | CONVOLUTIONS | UPSAMPLINGS:
        cut += 1
    if steps[cut].size >= PIXELS:
        raise Disagreement(
            "what the encoder gives is not smaller than an image: there is no bottleneck",
            bug="no-bottleneck",
            expected="fewer than 784 numbers an image",
            actual=f"{steps[cut].size} numbers behind {steps[cut]}",
        )
    # forward may encode once more, to return z as well
    return Halves(tuple(steps[: cut + 1]), tuple(step for step in steps[cut + 1 :] if step.part != "encoder"))


def _nothing_else(steps: Iterable[Operation], unwanted: set[str], bug: str, message: str) -> None:
    for step in steps:
        if step.name in unwanted:
            raise Disagreement(f"{step} is a layer of another kind: {message}", bug=bug, actual=str(step))


def _nothing_bypasses(halves: Halves) -> None:
    """Raises Disagreement where the decoder sees something from before the bottleneck."""
    cut = len(halves.encoder) - 1
    for step in halves.decoder:
        if min(step.sources, default=cut) < cut:
            raise Disagreement(
                f"{step} sees what was there before the bottleneck: nothing may go past it",
                bug="skip-connection",
                actual=str(step),
            )


def _leaky(steps: Iterable[Operation]) -> None:
    """Every hidden activation is a LeakyReLU; another one still works, and keeps half."""
    for step in steps:
        if step.name in OTHER_ACTIVATIONS:
            raise Disagreement(
                f"{step} is another activation than the handout's: hidden layers have nn.LeakyReLU behind them",
                share=HALF,
                bug="other-activation",
                expected="LeakyReLU",
                actual=str(step),
            )


def _activated(part: Iterable[Operation], name: str, least: int) -> None:
    _counted(part, WANTED, least, name, ("activation-missing", "LeakyReLUs", HALF if least == 1 else NEARLY))


def _counted(part: Iterable[Operation], kinds: set[str], least: int, name: str, fault: tuple[str, str, float]) -> None:
    """Raises Disagreement where a half has fewer of a kind than it should; fault: bug, plural, share."""
    bug, plural, share = fault
    found = [str(step) for step in part if step.name in kinds]
    if len(found) < least:
        raise Disagreement(
            f"the {name} should have {least} {plural} or more; it has {len(found)}",
            share=share,
            bug=bug,
            expected=f"at least {least}",
            actual=", ".join(found) or "none",
        )


def _open_latent(halves: Halves) -> None:
    """No activation between the layer that gives z and the decoder's first layer."""
    behind = [step for step in halves.encoder if step.name in LINEAR | ACTIVATIONS]
    before = halves.decoder[: next((n for n, step in enumerate(halves.decoder) if step.name in LINEAR), None)]
    at = [step for step in (*behind[-1:], *before) if step.name in ACTIVATIONS]
    if at:
        raise Disagreement(
            f"{at[0]} stands behind the latent vector: its layer is linear, with no activation",
            share=HALF,
            bug="activation-on-latent",
            actual=str(at[0]),
        )


def _ends_with_sigmoid(steps: Sequence[Operation]) -> None:
    acting = [step for step in steps if step.name in LINEAR | CONVOLUTIONS | UPSAMPLINGS | ACTIVATIONS | NORMALISATIONS]
    if not acting or acting[-1].name not in BOUNDING:
        raise Disagreement(
            "the decoder should end with a sigmoid",
            bug="no-sigmoid",
            expected="Sigmoid",
            actual=str(acting[-1]) if acting else "nothing",
        )
    early = [step for step in acting[:-1] if step.name in BOUNDING]
    if early:
        raise Disagreement(
            f"{early[0]} is a sigmoid within the network: only the last layer has one, the others LeakyReLU",
            share=HALF,
            bug="sigmoid-inside",
            actual=str(early[0]),
        )


def _encodes(encoder: Sequence[Operation]) -> None:
    _counted(encoder, CONVOLUTIONS, 3, "encoder", ("too-few-convolutions", "convolutions", 0.0))
    _counted(encoder, {"max_pool"}, 2, "encoder", ("no-max-pooling", "max poolings", HALF))


def _decodes(decoder: Sequence[Operation]) -> None:
    _counted(
        decoder, UPSAMPLINGS, 3, "decoder", ("too-few-upsamplings", "transposed convolutions (or upsamplings)", 0.0)
    )
