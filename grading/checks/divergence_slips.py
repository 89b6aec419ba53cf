"""The divergence between two normal distributions with diagonal covariance, term by term, and what known mistakes give."""

import torch
from torch import Tensor

from grading.checks.formula import Slips, sum_slips


def kl_terms(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    """The four terms of every dimension: [B, D] each -> [B, 4 D]. Kingma & Welling 2014, appendix B, for a general p."""
    ratio, distance = torch.exp(logvar_q - logvar_p), (mu_q - mu_p) ** 2 * torch.exp(-logvar_p)
    return 0.5 * torch.cat([logvar_p - logvar_q, ratio, distance, -torch.ones_like(ratio)], dim=1)


def kl_slips(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Slips:
    """What known mistakes give: [B] each."""
    terms = kl_terms(mu_q, logvar_q, mu_p, logvar_p)
    logs, ratio, distance, ones = (part.sum(1) for part in terms.unflatten(1, (4, -1)).unbind(1))
    right = logs + ratio + distance + ones
    return {
        **sum_slips(right, mu_q.shape[1], "the divergence"),
        **_wrong_roles(mu_q, logvar_q, mu_p, logvar_p),
        **_wrong_ones(right, ones, mu_q.shape[1]),
        "missing-half": (2 * right, "the 1/2 in front is missing"),
        **_wrong_logs(right, logs),
        **_wrong_ratios(right, ratio, logvar_q, logvar_p),
        **_wrong_distances(right, distance, (mu_q, logvar_q, mu_p, logvar_p)),
        **_wrong_variances(mu_q, logvar_q, mu_p, logvar_p, logs),
    }


def _wrong_roles(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Slips:
    zero = torch.zeros_like(mu_q)
    return {
        "kl-swapped": (kl_terms(mu_p, logvar_p, mu_q, logvar_q).sum(1), "this is D(p || q); D(q || p) is wanted"),
        "prior-ignored": (
            kl_terms(mu_q, logvar_q, zero, zero).sum(1),
            "this is D(q || N(0, I)): mu_p, logvar_p are not used",
        ),
        "mu-p-not-used": (kl_terms(mu_q, logvar_q, zero, logvar_p).sum(1), "mu_p is not used"),
        "logvar-p-not-used": (kl_terms(mu_q, logvar_q, mu_p, zero).sum(1), "logvar_p is not used"),
    }


def _wrong_ones(right: Tensor, ones: Tensor, width: int) -> Slips:
    return {
        "missing-one": (right - ones, "the - 1 of every dimension is missing"),
        "one-for-all-dimensions": (right - ones + ones / width, "- 1 belongs to every dimension; yours is there once"),
        "one-sign": (right - 2 * ones, "it is - 1 in every dimension, not + 1"),
        "one-without-half": (right + ones, "the - 1 of every dimension comes with a 1/2, as the other terms do"),
    }


def _wrong_logs(right: Tensor, logs: Tensor) -> Slips:
    return {
        "logs-without-half": (right + logs, "the logarithms of the variances come with a 1/2, or are those of t and s"),
        "logs-halved-twice": (right - logs / 2, "logvar is log sigma^2 already; you halve the logarithms twice"),
        "logs-sign": (right - 2 * logs, "the logarithm is log t^2 - log s^2: that of p minus that of q"),
        "missing-logs": (right - logs, "log t^2 - log s^2 is missing"),
    }


def _wrong_ratios(right: Tensor, ratio: Tensor, logvar_q: Tensor, logvar_p: Tensor) -> Slips:
    def with_ratio(wrong: Tensor) -> Tensor:
        return right - ratio + 0.5 * wrong.sum(1)

    plain, var_q, var_p = "the ratio of the variances is exp(logvar_q - logvar_p); ", logvar_q.exp(), logvar_p.exp()
    return {
        "missing-ratio": (right - ratio, "the ratio of the variances, s^2 / t^2, is missing"),
        "ratio-squared": (with_ratio((var_q / var_p) ** 2), plain + "you square it again"),
        "ratio-of-deviations": (with_ratio((var_q / var_p).sqrt()), plain + "yours is that of the deviations"),
        "ratio-inverted": (with_ratio(var_p / var_q), plain + "yours is the other way round, p over q"),
        "ratio-not-divided": (with_ratio(var_q), plain + "you do not divide by the variance of p"),
        "ratio-is-difference": (with_ratio(var_q - var_p), plain + "you take the difference of the variances"),
        "ratio-without-half": (right + ratio, "the ratio of the variances comes with a 1/2"),
        "ratio-sign": (right - 2 * ratio, "the ratio of the variances is to be added; you subtract it"),
    }


def _wrong_distances(right: Tensor, distance: Tensor, given: tuple[Tensor, Tensor, Tensor, Tensor]) -> Slips:
    mu_q, logvar_q, mu_p, logvar_p = given
    apart, variance = mu_q - mu_p, logvar_p.exp()

    def with_distance(wrong: Tensor) -> Tensor:
        return right - distance + 0.5 * wrong.sum(1)

    plain = "the squared distance is divided by the variance of p; "
    return {
        "missing-distance": (right - distance, "the squared distance between the means is missing"),
        "distance-not-squared": (with_distance(apart / variance), "the distance between the means is to be squared"),
        "distance-over-wrong-variance": (
            with_distance(apart**2 / logvar_q.exp()),
            "the distance is divided by the variance of p, not of q",
        ),
        "distance-over-deviation": (with_distance(apart**2 / variance.sqrt()), plain + "you divide by its deviation"),
        "distance-not-scaled": (with_distance(apart**2), plain + "you do not divide it"),
        "distance-times-variance": (with_distance(apart**2 * variance), plain + "you multiply it"),
        "distance-without-half": (right + distance, "the squared distance between the means comes with a 1/2"),
        "distance-sign": (right - 2 * distance, "the squared distance is to be added; you subtract it"),
        "means-added": (with_distance((mu_q + mu_p) ** 2 / variance), "the means are to be subtracted; you add them"),
        "difference-of-squares": (
            with_distance((mu_q**2 - mu_p**2) / variance),
            "it is (mu_q - mu_p)^2 that is wanted; yours is mu_q^2 - mu_p^2",
        ),
    }


def _wrong_variances(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, logs: Tensor) -> Slips:
    halved, apart = kl_terms(mu_q, logvar_q / 2, mu_p, logvar_p / 2).sum(1), (mu_q - mu_p) ** 2
    swapped = kl_terms(mu_q, logvar_p, mu_p, logvar_q).sum(1)
    distances = 0.5 * (apart / logvar_p.exp() - apart / logvar_q.exp()).sum(1)
    return {
        "variance-as-sigma": (
            kl_terms(mu_q, 2 * logvar_q, mu_p, 2 * logvar_p).sum(1),
            "exp(logvar) is the variance, and you use it as the standard deviation; that is exp(logvar / 2)",
        ),
        "sigma-for-variance": (
            halved + logs / 2,
            "the standard deviations exp(logvar / 2) are used where the variances belong",
        ),
        "sigma-as-variance": (
            halved,
            "exp(logvar / 2) is the standard deviation, and you use it as the variance, which is exp(logvar)",
        ),
        "logvar-for-variance": (
            logs + 0.5 * ((logvar_q + apart) / logvar_p - 1).sum(1),
            "the variances are exp(logvar_q) and exp(logvar_p); you use logvar itself",
        ),
        "variances-swapped": (
            swapped + distances,
            "the variances of q and p have changed places in the ratio and the logarithm",
        ),
    }
