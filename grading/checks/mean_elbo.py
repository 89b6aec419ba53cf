"""The negative evidence lower bound per image, as one number for a batch.

Cross-entropy summed over pixels plus divergence, averaged over the batch: Kingma & Welling 2014 (arXiv:1312.6114),
equation 7 and appendix B.
"""

from collections.abc import Mapping, Sequence

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.compare import HALF, NEARLY, Disagreement, Slip, close, shown, tensor
from grading.checks.formula import by_hand, gradients_agree, leaves_inputs_alone, script
from grading.checks.gaussian import kl_per_image, kl_slips
from grading.checks.search import on_the_smallest_input, smallest_failure
from grading.subjects import Subject

NAMES = ("x_hat", "x", "mu", "logvar")
USUAL_BATCHES = (16, 32, 50, 64, 100, 128, 200, 250, 256, 512, 1000, 1024)
RTOL = 1e-5  # of the sizes of all terms: float32 adds them up
Case = Mapping[str, Tensor]


def negative_elbo(student: Subject, reference: Subject, rng: Generator) -> None:
    """loss_function is the cross-entropy summed over pixels plus 1/2 sum(mu^2 + sigma^2 - 1 - ln sigma^2), averaged over N.

    x_hat, x [N, 1, H, W] in (0, 1), mu, logvar [N, Z] -> a scalar.
    """
    call = by_hand(reference, "mean_elbo", NAMES)
    _judge(student, [_drawn(rng, *sizes) for sizes in ((3, 4, 5), (1, 28, 15), (8, 2, 2))], _cases(), call)


def negative_elbo_of_digits(student: Subject, reference: Subject, rng: Generator) -> None:
    """loss_function is the cross-entropy summed over pixels plus 1/2 sum(mu^2 + sigma^2 - 1 - ln sigma^2), averaged over N.

    The same for images of 28 x 28 alone, which a loss function written into a notebook may count on.
    """
    call = by_hand(reference, "mean_elbo", NAMES)
    _judge(student, [_drawn(rng, *sizes) for sizes in ((3, 28, 15), (1, 28, 15), (8, 28, 2))], _flat_digits(), call)


def _judge(student: Subject, drawn: Sequence[Case], small_ones: SearchStrategy[Case], call: str) -> None:
    """Raises Disagreement unless the loss is right on those drawn and on small ones, and kind to its inputs."""
    for case in drawn:
        try:
            _right(student, case, call)
        except Disagreement as first:
            raise on_the_smallest_input(first, small_ones, lambda small: _right(student, small, call)) from None
    smallest_failure(small_ones, lambda small: _right(student, small, call), 40)
    watched = student.watched(probe="mean_elbo", inputs=dict(case))
    leaves_inputs_alone(watched, case, _script(case, call))
    gradients_agree(watched, _gradients(case), "the loss", _script(case, call))


