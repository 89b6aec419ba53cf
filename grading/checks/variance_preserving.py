"""The variance-preserving diffusion process, told by its log signal-to-noise ratio lambda: the right answers, in float64.

Ho & Salimans 2022 (arXiv:2207.12598), whose equation numbers these are. `clean` is lambda', the larger of the two: less
noise; `noisy` is lambda. z = alpha x + sigma eps, with alpha^2 + sigma^2 = 1 and lambda = log(alpha^2 / sigma^2).
"""

import math

import torch
from torch import Tensor

LAMBDA_MIN, LAMBDA_MAX = -20.0, 20.0  # section 4 of the paper


def log_snr(u: Tensor) -> Tensor:
    """lambda at u in [0, 1]: -2 log tan(a u + b), which falls from lambda_max to lambda_min (section 2)."""
    b = math.atan(math.exp(-LAMBDA_MAX / 2))
    a = math.atan(math.exp(-LAMBDA_MIN / 2)) - b
    return -2 * torch.log(torch.tan(a * u.double() + b))


def alpha(lam: Tensor) -> Tensor:
    """Equation 1: alpha^2 = 1 / (1 + exp(-lambda))."""
    return torch.sigmoid(lam.double()).sqrt()


def sigma(lam: Tensor) -> Tensor:
    """Equation 1: sigma^2 = 1 - alpha^2, without the cancellation."""
    return torch.sigmoid(-lam.double()).sqrt()


def lost(noisy: Tensor, clean: Tensor) -> Tensor:
    """1 - exp(lambda - lambda'), the factor that equations 2 and 3 share."""
    return -torch.expm1(noisy.double() - clean.double())


def transition_deviation(noisy: Tensor, clean: Tensor) -> Tensor:
    """Equation 2: the standard deviation of q(z_lambda | z_lambda')."""
    return (lost(noisy, clean) * sigma(noisy) ** 2).sqrt()


def posterior_deviation(noisy: Tensor, clean: Tensor) -> Tensor:
    """Equation 3: the standard deviation of q(z_lambda' | z_lambda, x)."""
    return (lost(noisy, clean) * sigma(clean) ** 2).sqrt()


def posterior_mean(z: Tensor, x: Tensor, noisy: Tensor, clean: Tensor) -> Tensor:
    """Equation 3: the mean of q(z_lambda' | z_lambda, x)."""
    factor = lost(noisy, clean)
    return (1 - factor) * alpha(clean) / alpha(noisy) * z.double() + factor * alpha(clean) * x.double()


def mixed_variance(noisy: Tensor, clean: Tensor, v: float) -> Tensor:
    """Equation 4: the variance of the reverse step, between the posterior's (v = 0) and the transition's (v = 1)."""
    return posterior_deviation(noisy, clean) ** (2 - 2 * v) * transition_deviation(noisy, clean) ** (2 * v)


def guided(conditional: Tensor, unconditional: Tensor, w: float) -> Tensor:
    """Equation 6: (1 + w) eps(z, c) - w eps(z)."""
    return (1 + w) * conditional - w * unconditional
