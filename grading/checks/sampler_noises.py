"""The noise between the steps of a walk: what is left of each state where its linear part is taken away."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from grading.checks.compare import Disagreement, tensor
from grading.checks.noise import SHARED, shared, standard_normal, uniform
from grading.checks.sampler_laws import MEANS
from grading.checks.sampler_steps import walked

FAINT = 1e-3  # of the standard deviation of noise between the steps; below it there is none
LAST_NOISE = 1e-2


def judge_only_noise(trace: dict[str, Any], before_last: Tensor, labels: Tensor) -> None:
    """Raises Disagreement where the last step of a walk without noise adds some."""
    images = tensor(trace["images"], "the images")
    if before_last.shape != images.shape:
        return
    left = _left_over(before_last, images, labels)
    if left.std() > LAST_NOISE and standard_normal(left / left.std()):
        raise Disagreement(
            "noise is added in the last step, t = 0, and in no other: the condition is the wrong way round",
            bug="noise-only-at-the-end",
            expected="noise between the steps, and none behind the last",
            actual=f"noise of standard deviation {left.std():.3g} behind the last step alone",
        )


def judge_noises(trace: dict[str, Any], labels: Tensor) -> None:
    """The noise between the steps is drawn for every pixel of every image, and is not uniform (docs/right.md#noise).

    What is left of x_{t-1} where its part that is linear in x_t and in the class is taken away; nothing in a walk without
    noise. Only what is recognised is told.
    """
    states = walked(trace)
    if states is None:
        return
    for before, after in pairwise(states):
        left = _left_over(before, after, labels)
        if left.std() < FAINT:
            continue
        noise = left / left.std()
        if bug := shared(noise):
            raise Disagreement(f"between the steps, {SHARED[bug]}", bug=bug)
        if uniform((noise - noise.min()) / (noise.max() - noise.min())):
            raise Disagreement("the noise between the steps is uniform: randn, not rand", bug="uniform-noise")


def _left_over(before: Tensor, after: Tensor, labels: Tensor) -> Tensor:
    """x_{t-1} less its multiple of x_t, as it shows within images, and less what is alike in images of a class."""
    x, y = (images.flatten(1) for images in (before, after))
    inner_x, inner_y = (images - images.mean(1, keepdim=True) for images in (x, y))
    left = y - (inner_x * inner_y).sum() / (inner_x**2).sum() * x
    known = torch.stack([MEANS.double()[labels], torch.ones(len(labels)).double()], dim=1)
    line = torch.linalg.lstsq(known, left.mean(1, keepdim=True)).solution
    noise: Tensor = (left - known @ line).view_as(after)
    return noise
