"""Reconstruction losses: every kind and reduction that a handout leaves open, and the mistakes."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.compare import Disagreement, parts, reductions, shown, tensor, which
from grading.subjects import Subject

SHAPE = (1, 28, 28)


def images_of_classes(rng: Generator, count: int) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] that are not all alike, and labels."""
    return torch.rand(count, *SHAPE, generator=rng), torch.arange(count) % 10


def _kinds(x_hat: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Every reconstruction loss that is right, pixel by pixel."""
    return {
        "cross-entropy": F.binary_cross_entropy(x_hat.clamp(0, 1), x, reduction="none"),
        "squared error": (x_hat - x) ** 2,
        "absolute error": (x_hat - x).abs(),
        "smooth absolute error": F.smooth_l1_loss(x_hat, x, reduction="none"),
        "cross-entropy of logits": F.binary_cross_entropy_with_logits(x_hat, x, reduction="none"),
    }


def judge_alone(student: Subject, rng: Generator) -> None:
    """get_loss that does not go through self.forward: its loss is one that the model's own reconstructions have."""
    right: set[tuple[str, str]] | None = None
    for seed in ("a", "b"):
        x, y = images_of_classes(rng, 6)
        answer = parts(student.vae_losses_alone(x=x, y=y, seed=seed), losses=object, own=Tensor)
        own = tensor(answer["own"], "the reconstructions", (16, *x.shape))
        found = tensor(answer["losses"][0], "the reconstruction loss")
        fits = _fitting(found, own, x.double())
        right = fits if right is None else right & fits
    if not right:
        raise Disagreement(
            "the reconstruction loss is none that the model's own reconstructions have", actual=shown(found)
        )


def _fitting(found: Tensor, own: Tensor, x: Tensor) -> set[tuple[str, str]]:
    """Which loss in which reduction `found` may be, going by how 16 reconstructions [16, B, 1, 28, 28] of x scatter."""
    drawn: dict[tuple[str, str], list[Tensor]] = {}
    for x_hat in own:
        for kind, loss in _kinds(x_hat, x).items():
            for name, value in reductions(loss.flatten(1).sum(1), x.numel()).items():
                drawn.setdefault((kind, name), []).append(value)
    return {name for name, values in drawn.items() if _among(found, torch.stack(values))}


def _among(found: Tensor, values: Tensor) -> bool:
    """Whether a value may be one more of these, by their mean and scatter."""
    if found.shape != values.shape[1:]:
        return False
    apart = (found - values.mean(0)).abs()
    return bool((apart <= 6 * values.std(0) + 1e-3 * values.mean(0).abs()).all())


def judge_reconstruction(found: Tensor, x_hat: Tensor, x: Tensor) -> None:
    """Raises Disagreement unless `found` is a reconstruction loss of x_hat and x, both [B, 1, 28, 28]."""
    kinds = _kinds(x_hat, x)
    for loss in kinds.values():
        if which(found, reductions(loss.flatten(1).sum(1), x.numel()), rtol=1e-3):
            return
    swapped = F.binary_cross_entropy(x.clamp(1e-6, 1 - 1e-6), x_hat, reduction="none").flatten(1).sum(1)
    is_swapped = bool(which(found, reductions(swapped, x.numel()), rtol=2e-2))
    raise Disagreement(
        "binary cross-entropy takes (reconstruction, image); yours has them the other way round"
        if is_swapped
        else "the reconstruction loss does not compare the reconstruction with the images",
        bug="bce-swapped" if is_swapped else "",
        expected=f"e.g. cross-entropy, mean over the batch: {kinds['cross-entropy'].flatten(1).sum(1).mean().item():.6g}",
        actual=shown(found),
    )
