"""What known mistakes in the negative evidence lower bound of a batch give (`mean_elbo`)."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F

from grading.checks.compare import HALF, Slip
from grading.checks.standard_divergence import kl_per_image, kl_slips

NAMES = ("x_hat", "x", "mu", "logvar")
Case = Mapping[str, Tensor]


def terms(case: Case) -> tuple[Tensor, Tensor]:
    """Cross-entropy and divergence per image, [N] each, in float64."""
    x_hat, x, mu, logvar = (case[name].double() for name in NAMES)
    return F.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).sum(1), kl_per_image(mu, logvar)


def slips(case: Case) -> dict[str, Slip]:
    """What known mistakes give; `share` where most of the formula is right."""
    return {**_reductions(case), **_cross_entropies(case), **_divergences(case)}


def _reductions(case: Case) -> dict[str, Slip]:
    recon, kl = terms(case)
    pixels = case["x"][0].numel()
    width = case["mu"].shape[1]
    wrong = {
        "not-divided-by-n": (
            recon.sum() + kl.sum(),
            "the sums are right, but are not divided by the batch size N",
            HALF,
        ),
        "not-averaged": (recon + kl, "one number per image: average over the batch as well", HALF),
        "mean-bce": (
            recon.mean() / pixels + kl.mean(),
            "the cross-entropy is summed over pixels; yours is their mean",
            0.0,
        ),
        "mean-over-everything": (
            (recon.mean() + kl.mean()) / pixels,
            "divide by the batch size, not by all pixels",
            0.0,
        ),
        "mean-kl": (
            recon.mean() + kl.mean() / width,
            "the divergence is summed over z; yours is averaged over it",
            0.0,
        ),
        "kl-not-divided": (recon.mean() + kl.sum(), "the divergence is not divided by the batch size N", 0.0),
        "bce-not-divided": (recon.sum() + kl.mean(), "the cross-entropy is not divided by the batch size N", 0.0),
    }
    found = {bug: Slip(answer, message, share) for bug, (answer, message, share) in wrong.items()}
    return {**found, **_divided_twice(recon, kl, pixels, width)}


def _divided_twice(recon: Tensor, kl: Tensor, pixels: int, width: int) -> dict[str, Slip]:
    """A mean that is divided by N once more, or one where a sum is asked for."""
    count = len(recon)
    again = "binary_cross_entropy averages over pixels and batch already, and you divide by N once more: "
    wrong = {
        "mean-bce-kl-sum": (
            recon.mean() / pixels + kl.sum(),
            "both sums are to be divided by N, and the pixels to be summed over",
        ),
        "mean-bce (divided by N again)": (
            recon.mean() / pixels / count + kl.mean(),
            again + "reduction='sum' is what is to be divided",
        ),
        "bce-divided-twice": (recon.mean() / count + kl.mean(), "the cross-entropy is divided by N twice"),
        "kl-divided-twice": (recon.mean() + kl.mean() / count, "the divergence is divided by N twice"),
        "mean-kl (divided by N again)": (
            recon.mean() + kl.mean() / width / count,
            "the divergence is averaged over z and batch already, and you divide by N once more: sum it first",
        ),
        "divided-twice": ((recon.mean() + kl.mean()) / count, "the loss is divided by N twice"),
    }
    return {bug: Slip(answer, message) for bug, (answer, message) in wrong.items()}


def _cross_entropies(case: Case) -> dict[str, Slip]:
    recon, kl = terms(case)
    x_hat, x = case["x_hat"].double(), case["x"].double()

    def with_loss(per_pixel: Tensor) -> Tensor:
        return per_pixel.flatten(1).sum(1).mean() + kl.mean()

    swapped = "the arguments of binary_cross_entropy are swapped: (x_hat, x) is their order"
    wrong = {
        "bce-arguments-swapped": (with_loss(F.binary_cross_entropy(x, x_hat, reduction="none")), swapped),
        "squared-error": (
            with_loss((x_hat - x) ** 2),
            "the reconstruction term is the squared error, not cross-entropy",
        ),
        **_mean_errors(case, kl),
        "bce-with-logits": (
            with_loss(F.binary_cross_entropy_with_logits(x_hat, x, reduction="none")),
            "x_hat has gone through a sigmoid already: binary_cross_entropy, not that with logits",
        ),
        "reconstruction-only": (recon.mean(), "the divergence is missing"),
        "kl-only": (kl.mean(), "the reconstruction term is missing"),
        "kl-sign": (recon.mean() - kl.mean(), "the divergence is subtracted; it is to be added"),
        "log-likelihood-sign": (kl.mean() - recon.mean(), "the cross-entropy is subtracted; it is to be added"),
    }
    return {bug: Slip(answer, message) for bug, (answer, message) in wrong.items()}


def _mean_errors(case: Case, kl: Tensor) -> dict[str, tuple[Tensor, str]]:
    """The squared error averaged over all pixels, with the divergence in one of its reductions, the whole divided or not."""
    error, count = ((case["x_hat"].double() - case["x"].double()) ** 2).mean(), len(kl)
    told = "the reconstruction term is the mean squared error; cross-entropy, summed over the pixels, is wanted"
    totals = (error + kl.mean(), error + kl.sum(), (error + kl.sum()) / count, error / count + kl.sum())
    names = ("", " (divergence not divided)", " (divided once more)", " (divided by N)")
    return {f"mean-squared-error{name}": (total, told) for name, total in zip(names, totals, strict=True)}


def _divergences(case: Case) -> dict[str, Slip]:
    recon, _ = terms(case)
    known = kl_slips(case["mu"].double(), case["logvar"].double())
    return {
        bug: Slip(recon.mean() + wrong.mean(), message) for bug, (wrong, message) in known.items() if bug != "kl-sign"
    }
