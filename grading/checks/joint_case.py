"""What train_step made of known answers of its model, and what known mistakes in its losses give."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.compare import Disagreement, all_parts, tensor
from grading.checks.standard_divergence import kl_per_image
from grading.errors import BadAnswer
from grading.metrics.similarity import ssim
from grading.subjects import Subject

BATCH, SIDE, LATENT, WEIGHT = 8, 32, 16, 0.25
NAMES = ("loss", "l2", "bce", "ssim", "kldiv")


@dataclass(frozen=True)
class Step:
    """What the model answers, and what train_step made of it, twice."""

    x: Tensor
    xg: Tensor
    mu: Tensor
    log_var: Tensor
    values: list[float]  # of the first call, in the order they were returned
    gradients: list[Tensor]  # at each step of an optimiser: of shifts of xg, mu and log_var, [4]
    moved: bool
    own: float | None  # SSIM by the ssim.py beside the script
    weighted: bool  # whether WEIGHT could be put before the divergence

    def weight(self) -> float:
        """What stood before the divergence, by the gradient of mu; WEIGHT where that tells nothing else."""
        if not self.gradients:
            return WEIGHT
        found = (self.gradients[0][1] / self.mu.double().sum(1).mean()).item()
        return found if found > 1e-7 else WEIGHT

    def right(self) -> dict[str, float]:
        """The parts of the loss, in float64; `kldiv` without its weight."""
        x, xg = self.x.double(), self.xg.double()
        return {
            "l2": F.mse_loss(xg, x).item(),
            "bce": F.binary_cross_entropy(xg, x).item(),
            "kldiv": kl_per_image(self.mu, self.log_var).mean().item(),
        }

    def likenesses(self) -> list[float]:
        """SSIM with zeros beyond the border, with the image mirrored there, within it, and by the student's own file where
        that is near one of these."""
        x, xg = self.x.double(), self.xg.double()
        wide_xg, wide_x = (F.pad(each, (5, 5, 5, 5), mode="reflect") for each in (xg, x))
        found = [ssim(xg, x, padded=True), ssim(wide_xg, wide_x, padded=False), ssim(xg, x, padded=False)]
        values = [each.mean().item() for each in found]
        near = self.own is not None and any(abs(self.own - each) < 0.1 for each in values)
        return [*values, self.own] if near and self.own is not None else values


def asked(student: Subject, model: str, rng: Generator) -> Step:
    """train_step, asked twice about a batch whose reconstruction, mu and log_var are known."""
    x = torch.rand(BATCH, 3, SIDE, SIDE, generator=rng)
    xg = (0.4 * x + 0.5 * torch.rand(x.shape, generator=rng) + 0.05).clamp(0.02, 0.98)
    mu, log_var = (0.5 * torch.randn(BATCH, LATENT, generator=rng) for _ in range(2))
    known = {"x": x, "xg": xg, "mu": mu, "log_var": log_var, "y": torch.arange(BATCH), "z": mu, "weight": WEIGHT}
    answer = all_parts(
        student.vae_step(model=model, **known, seed="a"), values=list, gradients=list, moved=bool, weighted=bool
    )
    own = student.own_similarity(a=xg, b=x, seed="a")
    return Step(
        x,
        xg,
        mu,
        log_var,
        _five(answer["values"][0] if answer["values"] else []),
        _of_shifts(answer["gradients"]),
        answer["moved"],
        own.double().mean().item() if isinstance(own, Tensor) else None,
        answer["weighted"],
    )


def _of_shifts(gradients: list[Any]) -> list[Tensor]:
    """The gradients [4] at each step; None stands for a step by none."""
    found = [each for each in gradients if isinstance(each, Tensor)]
    if any(list(each.shape) != [4] for each in found):
        raise BadAnswer("each of the gradients should be four numbers")
    return found


def _five(values: Any) -> list[float]:
    if not isinstance(values, list | tuple):
        raise BadAnswer("what train_step returns should be a list")
    found = [tensor(value, "what train_step returns") for value in values if value is not None]
    if len(found) != len(NAMES) or any(value.numel() != 1 for value in found):
        raise Disagreement(
            "train_step should return five numbers: (loss, l2, bce, ssim, kldiv)",
            bug="not-five-values",
            expected="(loss, l2, bce, ssim, kldiv)",
            actual=f"{len(found)} values of shapes {[list(value.shape) for value in found]}",
        )
    return [value.item() for value in found]


def l2_slips(step: Step) -> dict[str, tuple[float, str]]:
    """Other squared errors."""
    x, xg = step.x.double(), step.xg.double()
    return {
        "l2-sum": (((xg - x) ** 2).sum().item(), "the squared error is summed; its mean over pixels is asked for"),
        "l2-per-image": (
            ((xg - x) ** 2).sum().item() / BATCH,
            "the squared error is summed over the pixels of an image",
        ),
        "l1": ((xg - x).abs().mean().item(), "that is the absolute error; L2 is the squared one, nn.MSELoss"),
        "root": (F.mse_loss(xg, x).sqrt().item(), "that is the root of the mean squared error"),
    }


def bce_slips(step: Step) -> dict[str, tuple[float, str]]:
    """Other cross-entropies."""
    x, xg = step.x.double(), step.xg.double()
    swapped = F.binary_cross_entropy(x.clamp(0, 1), xg).item()
    logits = F.binary_cross_entropy_with_logits(xg, x).item()
    total = F.binary_cross_entropy(xg, x, reduction="sum").item()
    return {
        "bce-arguments-swapped": (swapped, "the arguments have changed places: BCELoss()(xg, x), prediction first"),
        "bce-with-logits": (logits, "xg is in [0, 1] already: BCELoss, not BCEWithLogitsLoss"),
        "bce-sum": (total, "the cross-entropy is summed; its mean over pixels is asked for"),
        "bce-per-image": (total / BATCH, "the cross-entropy is summed over the pixels of an image"),
    }


def ssim_slips(step: Step) -> dict[str, tuple[float, str]]:
    """Similarities in windows of other sizes."""
    found = {}
    for size in (3, 5, 7, 9, 13, 15):
        for padded in (True, False):
            value = ssim(step.xg.double(), step.x.double(), padded=padded, window=size).mean().item()
            for each in (value, 1 - value):
                found[f"window-{size}{'' if padded else ' inside'}{'' if each == value else ' less'}"] = (
                    each,
                    f"SSIM in windows of {size}; windows of 11 are asked for",
                )
    return found
