"""Whether draws are independent standard normal ones, and what known mistakes make of them (docs/right.md#noise)."""

import math

import torch
from torch import Tensor

from grading.checks.compare import Disagreement, within

KOLMOGOROV = 3.0  # sqrt(n) times the largest distance between the distributions; 2 exp(-2 * 3^2) = 3e-8 false alarms
NARROW = 1e-8  # how likely so many normal draws may stay within the range of those seen
ALIKE = 1e-2
SHARED = {
    "shared-noise": "every image of the batch gets the same noise",
    "one-number-per-image": "every pixel of an image gets the same noise: draw one number for each",
    "noise-shared-by-dimensions": "numbers of the noise repeat within an image: draw one for each",
}


def unit_moments(noise: Tensor) -> bool:
    """Whether the mean is 0 and the deviation 1, to within five standard errors of as many independent draws."""
    n = noise.numel()
    return n > 1 and within(noise.mean().item(), 0, n**-0.5) and within(noise.std().item(), 1, (2 * n) ** -0.5)


def standard_normal(noise: Tensor) -> bool:
    """Whether noise [B, ...] looks like independent draws of N(0, 1): its mean, deviation and distribution, and no number
    shared among images or among the pixels of one."""
    if not torch.isfinite(noise).all() or not unit_moments(noise) or shared(noise) or _too_narrow(noise):
        return False
    return _distributed(noise, torch.special.ndtr(noise.double().flatten().sort().values))


def _too_narrow(noise: Tensor) -> bool:
    """Whether no draw is as large as some of so many normal ones are: this tells uniform ones where they are few."""
    inside = 2 * torch.special.ndtr(noise.double().abs().max()).item() - 1
    return noise.numel() * math.log(max(inside, 1e-300)) < math.log(NARROW)


def _distributed(noise: Tensor, expected: Tensor) -> bool:
    """Kolmogorov's test of sorted draws, by the distribution function that is expected at each."""
    ranks = (torch.arange(noise.numel(), dtype=torch.float64) + 0.5) / noise.numel()
    return bool((expected - ranks).abs().max().item() * noise.numel() ** 0.5 < KOLMOGOROV)


def shared(noise: Tensor) -> str:
    """The bug of noise [B, ...] that is shared, or nothing. What is no noise at all is not shared."""
    if noise.numel() < 2 or noise.std() < ALIKE:
        return ""
    repeats = [size > 1 and _repeats(noise, dim) for dim, size in enumerate(noise.shape)]
    within_images = [again for again, size in zip(repeats[1:], noise.shape[1:], strict=True) if size > 1]
    if within_images and all(within_images):
        return "one-number-per-image"
    if repeats[0]:
        return "shared-noise"
    return "noise-shared-by-dimensions" if any(within_images) else ""


def _repeats(noise: Tensor, dim: int) -> bool:
    """Whether the noise is the same all along a dimension."""
    return bool((noise - noise.narrow(dim, 0, 1)).abs().max() < ALIKE)


def uniform(noise: Tensor) -> str:
    """From where to where the noise is uniform: "0 to 1" or "-1 to 1"; an empty string where it is not."""
    if not noise.numel():
        return ""
    ordered = noise.double().flatten().sort().values
    for low, high in ((0, 1), (-1, 1)):
        inside = ordered[0] >= low - 1e-3 and ordered[-1] <= high + 1e-3
        if inside and _distributed(noise, (ordered - low) / (high - low)):
            return f"{low} to {high}"
    return ""


def explained(noise: Tensor) -> tuple[str, str]:
    """The bug of what should be independent draws from N(0, 1), and what to say of it; two empty strings where it is none
    that is known, or where nothing is wrong."""
    if noise.numel() < 2 or not torch.isfinite(noise).all() or standard_normal(noise):
        return "", ""
    if noise.std() < 1e-4:
        alike = "one-number-for-all", "one number of noise is drawn for the whole batch"
        return ("no-noise", "no noise is drawn") if noise.abs().max() < 1e-3 else alike
    if bug := shared(noise):
        return bug, SHARED[bug]
    if law := uniform(noise):
        return "uniform-noise", f"the noise is uniform from {law}: it should be standard normal, randn and not rand"
    mean, deviation = noise.mean(), noise.std()
    if standard_normal((noise - mean) / deviation):
        told = f"the noise has mean {mean:.3g} and standard deviation {deviation:.3g}; it should have 0 and 1"
        return "noise-not-unit", told
    if unit_moments(noise):
        return "noise-not-normal", "the noise has mean 0 and standard deviation 1, but is not normal"
    return "", ""


def instead_of(given: Tensor, found: Tensor) -> tuple[str, str]:
    """What is used in the place of noise [B, ...] that was given: the bug, and what to say of it.

    Nothing is said to be drawn again unless it looks drawn, and has nothing to do with what was given.
    """
    given, found = given.double().flatten(1), found.double().flatten(1)
    ratio = ((found * given).sum() / (given**2).sum()).item()
    if found.abs().max() < 1e-6:
        return "no-noise", "zeros are used in the place of the noise that is given"
    if (found - ratio * given).abs().max() < 1e-4:
        return "noise-rescaled", f"the noise that is given is multiplied by {ratio:.3g}: it is to be used as it is"
    if (found.flatten().sort().values - given.flatten().sort().values).abs().max() < 1e-5:
        return "noise-of-other-images", "the noise that is given is used in another order"
    if standard_normal(found) and unrelated(found, given):
        return "given-noise-ignored", "the noise that is given is not used: noise is drawn again"
    return "other-noise", "other noise is used than that which is given"


def unrelated(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of as many numbers are uncorrelated, to within five standard errors."""
    related = torch.corrcoef(torch.stack([one.flatten().double(), other.flatten().double()]))[0, 1].item()
    return within(related, 0, one.numel() ** -0.5)


def wrong_start(first: Tensor, share: float = 0.0) -> Disagreement:
    """What is wrong with the noise [B, ...] that a sampler starts from."""
    bug, message = explained(first)
    deviation = first.std().item() if first.numel() > 1 else math.nan
    return Disagreement(
        f"x_T should be standard normal{': ' if message else ''}{message}",
        bug="start-shared" if bug == "shared-noise" else "start-not-normal",
        share=share,
        expected="mean 0, standard deviation 1, every number of its own",
        actual=f"mean {first.mean():.3f}, standard deviation {deviation:.3f}",
    )
