"""Gaussians: drawing from them, and the divergence between them.

Judged by docs/right.md#noise, #clamps, #reductions.
"""

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, close, parts, reductions, shown, tensor, which, within
from grading.checks.formula import by_hand, script
from grading.checks.noise import explained, standard_normal
from grading.checks.pairs import pairs
from grading.checks.search import on_the_smallest_input, smallest_failure
from grading.checks.standard_divergence import kl_elements, kl_per_image, kl_slips
from grading.subjects import Subject

DRAWS = 20_000
TOLD_APART = (1.5, -1.3), (-0.7, 1.2)  # mu and logvar at which every known mistake gives other numbers
SMALL = -8.0  # a logvar near which sigma all but vanishes, and which code may not have cut off (docs/right.md#clamps)


def reparameterization(student: Subject, reference: Subject, rng: Generator) -> None:
    """reparameterize draws from N(mu, sigma^2) with sigma = exp(logvar / 2), and lets gradients through.

    mu, logvar [B, Z] -> z [B, Z]; Kingma & Welling 2014 (arXiv:1312.6114), section 2.4. Judged by law, over 20,000 draws:
    the mean within 5 standard errors, the standard deviation within 5 of its own, the distribution by Kolmogorov's test, and
    no number shared among images or dimensions (docs/right.md#noise).
    """
    call = by_hand(reference, "reparameterize", ("mu", "logvar"))
    for mu, logvar in (*TOLD_APART, (0.0, 0.0), (0.3, SMALL)):
        _right_law(student, mu, logvar, call)
    _draws_anew(student)
    _lets_gradients_through(student, rng)


def _right_law(student: Subject, mu: float, logvar: float, call: str) -> None:
    z = _drawn(student, mu, logvar)
    sigma, n = float(torch.tensor(logvar / 2).exp()), z.numel()
    mean, spread, noise = z.mean().item(), z.std().item(), (z - mu) / sigma
    if standard_normal(noise):
        return
    bug, message = _known_noise(student, z, mu, logvar)
    raise Disagreement(
        message,
        bug=bug,
        expected=f"mean {mu:g}, standard deviation {sigma:.4f}",
        actual=f"mean {mean:.4f}, standard deviation {spread:.4f} over {n:,} draws",
        reproduce=script(
            call, [f"mu, logvar = torch.full(({DRAWS}, 1), {mu}), torch.full(({DRAWS}, 1), {logvar})"], ".std()"
        ),
    )


