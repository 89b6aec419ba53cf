"""Where right samplers lead when the noise estimate is exact for data N(m, s^2), and where known mistakes lead.

Every reverse step is then linear in x, so that a whole walk from N(0, I) leads to a multiple of m and a variance.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grading.checks.reverse_slips import Wrong, wrong_means

MEANS = torch.linspace(-0.4, 0.4, 10)  # m, by class
SPREAD = 0.25  # s: wide enough that mistakes show, narrow enough that clamping to [-1, 1] does not


@dataclass(frozen=True)
class Law:
    """Pixels are N(multiple * m, variance)."""

    multiple: float
    variance: float

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Schedule:
    """The numbers of a noise schedule, all of shape [T]."""

    alpha_bars: Tensor
    data: float = SPREAD  # the deviation of the data, s

    @property
    def earlier(self) -> Tensor:
        """alpha_bar one step before, 1 at the first."""
        return torch.cat([torch.ones(1), self.alpha_bars[:-1]]).double()

    @property
    def alphas(self) -> Tensor:
        """alpha_t."""
        return self.alpha_bars / self.earlier

    @property
    def betas(self) -> Tensor:
        """beta_t."""
        return 1 - self.alphas

    @property
    def gain(self) -> Tensor:
        """The exact estimate is gain * (x - sqrt(alpha_bar) m)."""
        return (1 - self.alpha_bars).sqrt() / (self.alpha_bars * self.data**2 + 1 - self.alpha_bars)


@dataclass(frozen=True)
class Step:
    """One reverse step of a sampler: x' = (x - c eps) / divisor + sigma z; each [T]."""

    c: Tensor
    divisor: Tensor
    sigma: Tensor


def scales(schedule: Schedule) -> dict[str, Tensor]:
    """The scales of the noise between the steps that are accepted: sigma_t [T] by name."""
    posterior = (1 - schedule.earlier) / (1 - schedule.alpha_bars) * schedule.betas
    return {
        "beta": schedule.betas.sqrt(),
        "posterior": posterior.sqrt(),
        "posterior without root": posterior,
        "beta without root": schedule.betas,
    }


def right_laws(schedule: Schedule) -> dict[str, Law]:
    """What right samplers lead to before their last step."""
    c, root = schedule.betas / (1 - schedule.alpha_bars).sqrt(), schedule.alphas.sqrt()
    laws = {name: law(schedule, Step(c, root, sigma)) for name, sigma in scales(schedule).items()}
    return {**laws, "deterministic": _deterministic_law(schedule)}


def slips(schedule: Schedule) -> dict[str, tuple[Step, str]]:
    """Known mistakes, and what to tell of each; those in c or the divisor with every scale of noise."""
    found = _wrong_noises(schedule)
    scale = scales(schedule)
    before = {f"{name} of the step before": _of_the_step_before(sigma) for name, sigma in scale.items()}
    for bug, (wrong_c, divisor, message) in _wrong_means(schedule).items():
        for name, sigma in (scale | before if bug == "t-minus-one" else scale).items():
            step = Step(wrong_c, divisor, sigma)
            found[bug if name == "beta" else f"{bug} ({name})"] = (step, message)
    return found


def _wrong_noises(schedule: Schedule) -> dict[str, tuple[Step, str]]:
    """Steps whose mean is right and whose noise is not."""
    betas, bars = schedule.betas, schedule.alpha_bars
    noises = {
        "no-noise": (torch.zeros_like(betas), "no noise is added between the steps: x_{t-1} needs + sigma_t z"),
        "noise-not-scaled": (torch.ones_like(betas), "the noise between the steps is not scaled by sigma_t"),
        "variance-inverted": (
            ((1 - bars) / (1 - schedule.earlier).clamp_min(1e-9) * betas).sqrt(),  # at the first step none is needed
            "in the posterior's variance 1 - alpha_bar_{t-1} stands over 1 - alpha_bar_t; yours is the other way round",
        ),
    }
    c, root = betas / (1 - bars).sqrt(), schedule.alphas.sqrt()
    return {bug: (Step(c, root, sigma), message) for bug, (sigma, message) in noises.items()}


