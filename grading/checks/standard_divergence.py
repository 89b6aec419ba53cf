"""The divergence from a Gaussian with diagonal covariance to N(0, I), and what known mistakes in it give."""

import math

from torch import Tensor

Known = dict[str, tuple[Tensor, str]]  # bug -> (what it gives per image, what to say)


def kl_elements(mu: Tensor, logvar: Tensor) -> Tensor:
    """The right answer dimension by dimension, in float64: [B, Z], [B, Z] -> [B, Z]."""
    mu, logvar = mu.double(), logvar.double()
    return 0.5 * (logvar.exp() + mu**2 - 1 - logvar)


def kl_per_image(mu: Tensor, logvar: Tensor) -> Tensor:
    """The right answer, in float64: [B, Z], [B, Z] -> [B]."""
    return kl_elements(mu, logvar).sum(1)


def kl_slips(mu: Tensor, logvar: Tensor) -> Known:
    """What known mistakes give, per image."""
    right = kl_per_image(mu, logvar)
    return {
        "kl-sign": (-right, "the sign is wrong: a KL divergence is never negative"),
        **_wrong_ones(right, mu.shape[1]),
        **_wrong_variances(mu, logvar, logvar.exp()),
        **_wrong_logarithms(mu, logvar, logvar.exp()),
        "kl-without-half": (2 * right, "the factor 1/2 in front of the sum is missing"),
        **_wrong_means(right, mu, logvar),
        **_wrong_priors(mu, logvar),
    }


def _wrong_variances(mu: Tensor, logvar: Tensor, var: Tensor) -> Known:
    def with_variance(wrong: Tensor) -> Tensor:
        return 0.5 * (wrong + mu**2 - 1 - logvar).sum(1)

    return {
        "kl-logvar-as-deviation": (
            with_variance(var**2) - 0.5 * logvar.sum(1),
            "exp(logvar) is taken for sigma throughout; it is sigma^2, the variance",
        ),
        "kl-variance-squared": (with_variance(var**2), "sigma^2 is exp(logvar) already; you square it again"),
        "kl-sigma-for-variance": (
            with_variance(var.sqrt()),
            "sigma^2 is exp(logvar); you use exp(logvar / 2), which is sigma",
        ),
        "kl-sigma-as-variance": (
            with_variance(var.sqrt()) + 0.25 * logvar.sum(1),
            "exp(logvar / 2) is sigma, and you use it as sigma^2 throughout; sigma^2 is exp(logvar)",
        ),
        "kl-logvar-for-variance": (with_variance(logvar), "sigma^2 is exp(logvar); you use logvar itself"),
        "kl-variance-inverted": (with_variance(1 / var), "sigma^2 is exp(logvar); you use exp(-logvar)"),
        "kl-without-variance": (with_variance(0 * var), "the term sigma^2 = exp(logvar) is missing"),
        "kl-variance-sign": (with_variance(-var), "sigma^2 is to be added; you subtract it"),
        "kl-variance-without-half": (
            with_variance(2 * var),
            "sigma^2 comes with the factor 1/2, as the other terms do",
        ),
    }


def _wrong_logarithms(mu: Tensor, logvar: Tensor, var: Tensor) -> Known:
    def with_logarithm(wrong: Tensor) -> Tensor:
        return 0.5 * (var + mu**2 - 1 - wrong).sum(1)

    return {
        "kl-logvar-doubled": (with_logarithm(2 * logvar), "ln sigma^2 is logvar itself; you take it twice"),
        "kl-logvar-halved": (with_logarithm(logvar / 2), "ln sigma^2 is logvar itself; you halve it"),
        "kl-log-of-logvar": (
            with_logarithm(logvar.abs().log()),
            "logvar is ln sigma^2 already; you take its logarithm again",
        ),
        "kl-without-logvar": (with_logarithm(0 * logvar), "the term ln sigma^2 = logvar is missing"),
        "kl-logvar-sign": (with_logarithm(-logvar), "ln sigma^2 = logvar has the wrong sign"),
    }


def _wrong_ones(right: Tensor, width: int) -> Known:
    return {
        "kl-without-one": (right + 0.5 * width, "the - 1 of sigma^2 + mu^2 - 1 - ln sigma^2 is missing"),
        "kl-one-sign": (right + width, "it is - 1 in sigma^2 + mu^2 - 1 - ln sigma^2"),
        "kl-one-without-half": (
            right - 0.5 * width,
            "the - 1 comes with the factor 1/2, as the other terms do: - 1/2 for every dimension of z",
        ),
        "kl-one-once": (right + 0.5 * (width - 1), "- 1 belongs to every dimension of z; yours is there once"),
    }


def _wrong_means(right: Tensor, mu: Tensor, logvar: Tensor) -> Known:
    def with_mean(wrong: Tensor) -> Tensor:
        return right + 0.5 * (wrong - mu**2).sum(1)

    return {
        "kl-mu-not-squared": (with_mean(mu), "mu is not squared"),
        "kl-mu-absolute": (with_mean(mu.abs()), "mu is to be squared; you take its absolute value"),
        "kl-without-mu": (with_mean(0 * mu), "the term mu^2 is missing"),
        "kl-mu-sign": (with_mean(-(mu**2)), "mu^2 has the wrong sign"),
        "kl-mu-without-half": (with_mean(2 * mu**2), "mu^2 comes with the factor 1/2, as the other terms do"),
        "kl-mu-over-variance": (with_mean(mu**2 / logvar.exp()), "mu^2 is not divided by sigma^2"),
    }


def _wrong_priors(mu: Tensor, logvar: Tensor) -> Known:
    """The divergence to another distribution than N(0, I), or the other way round."""
    var = logvar.exp()
    back = 0.5 * ((1 + mu**2) / var - 1 + logvar).sum(1)
    found = {"kl-swapped": (back, "this is the divergence from N(0, I) to N(mu, sigma^2), the other way round")}
    for prior in (2.0, 4.0, 0.5, 0.25):
        told = f"this is the divergence to a normal distribution of variance {prior:g}; that of N(0, I) is 1"
        wrong = 0.5 * ((var + mu**2) / prior - 1 - logvar + math.log(prior)).sum(1)
        found[f"kl-other-prior (variance {prior:g})"] = wrong, told
    wrong = 0.5 * (var + (mu - 1) ** 2 - 1 - logvar).sum(1)
    found["kl-other-prior (mean 1)"] = wrong, "this is the divergence to N(1, I); the mean of N(0, I) is 0"
    return found
