"""Draws of one step forward and one step back in a denoising diffusion model, judged by law. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239). The methods are asked with known moments in the place of those they build on; code that
writes the moments out instead is right too. No seed is assumed: only the law of the draws counts.

Judged by docs/right.md#noise, #one-mistake-once.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, close, one_of, parts, tensor
from grading.checks.formula import by_hand
from grading.checks.noise import explained, standard_normal
from grading.checks.steps import STEPS, at, schedule_tables, searched, shown_step, true_forward, true_reverse
from grading.subjects import Subject

SHAPE = (64, 1, 8, 8)  # 4,096 draws
Moments = tuple[Tensor, Tensor]
WRONG_SCALES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "variance-for-deviation": (
        lambda v: v,
        "the noise is to be scaled by the root of the variance, not by the variance",
    ),
    "noise-not-scaled": (torch.ones_like, "the noise is not scaled by the root of the variance"),
    "root-twice": (lambda v: v**0.25, "the root of the variance is taken twice"),
    "variance-as-logarithm": (
        lambda v: (v / 2).exp(),
        "the noise is scaled by exp(variance / 2), as if the variance were its logarithm; take its root",
    ),
}


def forward_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """x_t = mean + sqrt(variance) eps, with the moments of q(x_t | x_0) and the noise that is given, or else drawn.

    x0, eps [B, C, H, W], t [B] -> x_t like x0 (equation 4).
    """
    _judge_repeated(student, rng)
    call = by_hand(reference, "forward_sample", ("images", "t", "0.7 * images.flip(0) + 0.3"))
    searched(rng, lambda case: _judge_given_noise(student, *case, call))
    x0, t = torch.randn(SHAPE, generator=rng), torch.full(SHAPE[:1], STEPS // 2)
    mean, variance = _known(x0, 0.3)

    def draw() -> tuple[Tensor, list[Moments]]:
        asked = student.forward_sample(x0=x0, t=t, noise=None, mean=mean, variance=variance, n_steps=STEPS)
        answer = parts(asked, x_t=object, betas=Tensor)
        own = true_forward(tensor(answer["betas"], "beta"), x0, t)
        _judge_order(answer["x_t"], mean, "q_xt_x0")
        return tensor(answer["x_t"], "x_t", SHAPE), _combined((mean, variance), own)

    _judge_draws(draw, "x_t without a given eps", x0)


def _judge_repeated(student: Subject, rng: Generator) -> None:
    """Where the noise is given there is nothing left to draw."""
    x0, t = torch.randn(4, 1, 4, 4, generator=rng), torch.tensor([1, 5, 20, 40])
    mean, variance = _known(x0, 0.3)
    asked = {"x0": x0, "t": t, "noise": x0.flip(0), "mean": mean, "variance": variance, "n_steps": STEPS}
    answers = [parts(student.forward_sample(**asked), x_t=object)["x_t"] for _ in range(2)]
    _judge_order(answers[0], mean, "q_xt_x0")
    first, second = (tensor(answer, "x_t") for answer in answers)
    if not torch.equal(first, second):
        raise Disagreement("other noise is added than the one that is given", bug="given-noise-ignored")


def reverse_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """p_sample draws x_{t-1} from a normal distribution with the mean and variance of p(x_{t-1} | x_t), anew in each call.

    xt [B, C, H, W], t [B] -> x_{t-1} like xt. The last step, t = 0, may be drawn or be the mean. 4,096 draws: mean and
    deviation within 5 standard errors, the distribution by Kolmogorov's test, 1.2e-6 false alarms together; an independent
    second look before anyone is accused, 1.4e-12.
    """
    xt = 300 * torch.randn(SHAPE, generator=rng)  # so large that the mean is not like x_t itself
    mean, variance = _known(xt, 0.4)

    def draw(step: int) -> tuple[Tensor, list[Moments]]:
        t = torch.full(SHAPE[:1], step)
        asked = student.reverse_sample(xt=xt, t=t, mean=mean, variance=variance, n_steps=STEPS)
        answer = parts(asked, x_prev=object, betas=Tensor, estimate=Tensor)
        betas, estimate = tensor(answer["betas"], "beta"), answer["estimate"]
        own = true_reverse(betas, xt, t, xt if estimate is None else tensor(estimate, "the estimate", SHAPE))
        allowed = _combined((mean, variance), (mean, own[1]) if estimate is None else own)
        _judge_order(answer["x_prev"], mean, "p_xt_prev_xt")
        return tensor(answer["x_prev"], "x_{t-1}", SHAPE), allowed

    last, allowed = draw(0)
    try:
        _judge_draws(lambda: draw(STEPS // 2), "x_{t-1}", xt)
    except Disagreement as error:
        if error.verdict.bug == "no-noise" and any(_standard(last, each) for each in allowed):
            told = "noise is drawn at t = 0 alone: it belongs to the other steps, and t = 0 may do without"
            error.verdict = replace(error.verdict, bug="noise-only-at-the-end", message=told)
        raise
    if not any(close(last, m) for m, _ in allowed) and not any(_standard(last, each) for each in allowed):
        _judge_draws(lambda: draw(0), "x_{t-1} at t = 0", xt)


def _known(images: Tensor, variance: float) -> Moments:
    """Moments that no formula gives: a mean like the images, and one variance per image."""
    return 0.4 * images - 0.2, torch.full((len(images), 1, 1, 1), variance)


def _combined(known: Moments, own: Moments) -> list[Moments]:
    """Code may ask the method for both moments, or write one or both of them out."""
    shape = known[0].shape
    return [(m.double(), v.double().expand(shape)) for m in (known[0], own[0]) for v in (known[1], own[1])]


def _standard(draws: Tensor, moments: Moments, scale: Callable[[Tensor], Tensor] = torch.sqrt) -> bool:
    """Whether the draws are independent and normal, with that mean, and for deviation the scale of that variance."""
    return standard_normal((draws - moments[0]) / scale(moments[1]))


def _judge_order(drawn: object, mean: Tensor, method: str) -> None:
    """Raises Disagreement where the root was taken of the known mean: what is drawn is nan where that is negative."""
    negative = mean < 0
    nan_there = isinstance(drawn, Tensor) and drawn.shape == mean.shape and torch.equal(drawn.isnan(), negative)
    if nan_there and negative.any():
        raise Disagreement(f"{method} gives the mean first, then the variance; you swap them", bug="moments-swapped")


def _judge_draws(draw: Callable[[], tuple[Tensor, list[Moments]]], what: str, given: Tensor) -> None:
    first, allowed = draw()
    second, again = draw()
    if not any(_standard(first, each) for each in allowed) and not any(_standard(second, each) for each in again):
        raise _explained(first, allowed, what, given.double())
    if torch.equal(first, second):
        raise Disagreement(
            "two calls give the same noise: it must be drawn anew in each call", bug="fixed-noise", share=0.5
        )


def _explained(draws: Tensor, allowed: Iterable[Moments], what: str, given: Tensor) -> Disagreement:
    """The known mistake behind draws that follow none of the laws."""
    for mean, variance in allowed:
        told = {
            "expected": f"noise of standard deviation {variance.sqrt().mean().item():.4f} around the mean",
            "actual": f"{(draws - mean).std().item():.4f} over {draws.numel():,} draws",
        }
        if close(draws, mean):
            return Disagreement(f"{what} is always the mean: no noise is drawn", bug="no-noise", **told)
        for bug, (scale, message) in WRONG_SCALES.items():
            if _standard(draws, (mean, variance), scale):
                return Disagreement(message, bug=bug, **told)
        for bug, (other, message) in _wrong_means(mean, variance, given).items():
            if _standard(draws, (other, variance)) and not close(other, mean):
                return Disagreement(message, bug=bug, **told)
        residual = (draws - mean) / variance.sqrt()
        bug, message = explained(residual)
        if bug and bug != "noise-not-unit":
            return Disagreement(message, bug=bug, **told)
    return Disagreement(f"{what} does not have the mean and variance it should", **told)


def _wrong_means(mean: Tensor, variance: Tensor, given: Tensor) -> dict[str, tuple[Tensor, str]]:
    """Other means of draws whose noise has the right scale."""
    return {
        "mean-missing": (0 * mean, "the mean is missing: what is drawn is the noise alone"),
        "mean-scaled": (mean * variance.sqrt(), "the root of the variance scales the noise alone, not the mean too"),
        "mean-sign": (-mean, "the mean has the wrong sign"),
        "image-for-mean": (
            given,
            "the image that is given is taken for the mean; the moments have a method of their own",
        ),
    }


def _judge_given_noise(student: Subject, x0: Tensor, t: Tensor, call: str) -> None:
    noise, mean = 0.7 * x0.flip(0) + 0.3, 0.4 * x0 - 0.2
    variance = (0.1 + 0.02 * t.float()).view(-1, 1, 1, 1)
    asked = student.forward_sample(x0=x0, t=t, noise=noise, mean=mean, variance=variance, n_steps=STEPS)
    answer = parts(asked, x_t=object, betas=Tensor)
    _judge_order(answer["x_t"], mean, "q_xt_x0")
    eps, betas = noise.double(), tensor(answer["betas"], "beta")
    known, own = (mean.double(), variance.double().expand(x0.shape)), true_forward(betas, x0, t)
    right = [m + v.sqrt() * eps for m, v in _combined(known, own)]
    slips = (
        _given_slips(x0.double(), eps, known, "")
        | _given_slips(x0.double(), eps, own, " (written out)")
        | _formula_slips(betas, x0, t, eps)
    )
    one_of(answer["x_t"], right, "x_t", slips, shown_step(x0, t, call))


def _given_slips(x: Tensor, eps: Tensor, moments: Moments, suffix: str) -> dict[str, Slip]:
    mean, variance = moments
    slips = {
        "variance-for-deviation": Slip(
            mean + variance * eps, "the noise is scaled by the variance; it should be by its root"
        ),
        "noise-not-scaled": Slip(mean + eps, "the noise is not scaled by the root of the variance"),
        "no-noise": Slip(mean, "no noise is added"),
        "noise-rescaled": Slip(mean + variance.sqrt() * eps / 2, "the noise that is given is halved"),
        "noise-doubled": Slip(mean + variance.sqrt() * eps * 2, "the noise that is given is doubled"),
        "noise-sign": Slip(mean - variance.sqrt() * eps, "the noise is to be added; you take it away"),
        "image-for-mean": Slip(x + variance.sqrt() * eps, "x_0 is taken for the mean, which is sqrt(alpha_bar_t) x_0"),
        "image-for-noise": Slip(mean + variance.sqrt() * x, "x_0 is taken for the noise; the noise is eps"),
        "mean-missing": Slip(variance.sqrt() * eps, "the mean is missing: x_t is mean + sqrt(variance) eps"),
        "mean-scaled": Slip(
            (mean + eps) * variance.sqrt(), "the root of the variance scales the noise alone, not the mean"
        ),
    }
    return {bug + suffix: slip for bug, slip in slips.items()}


def _formula_slips(betas: Tensor, x0: Tensor, t: Tensor, eps: Tensor) -> dict[str, Slip]:
    _, alpha, bar, _ = at(t, schedule_tables(betas))
    x, root, noise = x0.double(), bar.sqrt(), (1 - bar).sqrt() * eps
    return {
        "alpha-for-alpha-bar": Slip(alpha.sqrt() * x + (1 - alpha).sqrt() * eps, "alpha_bar_t is wanted, not alpha_t"),
        "scales-swapped": Slip(
            (1 - bar).sqrt() * x + root * eps,
            "sqrt(alpha_bar_t) belongs to x_0 and sqrt(1 - alpha_bar_t) to eps; you swap them",
        ),
        "no-root-on-x": Slip(bar * x + noise, "the root over alpha_bar_t is missing"),
        "x-not-scaled": Slip(x + noise, "x_0 is not scaled by sqrt(alpha_bar_t)"),
        "no-root": Slip(bar * x + (1 - bar) * eps, "the roots of alpha_bar_t and 1 - alpha_bar_t are missing"),
    }
