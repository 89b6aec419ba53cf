"""Known mistakes in Monte Carlo estimates of a divergence, recognised by the law that the estimates follow."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from grading.checks.compare import HALF
from grading.checks.formula import Slips
from grading.checks.log_ratio import Pair, divergence, mean_under, variance

SIGMAS = 4.5
SHARED = "shared-noise"
UNIFORM_KURTOSIS = 1.8


def known_law(estimates: Tensor, pairs: Sequence[Pair], num_samples: int) -> tuple[str, float, str]:
    """The bug, share and message for estimates [R, P], R of each of P pairs, that do not follow the law."""
    right = torch.stack([divergence(pair) for pair in pairs])
    means, variances = estimates.mean(0), estimates.var(0)
    if variances.max() < 1e-8:
        return _known_constant(means, right, pairs)
    error = SIGMAS * (variances / len(estimates)).sqrt()
    if not ((means - right).abs() <= error).all():
        known = {
            bug: (((means - wrong).abs() / error).max().item(), message)
            for bug, (wrong, message) in _wrong_means(pairs, num_samples).items()
            if ((means - wrong).abs() <= error).all() and not ((wrong - right).abs() <= error).all()
        }
        if known:
            bug = min(known, key=lambda name: known[name][0])  # of laws that are alike, the nearest
            return bug, 0.0, known[bug][1]
        return "", 0.0, "the estimates are biased: their mean is not D(q || p)"
    single = torch.stack([variance(pair) for pair in pairs])
    shared = torch.stack([variance(pair, shared=True) for pair in pairs]) / num_samples
    if num_samples > 1 and _like(variances, single):
        return "one-draw-reused", HALF, "one draw is used for every sample: more samples make the estimate no better"
    if _like(variances, shared):
        return "noise-shared-by-dimensions", HALF, "every dimension of a sample gets the same noise; draw one for each"
    flat = torch.stack([variance(pair, kurtosis=UNIFORM_KURTOSIS) for pair in pairs]) / num_samples
    if _like(variances, flat, 0.15) and not _like(variances, single / num_samples, 0.15):
        told = "right on average, but vary as little as where the noise is uniform: draw it from a normal distribution"
        return "noise-not-normal", HALF, told
    told = "right on average, but with the wrong variance: average num_samples independent draws for every row"
    return "wrong-variance", HALF, told


def _like(variances: Tensor, expected: Tensor, within: float = 0.3) -> bool:
    return bool(((variances / expected - 1).abs() < within).all())


def _known_constant(means: Tensor, right: Tensor, pairs: Sequence[Pair]) -> tuple[str, float, str]:
    """What is wrong where all rows of a pair have the same estimate."""
    if torch.allclose(means, right, rtol=1e-4):
        told = "the closed form is returned: right, but the question asks for an estimate from num_samples draws"
        return "not-monte-carlo", HALF, told
    at_mean = torch.stack([mean_under(pair, pair.mu_q, torch.zeros_like(pair.mu_q)) for pair in pairs])
    if torch.allclose(means, at_mean, rtol=1e-4):
        return "no-noise", 0.0, "z is always mu_q: no noise is drawn"
    return SHARED, HALF, "every row of the batch gets the same noise; draw noise for each of them"


def _wrong_means(pairs: Sequence[Pair], num_samples: int) -> Slips:
    """The mean of the estimates under known mistakes, for every pair."""
    right = torch.stack([divergence(pair) for pair in pairs])
    logs = torch.stack([0.5 * (pair.logvar_p - pair.logvar_q).sum() for pair in pairs])
    back = torch.stack([divergence(Pair(pair.mu_p, pair.logvar_p, pair.mu_q, pair.logvar_q)) for pair in pairs])
    return {
        "sign": (-right, "the sign is wrong: it is log q(z) - log p(z)"),
        "samples-from-p": (-back, "z is drawn from p; draw it from q"),
        "kl-swapped": (back, "this estimates D(p || q): log p(z) - log q(z) with z from p"),
        "sum-over-samples": (num_samples * right, "the samples are summed; average over them"),
        "mean-for-sum": (right / len(pairs[0].mu_q), "the dimensions are averaged; sum over them"),
        "missing-logvar": (right - logs, "the logarithms of the variances are missing from log q(z) - log p(z)"),
        "logvar-without-half": (right + logs, "log sigma^2 comes with a 1/2 in log q(z) and log p(z)"),
        "missing-half": (2 * right, "the 1/2 in log q(z) and log p(z) is missing"),
        **_wrong_spreads(pairs),
        "mu-missing": (
            torch.stack([mean_under(pair, 0 * pair.mu_q, torch.exp(pair.logvar_q / 2)) for pair in pairs]),
            "mu_q is not added to the noise: z = mu_q + exp(logvar_q / 2) e",
        ),
        **_wrong_logarithms(pairs, right),
        **_uniform(pairs),
    }


def _wrong_spreads(pairs: Sequence[Pair]) -> Slips:
    """The mean where the noise of z is scaled by something else than sigma."""
    spreads = {
        "sigma-is-variance": (
            [pair.logvar_q.exp() for pair in pairs],
            "z = mu_q + exp(logvar_q) e: sigma is exp(logvar_q / 2)",
        ),
        "sigma-is-logvar": ([pair.logvar_q for pair in pairs], "z = mu_q + logvar_q e: sigma is exp(logvar_q / 2)"),
        "sigma-is-half-logvar": (
            [pair.logvar_q / 2 for pair in pairs],
            "z = mu_q + logvar_q / 2 e: sigma is exp(logvar_q / 2)",
        ),
        "sigma-inverted": (
            [torch.exp(-pair.logvar_q / 2) for pair in pairs],
            "z = mu_q + exp(-logvar_q / 2) e: sigma is exp(logvar_q / 2)",
        ),
        "sigma-is-one": (
            [torch.ones_like(pair.mu_q) for pair in pairs],
            "the noise is not scaled by sigma = exp(logvar_q / 2)",
        ),
    }
    return {
        bug: (
            torch.stack([mean_under(pair, pair.mu_q, sigma) for pair, sigma in zip(pairs, sigmas, strict=True)]),
            message,
        )
        for bug, (sigmas, message) in spreads.items()
    }


def _wrong_logarithms(pairs: Sequence[Pair], right: Tensor) -> Slips:
    """The mean where z is right, and something is wrong with log q(z) or log p(z) alone."""

    def of(each: Callable[[Pair], Tensor]) -> Tensor:
        return torch.stack([each(pair).sum() for pair in pairs])

    half_q, half_p = of(lambda pair: pair.logvar_q / 2), of(lambda pair: pair.logvar_p / 2)
    from_p = of(lambda pair: _square(pair) * torch.exp(-pair.logvar_p) / 2)
    constant = of(lambda pair: torch.full_like(pair.mu_q, 0.5 * math.log(2 * math.pi)))
    from_q = of(lambda pair: torch.full_like(pair.mu_q, 0.5))
    alone = {"log-p-missing": -half_q - from_q, "log-q-missing": half_p + from_p}
    told = {
        "log-p-missing": "this is the mean of log q(z) alone; log p(z) is to be subtracted",
        "log-q-missing": "this is the mean of - log p(z) alone; log q(z) is missing",
    }
    signs = {"log-p-missing": -1, "log-q-missing": 1}
    found = {bug: (wrong, told[bug]) for bug, wrong in alone.items()}
    found |= {f"{bug} (with its constant)": (alone[bug] + signs[bug] * constant, told[bug]) for bug in alone}
    return found | {
        "missing-logvar-in-q": (right + half_q, "the logarithm of the variance is missing from log q(z)"),
        "missing-logvar-in-p": (right - half_p, "the logarithm of the variance is missing from log p(z)"),
        "sigma-for-variance-in-q": (
            right + from_q - of(lambda pair: torch.exp(pair.logvar_q / 2) / 2),
            "the square in log q(z) is divided by sigma; divide by sigma^2 = exp(logvar_q)",
        ),
        "sigma-for-variance-in-p": (
            right - from_p + of(lambda pair: _square(pair) * torch.exp(-pair.logvar_p / 2) / 2),
            "the square in log p(z) is divided by sigma; divide by sigma^2 = exp(logvar_p)",
        ),
        "variance-of-q-in-p": (
            of(lambda pair: (_square(pair) * torch.exp(-pair.logvar_q) - 1) / 2),
            "log p(z) has the variance of q: it is exp(logvar_p)",
        ),
    }


def _square(pair: Pair) -> Tensor:
    """The mean of (z - mu_p)^2 where z ~ q."""
    return torch.exp(pair.logvar_q) + (pair.mu_q - pair.mu_p) ** 2


def _uniform(pairs: Sequence[Pair]) -> Slips:
    """The mean where the noise is uniform: it rests on the noise's mean and variance alone."""
    found = {}
    for name, (centre, deviation) in {"0 to 1": (0.5, 12**-0.5), "-1 to 1": (0.0, 3**-0.5)}.items():
        sigmas = [torch.exp(pair.logvar_q / 2) for pair in pairs]
        means = [
            mean_under(pair, pair.mu_q + centre * sigma, deviation * sigma)
            for pair, sigma in zip(pairs, sigmas, strict=True)
        ]
        found[f"uniform-noise ({name})"] = torch.stack(means), f"the noise is uniform from {name}: randn, not rand"
    return found
