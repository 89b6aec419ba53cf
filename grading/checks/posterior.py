"""The posterior q(x_{t-1} | x_t, x_0) that one step back draws from, and what known mistakes make of it.

Ho et al. 2020 (arXiv:2006.11239), equations 6 and 7, with an estimate in the place of x_0. Time is counted from 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from grading.checks.compare import Slip
from grading.checks.cosine import AS_PRINTED, by_schedule, schedules
from grading.checks.steps import STEPS

UNCLAMPED = 0.5  # the share of a step that is right as long as the estimate of x_0 stays within [-1, 1]


@dataclass(frozen=True)
class Step:
    """The numbers of one step back: alpha_t, alpha-bar_t, and alpha-bar of the step before (1 at the first)."""

    alpha: Tensor
    bar: Tensor
    earlier: Tensor

    def x_0(self, x: Tensor, estimate: Tensor) -> Tensor:
        """The estimate of x_0, as it comes (equation 8)."""
        return (x - (1 - self.bar).sqrt() * estimate) / self.bar.sqrt()

    def mean(self, x_0: Tensor, x: Tensor) -> Tensor:
        """The mean of q(x_{t-1} | x_t, x_0) (equation 7)."""
        weight = self.alpha.sqrt() * (1 - self.earlier) / (1 - self.bar)
        return self.earlier.sqrt() * (1 - self.alpha) / (1 - self.bar) * x_0 + weight * x

    @property
    def variance(self) -> Tensor:
        """Of the same."""
        return (1 - self.earlier) / (1 - self.bar) * (1 - self.alpha)


def steps_at(t: int, own: Tensor | None) -> Iterator[Step]:
    """The numbers that a right step at t may rest on, those to show first."""
    for alphas, bars in schedules(own, STEPS):
        yield Step(alphas[t], bars[t], bars[t - 1] if t else torch.ones((), dtype=torch.float64))


def inner_slips(t: int, own: Tensor | None, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    """What known mistakes give where bringing x_0 to [-1, 1] changes nothing."""
    families = (_misprints, _wrong_weights, _wrong_x_0)
    return by_schedule(
        {bug: slip for family in families for bug, slip in family(step, x, estimate).items()}
        for step in steps_at(t, own)
    )


def _misprints(step: Step, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    """What the handout's formulas give as they are printed."""
    alpha, bar = step.alpha, step.bar
    x_0, printed_x_0 = step.x_0(x, estimate), ((x - (1 - alpha).sqrt() * estimate) / alpha.sqrt()).clamp(-1, 1)
    weight_0, weight_x = step.earlier.sqrt() * (1 - alpha) / (1 - bar), (1 - step.earlier) / (1 - bar)
    line_5 = "you followed line 5 of algorithm 2 as printed, with alpha_t; it needs alpha-bar_t (equation 8)"
    eq_7 = "you followed equation 7 as printed; the weight of x_t has sqrt(alpha_t), as in algorithm 2, not alpha-bar_t"
    both = (
        "line 5 of algorithm 2 needs alpha-bar_t, and the weight of x_t in equation 7 needs alpha_t: both are misprints"
    )
    wrong = {
        "line-5-as-printed": (step.mean(printed_x_0, x), line_5),
        "equation-7-as-printed": (weight_0 * x_0 + bar.sqrt() * weight_x * x, eq_7),
        "both-as-printed": (weight_0 * printed_x_0 + bar.sqrt() * weight_x * x, both),
    }
    return {bug: Slip(answer, message, AS_PRINTED) for bug, (answer, message) in wrong.items()}


