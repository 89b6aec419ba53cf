"""How far a walk from noise to images is from certain steps: told from the images that it led through."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from torch import Tensor

from grading.checks.compare import tensor
from grading.checks.sampler_laws import Schedule, Step

NEAR = 5.0  # standard errors


def walked(trace: Mapping[str, Any]) -> Tensor | None:
    """The images that the network was asked about, [T, B, 1, H, W] like those generated; None where none were kept."""
    if trace["states"] is None:
        return None
    states = tensor(trace["states"], "the states")
    return tensor(states, "the states", (len(states) if states.ndim else 1, *trace["images"].shape))


def unit(images: Tensor) -> Tensor:
    """Images [B, ...], each with spread 1, since each may have been stretched by its own extremes; flattened."""
    flat = images.flatten(1)
    return (flat / flat.std(1, keepdim=True).clamp_min(1e-12)).flatten()


def distance(states: Tensor, centres: Tensor, schedule: Schedule, step: Step) -> float:
    """How far, in standard errors, the worst of these states [T, B, 1, H, W], x_T first, is from such a step out of the
    one before; infinite for a walk of another length or beyond NEAR.

    Where a walk ends is two numbers, which several mistakes may give; each of its steps has a slope of its own, a multiple
    of the class means `centres` [B, 1, 1, 1], and noise.
    """
    if len(states) != len(schedule.alpha_bars):
        return math.inf
    slope = (1 - step.c * schedule.gain) / step.divisor
    multiple = step.c * schedule.gain * schedule.alpha_bars.sqrt() / step.divisor
    worst = 0.0
    for t, (before, after) in zip(reversed(range(1, len(states))), pairwise(states), strict=True):
        worst = max(worst, _off(before, after, centres, (slope[t].item(), multiple[t].item(), step.sigma[t].item())))
        if not worst <= NEAR:
            return math.inf
    return worst


def _off(before: Tensor, after: Tensor, centres: Tensor, law: tuple[float, float, float]) -> float:
    """How far x_{t-1} is from this slope times x_t, this multiple of the class mean, and noise of this deviation: the
    farthest of the three, in standard errors."""
    slope, multiple, sigma = law
    inner_x, inner_y = (images.flatten(1) - images.flatten(1).mean(1, keepdim=True) for images in (before, after))
    size = (inner_x**2).sum().item()
    left, means = after - slope * before, centres.expand_as(after)
    energy, wide = (means**2).sum().item(), 1 + abs(slope)
    noise = (left - multiple * means).std().item()
    offs = (
        ((inner_x * inner_y).sum().item() / size - slope, sigma / size**0.5 + 1e-4 * wide),
        (noise - sigma, sigma / (2 * after.numel()) ** 0.5 + 1e-4 * wide),
        ((left * means).sum().item() / energy - multiple, sigma / energy**0.5 + 1e-3 * wide),
    )
    ratios = [abs(off) / error for off, error in offs]
    return max(ratios) if all(map(math.isfinite, ratios)) else math.inf