def _drawn(rng: Generator, count: int, side: int, latent: int) -> Case:
    x_hat, x = (0.05 + 0.9 * torch.rand(count, 1, side, side, generator=rng) for _ in range(2))
    mu, logvar = (torch.randn(count, latent, generator=rng) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    """Up to three images of up to 2 x 2 pixels, and up to three latent dimensions."""
    count, side, latent = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    pixels = st.lists(st.floats(0.0625, 0.9375, width=16), min_size=count * side**2, max_size=count * side**2)
    numbers = st.lists(st.floats(-3, 3, width=16), min_size=count * latent, max_size=count * latent)
    x_hat, x = (torch.tensor(draw(pixels)).view(count, 1, side, side) for _ in range(2))
    mu, logvar = (torch.tensor(draw(numbers)).view(count, latent) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


@st.composite
def _flat_digits(draw: st.DrawFn) -> Case:
    """Up to two images of one grey each, drawn again in another, and up to three latent dimensions."""
    count, latent = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    greys = st.lists(st.floats(0.0625, 0.9375, width=16), min_size=count, max_size=count)
    numbers = st.lists(st.floats(-3, 3, width=16), min_size=count * latent, max_size=count * latent)
    x_hat, x = (torch.tensor(draw(greys)).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous() for _ in range(2))
    mu, logvar = (torch.tensor(draw(numbers)).view(count, latent) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


def _terms(case: Case) -> tuple[Tensor, Tensor]:
    """Cross-entropy and divergence per image, [N] each, in float64."""
    x_hat, x, mu, logvar = (case[name].double() for name in NAMES)
    return F.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).sum(1), kl_per_image(mu, logvar)


def _gradients(case: Case) -> dict[str, Tensor | None]:
    leaves = {name: value.double().requires_grad_() for name, value in case.items()}
    sum(part.mean() for part in _terms(leaves)).backward()  # type: ignore[union-attr]
    return {name: leaves[name].grad for name in ("x_hat", "mu", "logvar")}


def _right(student: Subject, case: Case, call: str) -> None:
    """Raises Disagreement unless this is the loss."""
    recon, kl = _terms(case)
    right = recon.mean() + kl.mean()
    found = tensor(student.mean_elbo(**case), "the loss")
    bound = RTOL * (1 + recon.abs().sum().item() + kl.abs().sum().item())
    told = {"expected": shown(right), "actual": shown(found), "reproduce": _script(case, call)}
    if found.numel() == 1 and close(found.flatten()[0], right, 0.0, bound):
        return
    _divided_by_a_constant(found, recon.sum() + kl.sum(), len(recon), told)
    for bug, slip in _slips(case).items():
        same = slip.answer.numel() == found.numel() and close(found.flatten(), slip.answer.flatten(), 0.0, bound)
        if same and not (slip.answer.numel() == 1 and close(slip.answer.flatten()[0], right, 0.0, bound)):
            raise Disagreement(slip.message, bug=bug, share=slip.share, **told)
    if found.numel() != 1:
        raise Disagreement("the loss should be one number", **told)
    raise Disagreement("the loss is not the mean over the batch of cross-entropy plus divergence", **told)


def _divided_by_a_constant(found: Tensor, total: Tensor, count: int, told: Mapping[str, str]) -> None:
    """Right sums, over a usual size of batches: a global of the notebook, which is right there and nowhere else."""
    for size in USUAL_BATCHES:
        if (
            size != count
            and found.numel() == 1
            and close(found.flatten()[0] * size, total, 0.0, RTOL * total.abs().item())
        ):
            message = f"the sums are right, but are divided by {size} whatever the batch: divide by len(x)"
            raise Disagreement(message, bug="batch-size-global", share=NEARLY, **told)


def _slips(case: Case) -> dict[str, Slip]:
    """What known mistakes give; `share` where most of the formula is right."""
    return {**_reductions(case), **_cross_entropies(case), **_divergences(case)}


def _reductions(case: Case) -> dict[str, Slip]:
    recon, kl = _terms(case)
    count, pixels = len(recon), case["x"][0].numel()
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
    found["mean-bce-kl-sum"] = Slip(
        recon.sum() / (count * pixels) + kl.sum(), "both sums are to be divided by N, and the pixels to be summed over"
    )
    return found


def _cross_entropies(case: Case) -> dict[str, Slip]:
    recon, kl = _terms(case)
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


def _divergences(case: Case) -> dict[str, Slip]:
    recon, _ = _terms(case)
    known = kl_slips(case["mu"].double(), case["logvar"].double())
    return {
        bug: Slip(recon.mean() + wrong.mean(), message) for bug, (wrong, message) in known.items() if bug != "kl-sign"
    }


def _script(case: Case, call: str) -> str:
    lines = [_written(name, value) for name, value in case.items()]
    if not all(lines):
        lines = [f"# {name}: {list(value.shape)}, drawn at random" for name, value in case.items()]
    return script(call, lines)


def _written(name: str, value: Tensor) -> str:
    """The line that makes a tensor; an empty string where it has too many numbers for one."""
    shape = ", ".join(map(str, value.shape))
    if value.ndim == 4 and value[0].numel() > 12 and (value == value[:, :, :1, :1]).all():
        greys = [round(number, 4) for number in value[:, 0, 0, 0].tolist()]
        return f"{name} = torch.tensor({greys}).view(-1, 1, 1, 1).expand({shape})"
    numbers = [round(number, 4) for number in value.flatten().tolist()]
    return f"{name} = torch.tensor({numbers}).view({shape})" if value.numel() <= 12 else ""
