"""Whether a walk from noise to images was taken by certain steps: told from the images that it led through."""

from itertools import pairwise

from torch import Tensor

from grading.checks.compare import within
from grading.checks.sampler_laws import Schedule, Step


def taken(states: Tensor, centres: Tensor, schedule: Schedule, step: Step) -> bool:
    """Whether each of these states [T, B, 1, H, W], x_T first, comes from the one before by such a step.

    Where a walk ends is two numbers, which several mistakes may give; each of its steps has a slope of its own, a multiple
    of the class means `centres` [B, 1, 1, 1], and noise.
    """
    if len(states) != len(schedule.alpha_bars):
        return False
    slope = (1 - step.c * schedule.gain) / step.divisor
    multiple = step.c * schedule.gain * schedule.alpha_bars.sqrt() / step.divisor
    order = reversed(range(1, len(schedule.alpha_bars)))
    return all(
        _follows(before, after, centres, (slope[t].item(), multiple[t].item(), step.sigma[t].item()))
        for t, (before, after) in zip(order, pairwise(states), strict=True)
    )


def _follows(before: Tensor, after: Tensor, centres: Tensor, law: tuple[float, float, float]) -> bool:
    """Whether x_{t-1} is this slope times x_t, this multiple of the class mean, and noise of this deviation: each to within
    5 standard errors."""
    slope, multiple, sigma = law
    inner_x, inner_y = (images.flatten(1) - images.flatten(1).mean(1, keepdim=True) for images in (before, after))
    size = (inner_x**2).sum().item()
    if not within((inner_x * inner_y).sum().item() / size, slope, sigma / size**0.5 + 1e-4 * (1 + abs(slope))):
        return False
    left, means = after - slope * before, centres.expand_as(after)
    energy = (means**2).sum().item()
    noise = (left - multiple * means).std().item()
    if not within(noise, sigma, sigma / (2 * after.numel()) ** 0.5 + 1e-4 * (1 + abs(slope))):
        return False
    return within((left * means).sum().item() / energy, multiple, sigma / energy**0.5 + 1e-3 * (1 + abs(slope)))
