"""Whether draws are independent standard normal ones."""

import torch
from torch import Tensor

from grading.checks.compare import within

KOLMOGOROV = 3.0  # sqrt(n) times the largest distance between the distributions; 2 exp(-2 * 3^2) = 3e-8 false alarms


def unit_moments(noise: Tensor) -> bool:
    """Whether the mean is 0 and the deviation 1, to within five standard errors of as many independent draws."""
    n = noise.numel()
    return within(noise.mean().item(), 0, n**-0.5) and within(noise.std().item(), 1, (2 * n) ** -0.5)


def standard_normal(noise: Tensor) -> bool:
    """Whether noise [B, ...] looks like independent draws of N(0, 1): its mean, deviation and distribution, and no number
    shared among images or among the pixels of one."""
    if not torch.isfinite(noise).all() or not unit_moments(noise) or shared(noise):
        return False
    n = noise.numel()
    ranks = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    distance = (torch.special.ndtr(noise.flatten().sort().values) - ranks).abs().max().item()
    return bool(distance * n**0.5 < KOLMOGOROV)


def shared(noise: Tensor) -> str:
    """The bug of noise [B, ...] that is shared, or nothing."""
    if noise.flatten(1).std(1).min() < 1e-2:
        return "one-number-per-image"
    return "shared-noise" if (noise[0] - noise[1]).abs().max() < 1e-2 else ""
