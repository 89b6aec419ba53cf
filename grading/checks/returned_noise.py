"""Mistakes in what a function returns that adds noise to images, (noisy x, noise)."""

import torch
from torch import Tensor

from grading.checks.compare import Disagreement, close, shown
from grading.checks.noise import standard_normal, unrelated


def judge_second(noise: Tensor, x: Tensor, noisy: Tensor) -> None:
    """Raises Disagreement where an image is returned in the place of the noise."""
    told = {"expected": "the noise that was added", "actual": shown(noise)}
    if close(noise, x):
        raise Disagreement(
            "add_noise returns (noisy x, noise); yours has x in the second place", bug="x-for-noise", **told
        )
    if close(noise, noisy):
        message = "add_noise returns (noisy x, noise); yours has the noisy x in both places"
        raise Disagreement(message, bug="noisy-for-noise", **told)


def in_full(noise: object, x: Tensor) -> object:
    """Noise of fewer numbers, as broadcasting repeats it for images like x: it is then told what they share."""
    if not isinstance(noise, Tensor) or noise.numel() >= x.numel():
        return noise
    try:
        return noise.expand(x.shape)
    except RuntimeError:
        return noise


def not_added(noise: Tensor, x: Tensor, noisy: Tensor) -> tuple[str, str]:
    """The mistake where the noise that is returned is not in the noisy image, and what to say of it.

    It was drawn twice where it looks drawn, where what was added does so too, and where the two have nothing in common.
    """
    images, flat, returned = x.double().flatten(1), noisy.flatten(1), noise.double().flatten(1)
    added = flat - (flat * images).sum(1, keepdim=True) / (images**2).sum(1, keepdim=True) * images
    added = added / added.std(1, keepdim=True).clamp_min(1e-12)
    alike = added @ (returned / returned.std(1, keepdim=True).clamp_min(1e-12)).T / added.shape[1]
    if (alike.amax(1) > 0.9).all():
        return (
            "noise-of-other-images",
            "the noise is returned in another order than it was added: every image has its own",
        )
    if standard_normal(noise) and standard_normal(added) and unrelated(added, returned):
        return (
            "noise-drawn-twice",
            "the noise that add_noise returns is not the noise it added: draw it once, use it and return it",
        )
    return (
        "returned-noise-not-added",
        "what add_noise returns for the noise is not what it added: return that as it was drawn",
    )


def judge_order(signal: Tensor, scale: Tensor) -> None:
    """Raises Disagreement where the first answer is the noise in the second: with noisy = a x + b noise it is
    noisy / b - a x / b, and a^2 + b^2 = 1."""
    a, b = -signal / scale, 1 / scale
    if (a > 0).all() and (b > 0).all() and (b < 1).all() and close(a**2 + b**2, torch.ones_like(a), rtol=1e-3):
        raise Disagreement(
            "add_noise returns (noisy x, noise), in this order; yours returns the noise first",
            bug="noise-first",
            expected="(noisy x, noise)",
            actual="(noise, noisy x)",
        )


def judge_scaled(scale: Tensor, noise: Tensor, bars: Tensor) -> None:
    """Raises Disagreement where what is returned is the noise as it was added, scaled already."""
    deviation = (1 - bars).sqrt().view(-1, 1, 1, 1)
    if close(scale, torch.ones_like(scale), rtol=1e-3) and standard_normal(noise / deviation):
        raise Disagreement(
            "the noise that is returned has been scaled by sqrt(1 - alpha_bar_t); return the noise as it was drawn",
            bug="scaled-noise-returned",
            expected="noise of standard deviation 1",
            actual=f"standard deviations {shown(noise.flatten(1).std(1), 4)}",
        )
