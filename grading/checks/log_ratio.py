"""The law of log q(z) - log p(z), where q and p are normal with diagonal covariance: its mean under q is D(q || p).

With z = m + s e, e ~ N(0, 1), every dimension gives   log(t / s) - e^2 / 2 + (m + s e - a)^2 / (2 t^2),
a constant plus b e + c e^2, where b = s (m - a) / t^2 and c = (s^2 / t^2 - 1) / 2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """q = N(mu_q, exp(logvar_q)) and p = N(mu_p, exp(logvar_p)), each [D] in float64."""

    mu_q: Tensor
    logvar_q: Tensor
    mu_p: Tensor
    logvar_p: Tensor

    @property
    def linear(self) -> Tensor:
        """b of every dimension."""
        return torch.exp(self.logvar_q / 2 - self.logvar_p) * (self.mu_q - self.mu_p)

    @property
    def square(self) -> Tensor:
        """c of every dimension."""
        return (torch.exp(self.logvar_q - self.logvar_p) - 1) / 2


def mean_under(pair: Pair, centre: Tensor, spread: Tensor) -> Tensor:
    """The mean of log q(z) - log p(z) where z ~ N(centre, spread^2), summed over the dimensions."""
    from_q = (spread**2 + (centre - pair.mu_q) ** 2) * torch.exp(-pair.logvar_q)
    from_p = (spread**2 + (centre - pair.mu_p) ** 2) * torch.exp(-pair.logvar_p)
    return 0.5 * (pair.logvar_p - pair.logvar_q - from_q + from_p).sum()


def divergence(pair: Pair) -> Tensor:
    """D(q || p), the mean where z ~ q."""
    return mean_under(pair, pair.mu_q, torch.exp(pair.logvar_q / 2))


def variance(pair: Pair, shared: bool = False, kurtosis: float = 3.0) -> Tensor:
    """The variance where z ~ q: Var(b e + c e^2) = b^2 + 2 c^2, for every dimension.

    shared: where all dimensions use the same e, the sums of b and of c take their place
    kurtosis: E(e^4), where e has another law of mean 0, variance 1 and no skew: b^2 + (kurtosis - 1) c^2
    """
    if shared:
        return pair.linear.sum() ** 2 + 2 * pair.square.sum() ** 2
    return (pair.linear**2 + (kurtosis - 1) * pair.square**2).sum()


def fourth_cumulant(pair: Pair) -> Tensor:
    """kappa_4 where z ~ q: 48 (c^4 + b^2 c^2), for every dimension.

    From the cumulant-generating function -log(1 - 2 c t) / 2 + b^2 t^2 / (2 (1 - 2 c t)) of b e + c e^2.
    """
    return 48 * (pair.square**4 + pair.linear**2 * pair.square**2).sum()


def errors(pair: Pair, num_samples: int, count: int) -> tuple[float, float]:
    """Standard errors of the mean and of the variance of `count` independent means of `num_samples` draws.

    A mean of n draws has variance k_2 / n and fourth cumulant k_4 / n^3; the variance of N such means has the variance
    k_4 / (n^3 N) + 2 (k_2 / n)^2 / (N - 1).
    """
    second, fourth = variance(pair).item() / num_samples, fourth_cumulant(pair).item() / num_samples**3
    return (second / count) ** 0.5, (fourth / count + 2 * second**2 / (count - 1)) ** 0.5
