"""Reconstruction losses: every kind and reduction that a handout leaves open, and the mistakes."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.compare import Disagreement, parts, reductions, shown, tensor, two, which
from grading.errors import BadAnswer
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
        found = tensor(two(answer["losses"], "what get_loss returns")[0], "the reconstruction loss")
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


def judge_reconstruction(found: Tensor, x_hat: Tensor, x: Tensor) -> str:
    """Raises Disagreement unless `found` is a reconstruction loss of x_hat and x, both [B, 1, 28, 28]; returns which."""
    kinds = _kinds(x_hat, x)
    for kind, loss in kinds.items():
        if which(found, reductions(loss.flatten(1).sum(1), x.numel()), rtol=1e-3):
            return kind
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


def judge_range(kind: str, own: Tensor | None, wide: Tensor | None) -> None:
    """Raises Disagreement where the loss wants another range than the model's reconstructions have (docs/right.md#ranges).

    own, wide: reconstructions by the model as it is, and with larger weights, so that what nothing bounds leaves [0, 1]
    """
    if own is None or wide is None or own.shape != wide.shape or not own.numel():
        raise BadAnswer("the reconstructions by smaller and by larger weights should be images of one shape")
    told = {"actual": f"from {min(own.min(), wide.min()):.3g} to {max(own.max(), wide.max()):.3g}"}
    bounded = all(torch.isfinite(each).all() and each.min() >= 0 and each.max() <= 1 for each in (own, wide))
    if kind == "cross-entropy of logits" and bounded and (wide - own).abs().max() > 1e-3 and wide.max() > 0:
        raise Disagreement(
            "the reconstruction has gone through a sigmoid already: binary_cross_entropy, not that with logits",
            bug="bce-with-logits",
            expected="binary_cross_entropy(reconstruction, x)",
            **told,
        )
    if kind == "cross-entropy" and (own.min() < -1e-4 or own.max() > 1 + 1e-4):
        raise Disagreement(
            "binary_cross_entropy wants a reconstruction in [0, 1], and the decoder's is not: end it with a sigmoid, or "
            "take binary_cross_entropy_with_logits",
            bug="recon-range",
            expected="numbers in [0, 1]",
            **told,
        )