def _wrong_weights(step: Step, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    """A right estimate of x_0, put together wrongly with x_t."""
    alpha, bar, x_0 = step.alpha, step.bar, step.x_0(x, estimate)
    weight_0, weight_x = step.earlier.sqrt() * (1 - alpha) / (1 - bar), alpha.sqrt() * (1 - step.earlier) / (1 - bar)
    same_bar = "the posterior needs alpha-bar of the step before, alpha-bar_{t-1}; you use alpha-bar_t"
    wrong = {
        "bar-not-earlier": (Step(alpha, bar, bar).mean(x_0, x), same_bar),
        "bar-not-earlier-on-x-0": (bar.sqrt() * (1 - alpha) / (1 - bar) * x_0 + weight_x * x, same_bar),
        "no-root-on-earlier": (
            step.earlier * (1 - alpha) / (1 - bar) * x_0 + weight_x * x,
            "the weight of x_0 has sqrt(alpha-bar_{t-1}); the root is missing",
        ),
        "no-root-on-alpha": (
            weight_0 * x_0 + alpha.sqrt() * weight_x * x,
            "the weight of x_t has sqrt(alpha_t); the root is missing",
        ),
        "alpha-missing": (
            weight_0 * x_0 + weight_x / alpha.sqrt() * x,
            "the weight of x_t has sqrt(alpha_t); it is missing",
        ),
        "alpha-for-earlier": (
            alpha.sqrt() * (1 - alpha) / (1 - bar) * x_0 + weight_x * x,
            "the weight of x_0 has sqrt(alpha-bar_{t-1}); you use sqrt(alpha_t)",
        ),
        "root-on-beta": (
            weight_0 * x_0 / (1 - alpha).sqrt() + weight_x * x,
            "the weight of x_0 has 1 - alpha_t; you take its root",
        ),
        "root-below": (
            (1 - bar).sqrt() * step.mean(x_0, x),
            "both weights are divided by 1 - alpha-bar_t; you divide by its root",
        ),
        "x-t-missing": (weight_0 * x_0, "the term of x_t is missing from the mean"),
        "x-0-missing": (weight_x * x, "the term of x_0 is missing from the mean"),
        "alpha-for-beta": (
            step.earlier.sqrt() * alpha / (1 - bar) * x_0 + weight_x * x,
            "the weight of x_0 has 1 - alpha_t; you use alpha_t",
        ),
        "weights-not-divided": (
            (1 - bar) * step.mean(x_0, x),
            "both weights are divided by 1 - alpha-bar_t; yours are not",
        ),
        "weights-swapped": (weight_0 * x + weight_x * x_0, "the two weights have changed places"),
        "x-0-returned": (x_0, "this is the estimate of x_0, not x_{t-1}"),
    }
    return {bug: Slip(answer, message) for bug, (answer, message) in wrong.items()}


def _wrong_x_0(step: Step, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    """A wrong estimate of x_0, put together rightly with x_t."""
    bar, noise = step.bar, (1 - step.bar).sqrt() * estimate
    wrong = {
        "clamped-to-unit": (
            step.x_0(x, estimate).clamp(0, 1),
            "x_0 is brought to [0, 1]; images lie in [-1, 1] here",
        ),
        "noise-sign": ((x + noise) / bar.sqrt(), "the estimated noise is to be taken away; you add it"),
        "no-root-on-noise": (
            (x - (1 - bar) * estimate) / bar.sqrt(),
            "the root over 1 - alpha-bar_t is missing",
        ),
        "noise-not-scaled": ((x - estimate) / bar.sqrt(), "the estimated noise is not scaled by sqrt(1 - alpha-bar_t)"),
        "multiplied": ((x - noise) * bar.sqrt(), "the division is by sqrt(alpha-bar_t); you multiply by it"),
        "not-divided": (x - noise, "the division by sqrt(alpha-bar_t) is missing"),
        "no-root-on-bar": ((x - noise) / bar, "the division is by sqrt(alpha-bar_t); the root is missing"),
    }
    return {bug: Slip(step.mean(x_0.clamp(-1, 1), x), message) for bug, (x_0, message) in wrong.items()}


def outer_slips(t: int, own: Tensor | None, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    """What known mistakes give where x_0 leaves [-1, 1]; so far everything was right."""
    return by_schedule(_wrong_clamps(step, x, estimate) for step in steps_at(t, own))


def _wrong_clamps(step: Step, x: Tensor, estimate: Tensor) -> dict[str, Slip]:
    x_0 = step.x_0(x, estimate)
    return {
        "no-clamp": Slip(
            step.mean(x_0, x),
            "the estimate of x_0 is not brought to [-1, 1] (line 6 of algorithm 2); within it you are right",
            UNCLAMPED,
        ),
        "mean-clamped": Slip(
            step.mean(x_0, x).clamp(-1, 1),
            "it is the estimate of x_0 that is brought to [-1, 1], not x_{t-1}",
            UNCLAMPED,
        ),
        "clamped-to-unit": Slip(step.mean(x_0.clamp(0, 1), x), "x_0 is brought to [0, 1]; images lie in [-1, 1] here"),
    }