def _wrong_means(schedule: Schedule) -> dict[str, Wrong]:
    """Steps whose mean is not right, written as x - c eps over a divisor, or by way of x_0."""
    betas, alphas, bars = schedule.betas, schedule.alphas, schedule.alpha_bars
    by_way_of_x0 = (betas + alphas.sqrt() * (1 - schedule.earlier)) / (1 - bars)
    other = (
        betas / (1 - bars).sqrt() / by_way_of_x0,
        1 / by_way_of_x0,
        "by way of x_0, its factor is sqrt(alpha_bar_{t-1}) beta_t / (1 - alpha_bar_t); you use sqrt(alpha_bar_t)",
    )
    known = wrong_means(betas, bars, _of_the_step_before(betas), _of_the_step_before(bars))
    return {**known, **_by_way_of_x0(schedule), "other-step-s-root": other}


def _of_the_step_before(numbers: Tensor) -> Tensor:
    """Numbers [T], each where the next one stood; the first step keeps its own."""
    return torch.cat([numbers[:1], numbers[:-1]])


def _by_way_of_x0(schedule: Schedule) -> dict[str, Wrong]:
    """Wrong weights w_0 and w_x of x_{t-1} = w_0 x_0 + w_x x_t, where x_0 = (x_t - sqrt(1 - bar) eps) / sqrt(bar)."""
    betas, alphas, bars, earlier = schedule.betas, schedule.alphas, schedule.alpha_bars, schedule.earlier
    w_0, w_x = earlier.sqrt() * betas / (1 - bars), alphas.sqrt() * (1 - earlier) / (1 - bars)
    weights = {
        "alpha-bar-on-x-t": (
            w_0,
            bars.sqrt() * (1 - earlier) / (1 - bars),
            "the weight of x_t in the posterior has sqrt(alpha_t); you use sqrt(alpha_bar_t)",
        ),
        "no-root-on-x-t": (
            w_0,
            alphas.sqrt() * w_x,
            "the weight of x_t in the posterior has sqrt(alpha_t), not alpha_t",
        ),
        "no-root-on-x-0": (
            earlier.sqrt() * w_0,
            w_x,
            "the weight of x_0 in the posterior has sqrt(alpha_bar_{t-1}); the root is missing",
        ),
        "bar-not-earlier": (
            bars.sqrt() * betas / (1 - bars),
            alphas.sqrt(),
            "the posterior has alpha_bar of the step before, alpha_bar_{t-1}; you use alpha_bar_t",
        ),
        "weights-swapped": (w_x, w_0, "the two weights of the posterior have changed places"),
    }
    found = {}
    for bug, (of_x_0, of_x_t, message) in weights.items():
        whole = of_x_0 / bars.sqrt() + of_x_t
        found[bug] = of_x_0 * ((1 - bars) / bars).sqrt() / whole, 1 / whole, message
    return found


def law(schedule: Schedule, step: Step) -> Law:
    """Where a chain of such steps leads from N(0, 1), before its last one."""
    multiple, variance, bars, gain = 0.0, 1.0, schedule.alpha_bars, schedule.gain
    for t in reversed(range(1, len(bars))):
        c, k, d = step.c[t].item(), gain[t].item(), step.divisor[t].item()
        multiple = (multiple - c * k * (multiple - bars[t].sqrt().item())) / d
        variance = ((1 - c * k) / d) ** 2 * variance + step.sigma[t].item() ** 2
    return Law(multiple, variance)


def _deterministic_law(schedule: Schedule) -> Law:
    """The same for DDIM (Song et al. 2021, arXiv:2010.02502, equation 12 with sigma = 0)."""
    multiple, variance, bars, earlier, gain = 0.0, 1.0, schedule.alpha_bars, schedule.earlier, schedule.gain
    for t in reversed(range(1, len(bars))):
        bar, to, k = bars[t].item(), earlier[t].item(), gain[t].item()
        offset = k * (multiple - bar**0.5)
        multiple = to**0.5 * (multiple - (1 - bar) ** 0.5 * offset) / bar**0.5 + (1 - to) ** 0.5 * offset
        slope = to**0.5 * (1 - (1 - bar) ** 0.5 * k) / bar**0.5 + (1 - to) ** 0.5 * k
        variance = slope**2 * variance
    return Law(multiple, variance)
