"""What the loop that trains a denoising autoencoder shows it, and what it compares the answer with: noisy and clean images.

Vincent et al. 2008. The loop is never run as a whole; one turn of it is, around a network whose answer is known.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from grading.checks.compare import HALF, Disagreement, close, which
from grading.subjects import Subject

LONGEST = 300  # characters of a student's loop that a report shows


@dataclass(frozen=True)
class Turn:
    """One turn: the student's text, what the model was shown, what it answered, the loss, and where noise may come from."""

    text: str
    asked: Tensor
    answered: Tensor
    loss: Tensor | None
    draws: bool
    plain: bool


def turns(student: Subject, images: Tensor, seed: str) -> list[Turn]:
    """One turn of each training loop of a notebook that can be asked, on images [N, 1, 28, 28]."""
    answer = student.training_turns(images=images, seed=seed)
    found = [_turn(each, images) for each in answer] if isinstance(answer, list) else []
    return [each for each in found if each is not None]


def _turn(told: Any, images: Tensor) -> Turn | None:
    """A turn that shows the model all the images at once; None for any other."""
    kinds = {"text": str, "asked": Tensor, "answered": Tensor, "draws": bool, "plain": bool}
    fits = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in kinds.items())
    if not fits or told["asked"].numel() != images.numel() or told["answered"].numel() != images.numel():
        return None
    asked, answered = (told[name].double().reshape(images.shape) for name in ("asked", "answered"))
    loss = told.get("loss")
    one = loss.double().flatten()[0] if isinstance(loss, Tensor) and loss.numel() == 1 else None
    return Turn(told["text"][:LONGEST], asked, answered, one, told["draws"], told["plain"])


def judge_shown(turn: Turn, images: Tensor) -> None:
    """Raises Disagreement where clean images are shown, and noise is drawn in vain or cannot have come from elsewhere."""
    if close(turn.asked, images.double()) and (turn.draws or turn.plain):
        vain = (
            "noise is drawn, but the model is shown the clean images"
            if turn.draws
            else "the model is shown clean images"
        )
        raise Disagreement(
            f"{vain} in the training loop: it learns to copy them, not to remove noise. Show it the noisy ones",
            bug="trained-on-clean",
            share=HALF,
            expected="model(add_noise(x))",
            actual=turn.text,
        )


def judge_target(turn: Turn, images: Tensor) -> None:
    """Raises Disagreement where the loss is the distance to the noisy images that the model was shown."""
    if turn.loss is None or which(turn.loss, _distances(turn.answered, images.double()), rtol=1e-4):
        return
    if which(turn.loss, _distances(turn.answered, turn.asked), rtol=1e-4):
        raise Disagreement(
            "the loss compares the model's answer with the noisy images, so that it learns to keep the noise: compare it "
            "with the clean ones",
            bug="noisy-target",
            share=HALF,
            expected="criterion(model(noisy), x)",
            actual=turn.text,
        )


def _distances(answer: Tensor, target: Tensor) -> dict[str, Tensor]:
    """The losses that such a model is trained by, under each reduction; those that the target allows."""
    errors = {"squared": (answer - target) ** 2, "absolute": (answer - target).abs()}
    if target.min() >= 0 and target.max() <= 1:
        errors["cross-entropy"] = F.binary_cross_entropy(answer, target, reduction="none")
        errors["cross-entropy of logits"] = F.binary_cross_entropy_with_logits(answer, target, reduction="none")
    found: dict[str, Tensor] = {}
    for name, each in errors.items():
        for way, value in (("mean", each.mean()), ("sum", each.sum()), ("per image", each.sum() / len(answer))):
            found |= {
                f"{name}, {way}": value,
                f"{name}, {way}, root": torch.sqrt(value),
                f"{name}, {way}, half": value / 2,
            }
    return found
