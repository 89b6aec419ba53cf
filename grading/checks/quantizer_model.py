"""An autoencoder around a vector quantizer: what reaches the quantizer, and what is made of its answers.

The quantizer's answers are replaced by known ones, in whichever order it gives them, so that a mistake in it costs nothing
here.

Judged by docs/right.md#modes-and-layers, #one-mistake-once.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, Disagreement, close, parts, scalar, shown, tensor
from grading.errors import BadAnswer, NotMeasured
from grading.subjects import Subject

WIDTH, COUNT, PERPLEXITY = 24, 40, 3.5  # embedding_dim, num_embeddings; what the stand-in tells
ALIKE = 1e-6
ASKED = ("num_embeddings", "embedding_dim", "commitment_cost")


@dataclass(frozen=True)
class Passed:
    """One forward pass, with known answers in the place of the quantizer's."""

    x_recon: Tensor
    numbers: list[Tensor]
    z: Tensor  # what reached the quantizer
    losses: list[float]  # what it answered there


def model(student: Subject, reference: Subject, rng: Generator) -> None:
    """Model returns the quantizer's loss, the reconstruction of x from the quantized codes alone, and the perplexity.

    x [B, 3, 32, 32] -> loss, x_recon like x, perplexity, in any order. The sizes it is made with reach the quantizer.
    """
    x, other = (torch.rand(2, 3, 32, 32, generator=rng) - 0.5 for _ in range(2))
    found = _pass(student, x, 1.0)
    _judge_encoder(found, _pass(student, other, 1.0))
    _judge_decoder(found, _pass(student, other, 1.0), _pass(student, x, -2.0))
    _judge_numbers(found)


def _pass(student: Subject, x: Tensor, scale: float, cost: float = 0.4) -> Passed:
    answer = parts(
        student.vq_model(x=x, scale=scale, cost=cost, seed="model"),
        **dict.fromkeys(("x_recon", "asked"), Tensor),
        **dict.fromkeys(("numbers", "losses", "built"), list),
        **dict.fromkeys(("built_by_name", "uses_codes"), bool),
        returned=str,
    )
    answer.update(numbers=answer["numbers"] or [], losses=answer["losses"] or [])
    _judge_quantizer(answer, cost)
    if answer["x_recon"] is None:
        raise Disagreement(
            "forward returns no reconstruction that is shaped like x",
            bug="no-reconstruction",
            expected=f"a tensor of shape {list(x.shape)} among the answers",
            actual=answer["returned"],
        )
    told = [scalar(each, "a number that forward returns") for each in answer["numbers"]]
    numbers = [torch.tensor(each, dtype=torch.float64) for each in told]
    z = tensor(answer["asked"], "what reaches the quantizer")
    return Passed(tensor(answer["x_recon"], "the reconstruction", x.shape), numbers, z, answer["losses"])


def _judge_quantizer(answer: dict[str, Any], cost: float) -> None:
    """Whether there is a quantizer, made as Model was, that is asked. Raises NotMeasured where this cannot be told."""
    if answer["built"] is None:
        raise NotMeasured("Model makes no VectorQuantizer, so its parts cannot be looked at one by one")
    if not all(isinstance(number, float) for number in [*answer["built"], *answer["losses"]]):
        raise BadAnswer("what a quantizer is made with should be numbers")
    _judge_built(answer["built"], cost, answer["built_by_name"])
    if answer["asked"] is None and answer["uses_codes"]:
        raise NotMeasured("Model uses the codes by other means than its quantizer's forward")
    if answer["asked"] is None:
        raise Disagreement("Model makes a VectorQuantizer and never asks it", bug="quantizer-not-asked")


def _judge_built(built: list[Any], cost: float, by_name: bool) -> None:
    """Whether the quantizer is made with what Model was made with; in any order, where its arguments have other names."""
    wanted: list[float] = [COUNT, WIDTH, cost]
    if not by_name and all(each in built for each in wanted):
        return
    for name, found, right in zip(ASKED, built, wanted, strict=False):
        if found != right:
            raise Disagreement(
                f"Model does not hand its {name} on to the quantizer",
                bug="other-sizes",
                share=HALF,
                expected=f"VectorQuantizer({COUNT}, {WIDTH}, {cost:g}) for num_embeddings = {COUNT}, "
                f"embedding_dim = {WIDTH}, commitment_cost = {cost:g}",
                actual=f"VectorQuantizer({', '.join(f'{number:g}' for number in built)})",
            )


def _judge_encoder(found: Passed, other: Passed) -> None:
    """What reaches the quantizer has embedding_dim channels, and tells images apart."""
    if found.z.ndim != 4 or found.z.shape[1] != WIDTH or not found.z.numel():
        raise Disagreement(
            "the quantizer should be handed vectors of embedding_dim channels, [B, D, H, W]",
            bug="other-channels",
            expected=f"[2, {WIDTH}, H, W]",
            actual=str(list(found.z.shape)),
        )
    if found.z.shape == other.z.shape and (found.z - other.z).abs().max() < ALIKE:
        raise Disagreement("what reaches the quantizer does not depend on x", bug="encoder-ignores-x")


def _judge_decoder(found: Passed, other_x: Passed, other_codes: Passed) -> None:
    """The reconstruction depends on the codes, and on nothing else."""
    by_x = (found.x_recon - other_x.x_recon).abs().max() > ALIKE
    by_codes = (found.x_recon - other_codes.x_recon).abs().max() > ALIKE
    if by_codes and not by_x:
        return
    what = "x_recon should be decoded from what the quantizer returns; "
    if by_codes:
        bug, message = "goes-around-the-codes", "yours changes with x also where the codes stay the same"
    elif by_x:
        bug, message = "decodes-z", "yours is decoded from what the encoder gives, before it is quantized"
    else:
        bug, message = "decoder-ignores-codes", "yours does not depend on the codes"
    raise Disagreement(what + message, bug=bug, actual=shown(found.x_recon))


def _judge_numbers(found: Passed) -> None:
    """The loss and the perplexity are those of the quantizer; of several losses, one or the sum of some."""
    groups = (group for size in range(1, 4) for group in combinations(found.losses, size))
    sums = [torch.tensor(sum(group), dtype=torch.float64) for group in groups]
    told: dict[str, Any] = {"actual": ", ".join(shown(number) for number in found.numbers) or "no numbers"}
    if not any(close(number, right) for number in found.numbers for right in sums):
        raise Disagreement(
            "forward should return the quantizer's loss as it is",
            bug="not-the-quantizers-loss",
            expected=", ".join(f"{loss:g}" for loss in found.losses[:1]),
            **told,
        )
    if not any(close(number, torch.tensor(PERPLEXITY).double()) for number in found.numbers):
        raise Disagreement(
            "forward should return the quantizer's perplexity beside its loss",
            bug="not-the-quantizers-perplexity",
            share=HALF,
            expected=f"{PERPLEXITY:g}",
            **told,
        )