def _drawn(student: Subject, mu: float, logvar: float) -> Tensor:
    shape = (DRAWS // 4, 4)
    return tensor(student.reparameterize(mu=torch.full(shape, mu), logvar=torch.full(shape, logvar)), "z", shape)


def _known_noise(student: Subject, z: Tensor, mu: float, logvar: float) -> tuple[str, str]:
    """The mistake behind draws that do not follow N(mu, exp(logvar)): another law, or noise of another kind.

    A law is told where draws at other numbers follow it too, since by chance one deviation may be like another.
    """
    known = _followed(z, mu, logvar)
    if known:
        other = next(each for each in TOLD_APART if each != (mu, logvar))
        again = _followed(_drawn(student, *other), *other)
        known = {bug: message for bug, message in known.items() if bug in again}
    if known:
        return next(iter(known.items()))
    sigma = torch.tensor(logvar / 2).exp().item()
    bug, message = explained((z - mu) / sigma)
    if bug or within(z.mean().item(), mu, sigma / z.numel() ** 0.5):
        return bug, message or "z does not have standard deviation exp(logvar / 2)"
    return "", "z does not have mean mu"


def _followed(z: Tensor, mu: float, logvar: float) -> dict[str, str]:
    """The mistakes whose law these draws follow."""
    sigma = torch.tensor(logvar / 2).exp().item()
    laws = {
        "sigma-is-variance": (mu, sigma**2, "sigma is exp(logvar / 2); yours is exp(logvar), the variance"),
        "sigma-is-logvar": (mu, logvar, "sigma is exp(logvar / 2); yours is logvar itself"),
        "sigma-is-half-logvar": (mu, logvar / 2, "sigma is exp(logvar / 2); yours is logvar / 2"),
        "sigma-is-one": (mu, 1.0, "the noise is not scaled by sigma = exp(logvar / 2)"),
        "sigma-is-fourth-root": (mu, sigma**0.5, "sigma is exp(logvar / 2); yours is exp(logvar / 4)"),
        "sigma-inverted": (mu, 1 / sigma, "sigma is exp(logvar / 2); yours is exp(-logvar / 2)"),
        "mu-missing": (0.0, sigma, "mu is not added: z = mu + sigma eps"),
        "mu-sign": (-mu, sigma, "mu is to be added; you subtract it"),
        "mu-scaled": (mu * sigma, sigma, "sigma scales the noise alone: z = mu + sigma eps, not (mu + eps) sigma"),
        "mu-and-sigma-swapped": (sigma, mu, "mu and sigma have changed places: z = mu + sigma eps"),
        "latents-swapped": (logvar, torch.tensor(mu / 2).exp().item(), "mu and logvar have changed places"),
    }
    return {
        bug: message
        for bug, (centre, scale, message) in laws.items()
        if (centre, abs(scale)) != (mu, sigma) and scale and standard_normal((z - centre) / scale)
    }


def _draws_anew(student: Subject) -> None:
    mu = torch.zeros(8, 3)
    first, second = (tensor(student.reparameterize(mu=mu, logvar=mu), "z", mu.shape) for _ in range(2))
    if torch.equal(first, second):
        raise Disagreement("two calls give the same z: the noise must be drawn anew in each call", bug="fixed-noise")


def _lets_gradients_through(student: Subject, rng: Generator) -> None:
    mu, logvar = torch.randn(4, 3, generator=rng), torch.randn(4, 3, generator=rng)
    answer = parts(student.reparameterize_gradient(mu=mu, logvar=logvar), z=Tensor, mu=Tensor, logvar=Tensor)
    z = tensor(answer["z"], "z", mu.shape)
    # z = mu + sigma eps:  dz/dmu = 1,  dz/dlogvar = sigma eps / 2 = (z - mu) / 2
    for name, expected in (("mu", torch.ones_like(mu)), ("logvar", (z - mu) / 2)):
        found = answer[name]
        if found is None or not close(
            tensor(found, f"the gradient of {name}", mu.shape), expected, rtol=1e-3, atol=1e-4
        ):
            raise Disagreement(
                f"the gradient of z does not reach {name} as it should: z = mu + exp(logvar / 2) * eps",
                bug=f"no-gradient-{name}",
                expected=shown(expected),
                actual="no gradient" if found is None else shown(found),
            )


def kl_to_standard_normal(student: Subject, reference: Subject, rng: Generator) -> None:
    """The KL divergence from N(mu, sigma^2) to N(0, I) is 1/2 sum(sigma^2 + mu^2 - 1 - ln sigma^2).

    mu, logvar [B, Z] -> a scalar, or [B]; Kingma & Welling 2014 (arXiv:1312.6114), appendix B. Every reduction over the
    batch is right where the handout names none, but it must be the same for every input.
    """
    mu, logvar = torch.randn(5, 3, generator=rng), torch.rand(5, 3, generator=rng) + 0.1
    try:
        used = _judge_kl(student, mu, logvar)
    except Disagreement as first:
        raise on_the_smallest_input(first, _gaussians(), lambda drawn: _judge_kl(student, drawn[0], drawn[1])) from None
    zero = tensor(student.kl_to_standard_normal(mu=torch.zeros(2, 3), logvar=torch.zeros(2, 3)), "the KL divergence")
    if not zero.numel() or zero.abs().max() > 1e-5:
        raise Disagreement("at mu = 0 and logvar = 0 the KL divergence is 0", expected="0", actual=shown(zero))
    smallest_failure(_gaussians(), lambda drawn: _judge_kl(student, drawn[0], drawn[1], used))


def _judge_kl(student: Subject, mu: Tensor, logvar: Tensor, reduction: str = "") -> str:
    """Raises Disagreement unless the answer is the divergence in some reduction (or in that one); returns which."""
    answer = tensor(student.kl_to_standard_normal(mu=mu, logvar=logvar), "the KL divergence")
    allowed = reductions(kl_per_image(mu, logvar), mu.numel())
    if found := which(answer, {reduction: allowed[reduction]} if reduction else allowed):
        return found
    expected = allowed[reduction or "mean over the batch"]
    told = {"expected": f"{shown(expected)} ({reduction or 'mean over the batch; other reductions are right as well'})"}
    show = f"mu, logvar = torch.tensor({_digits(mu)}), torch.tensor({_digits(logvar)})\nprint(vae.kl_loss(mu, logvar))"
    told |= {"actual": shown(answer), "reproduce": show}
    bug, message = _unreduced(answer, mu, logvar) or _explained(student, answer, mu, logvar)
    raise Disagreement(message or "this is not the KL divergence to N(0, I), in any reduction", bug=bug, **told)


def _unreduced(answer: Tensor, mu: Tensor, logvar: Tensor) -> tuple[str, str] | None:
    """Right numbers that were reduced over other dimensions than those of an image."""
    every = kl_elements(mu, logvar)
    if which(answer, {"not-summed": every}) and answer.shape == every.shape:
        return "not-summed", "the dimensions of z are still to be summed over"
    if answer.shape == every[0].shape and which(answer, {"sum": every.sum(0), "mean": every.mean(0)}):
        return "wrong-dimension", "you reduce over the batch alone; sum over the dimensions of z, dim=1"
    return None


def _explained(student: Subject, answer: Tensor, mu: Tensor, logvar: Tensor) -> tuple[str, str]:
    """The known mistake that gives this answer, or two of them, and what to say; two empty strings for none.

    One number is soon explained by something, so the same has to explain the answer to other inputs as well.
    """
    other = mu.flip(0) - 0.3, 0.9 * logvar.flip(0) + 0.05
    try:
        again = tensor(student.kl_to_standard_normal(mu=other[0], logvar=other[1]), "the answer")
    except Disagreement:
        return "", ""
    for fitting in (_fitting_slips, _fitting_pairs):
        confirmed = fitting(again, *other)
        for bug, message in fitting(answer, mu, logvar).items():
            if bug in confirmed:
                return bug, message
    return "", ""


def _fitting_slips(answer: Tensor, mu: Tensor, logvar: Tensor) -> dict[str, str]:
    known = kl_slips(mu.double(), logvar.double())
    return {bug: message for bug, (wrong, message) in known.items() if which(answer, reductions(wrong, mu.numel()))}


def _fitting_pairs(answer: Tensor, mu: Tensor, logvar: Tensor) -> dict[str, str]:
    mu, logvar = mu.double(), logvar.double()
    every = pairs(kl_per_image(mu, logvar), kl_slips(mu, logvar))
    return {bug: message for bug, wrong, message in every if which(answer, reductions(wrong, mu.numel()))}


def _digits(values: Tensor) -> Any:
    return [[float(f"{number:.6g}") for number in row] for row in values.tolist()]


@st.composite
def _gaussians(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """mu in [-30, 30] and logvar in [-10, 10], of any batch and width up to 4 x 4."""
    batch, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    numbers = st.lists(
        st.lists(st.floats(-1, 1, width=16), min_size=width, max_size=width), min_size=batch, max_size=batch
    )
    return 30 * torch.tensor(draw(numbers)), 10 * torch.tensor(draw(numbers))
