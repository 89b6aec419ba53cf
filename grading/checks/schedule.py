"""Noise schedules: the numbers a diffusion model stores, and the jump from x_0 to x_t.

Time is counted from 0. Ho et al. 2020 (arXiv:2006.11239), equations 2 and 4.

Judged by docs/right.md#numerics, #noise, #shapes-and-types.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, close, parts, shown, table, tensor, two
from grading.checks.noise import explained, standard_normal
from grading.checks.returned_noise import in_full, judge_order, judge_scaled, judge_second, not_added
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

SHAPE = (1, 28, 28)
MOST_STEPS = 1000
LAST_ALPHA_BAR = 0.05  # above it, x_T is not yet noise


def variance_schedule(student: Subject, reference: Subject, rng: Generator) -> None:
    """alphas = 1 - betas, alpha_bars = the running product of alphas, and the last alpha_bar is close to 0.

    Any schedule will do; the three tables must belong together. Where they are stored under other names, the schedule is
    read off what add_noise does.
    """
    found = _tables(student)
    if any(found[name] is None for name in ("betas", "alphas", "alpha_bars")):
        _judge_alpha_bars(_alpha_bars_in_use(student, rng))
        return
    betas = table(found["betas"], "betas")
    if not ((betas > 0) & (betas < 1)).all():
        raise Disagreement("betas should lie strictly between 0 and 1", actual=shown(betas))
    _judge_alphas(tensor(found["alphas"], "alphas", betas.shape), betas)
    _judge_product(tensor(found["alpha_bars"], "alpha_bars", betas.shape), betas)
    _judge_alpha_bars(tensor(found["alpha_bars"], "alpha_bars"))


def _tables(student: Subject) -> dict[str, Any]:
    return parts(student.schedule(), betas=Tensor, alphas=Tensor, alpha_bars=Tensor)


def _tables_in_use(student: Subject) -> dict[str, Any]:
    """The same; where the constructor raises, those of the schedule that takes its place."""
    try:
        return _tables(student)
    except (Crashed, NotDone):
        return parts(student.schedule(known=True), betas=Tensor, alphas=Tensor, alpha_bars=Tensor)


def steps_in_use(student: Subject) -> int:
    """How many steps the loader's schedule has; 1,000 where it does not tell."""
    steps = student.steps_used()
    return steps if isinstance(steps, int) and 2 <= steps <= MOST_STEPS else MOST_STEPS


def _judge_alphas(alphas: Tensor, betas: Tensor) -> None:
    if not close(alphas, 1 - betas):
        raise Disagreement("alphas should be 1 - betas", bug="alphas", expected=shown(1 - betas), actual=shown(alphas))


def _judge_product(alpha_bars: Tensor, betas: Tensor) -> None:
    alphas = 1 - betas
    right = alphas.cumprod(0)
    if close(alpha_bars, right):
        return
    slips = {
        "cumsum": (alphas.cumsum(0), "alpha_bars is the running product of alphas (cumprod); yours is the running sum"),
        "betas-for-alphas": (betas.cumprod(0), "alpha_bars is the running product of alphas; yours is that of betas"),
        "not-cumulative": (alphas, "alpha_bars is the running product of alphas; yours are the alphas themselves"),
        "squared": (right**2, "alpha_bars is squared"),
        "rooted": (right.sqrt(), "alpha_bars is the running product itself, not its square root"),
        "off-by-one": (
            torch.cat([torch.ones_like(right[:1]), right[:-1]]),
            "alpha_bars is shifted by one: alpha_bars[0] = alphas[0]",
        ),
    }
    told = {"expected": shown(right), "actual": shown(alpha_bars)}
    for bug, (wrong, message) in slips.items():
        if close(alpha_bars, wrong):
            raise Disagreement(message, bug=bug, **told)
    raise Disagreement("alpha_bars should be the running product of alphas", **told)


def _judge_alpha_bars(alpha_bars: Tensor) -> None:
    if (alpha_bars[1:] > alpha_bars[:-1]).any():
        raise Disagreement("alpha_bars should fall from step to step", actual=shown(alpha_bars))
    last = alpha_bars[-1].item()
    if not last < LAST_ALPHA_BAR:
        raise Disagreement(
            "at the last step almost nothing of the image should be left: the betas are too small for this many steps",
            bug="too-little-noise",
            expected=f"alpha_bars[-1] < {LAST_ALPHA_BAR}",
            actual=f"{last:.4g}",
        )


def _alpha_bars_in_use(student: Subject, rng: Generator) -> Tensor:
    """What add_noise multiplies images by at every tenth step, squared."""
    steps = steps_in_use(student)
    t = torch.linspace(0, steps - 1, 50).round().long()
    x = torch.randn(len(t), *SHAPE, generator=rng)
    signal, noise, _ = _mixture(student, x, t)
    if not close(signal**2 + noise**2, torch.ones_like(signal), rtol=1e-3):
        raise Disagreement("add_noise should keep the variance: the squares of its two factors should add up to 1")
    return signal**2


def _mixture(student: Subject, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The factors (a, b) with noisy = a x + b noise, by least squares per image, and the noise."""
    answer = two(student.add_noise(x=x, timestep=t), "what add_noise returns, (noisy x, noise),")
    noisy, noise = (
        tensor(part, what, x.shape) for part, what in ((answer[0], "the noisy x"), (in_full(answer[1], x), "the noise"))
    )
    judge_second(noise, x.double(), noisy)
    pair = torch.stack([x.double().flatten(1), noise.flatten(1)], dim=2)  # [B, 784, 2]
    factors = torch.linalg.lstsq(pair, noisy.flatten(1).unsqueeze(2)).solution.squeeze(2)
    rebuilt = (pair @ factors.unsqueeze(2)).squeeze(2)
    if not close(rebuilt, noisy.flatten(1), rtol=1e-3, atol=1e-3):
        bug, message = not_added(noise, x, noisy)
        raise Disagreement(
            message,
            bug=bug,
            expected="noisy = sqrt(alpha_bar) x + sqrt(1 - alpha_bar) noise",
            actual="a noisy image that no mixture of x and the returned noise gives",
        )
    judge_order(factors[:, 0], factors[:, 1])
    return factors[:, 0], factors[:, 1], noise


def add_noise(student: Subject, reference: Subject, rng: Generator) -> None:
    """add_noise jumps from x_0 to x_t: sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise, with one t per image.

    x [B, 1, 28, 28], timestep [B] from 0 -> noisy x, noise, both like x. Judged against the submission's own alpha_bars.
    """
    found = _tables_in_use(student)
    bars = _own_alpha_bars(found)
    if bars is None:
        bars = _alpha_bars_in_use(student, rng)
        t = torch.linspace(0, steps_in_use(student) - 1, 50).round().long()
        expected = bars
    else:
        t = torch.linspace(1, len(bars) - 2, 12).round().long()[torch.randperm(12, generator=rng)]
        expected = bars[t]
    x = torch.randn(len(t), *SHAPE, generator=rng)
    signal, scale, noise = _mixture(student, x, t)
    judge_scaled(scale, noise, expected)
    _judge_noise(noise)
    wanted = (expected.sqrt(), (1 - expected).sqrt())
    if not (close(signal, wanted[0], rtol=1e-3) and close(scale, wanted[1], rtol=1e-3)):
        bug, message = _known_mixture(signal, scale, t, found)
        raise Disagreement(
            message,
            bug=bug,
            expected=f"factors of x {shown(wanted[0], 4)} and of the noise {shown(wanted[1], 4)} at t = {t[:4].tolist()} …",
            actual=f"{shown(signal, 4)} and {shown(scale, 4)}",
            reproduce=f"t = torch.tensor({t[:2].tolist()}); x = torch.ones(2, 1, 28, 28)\n"
            "noisy, noise = scheduler.add_noise(x, t)\na = scheduler.alpha_bars[t].view(-1, 1, 1, 1)\n"
            "print((noisy - a.sqrt() * x - (1 - a).sqrt() * noise).abs().max())",
        )


def _own_alpha_bars(found: dict[str, Any]) -> Tensor | None:
    """What its betas imply, which is what the probes see to; else its own table; None where there is neither."""
    if found["alpha_bars"] is None:
        return None
    betas = found["betas"]
    if betas is None:
        return table(found["alpha_bars"], "alpha_bars", 2)
    return (1 - table(betas, "betas", 2)).cumprod(0)


def _judge_noise(noise: Tensor) -> None:
    if standard_normal(noise):
        return
    bug, message = explained(noise)
    raise Disagreement(
        message or "the noise should be standard normal",
        bug=bug,
        expected="mean 0, standard deviation 1, every number of its own",
        actual=f"mean {noise.mean():.3f}, standard deviation {noise.std():.3f} over {noise.numel():,} numbers",
    )


def _known_mixture(signal: Tensor, scale: Tensor, t: Tensor, found: dict[str, Any]) -> tuple[str, str]:
    bars, betas = _own_alpha_bars(found), found["betas"]
    plain = "this is not sqrt(alpha_bar_t) x + sqrt(1 - alpha_bar_t) noise"
    if bars is None or betas is None:
        return "", plain
    beta, bar = betas.double()[t], bars[t]
    later, earlier = bars[(t + 1).clamp(max=len(bars) - 1)], bars[t - 1]
    slips = {
        "no-root": (bar, 1 - bar, "the square roots are missing: sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t)"),
        "no-root-on-noise": (bar.sqrt(), 1 - bar, "the root over 1 - alpha_bar_t is missing"),
        "no-root-on-x": (bar, (1 - bar).sqrt(), "the root over alpha_bar_t is missing"),
        "alpha-for-alpha-bar": (
            (1 - beta).sqrt(),
            beta.sqrt(),
            "alpha_bar_t is wanted here; you use alpha_t, one step's worth",
        ),
        "beta-for-alpha": (beta.sqrt(), (1 - beta).sqrt(), "alpha_bar_t is wanted here; you use beta_t"),
        "roles-swapped": ((1 - bar).sqrt(), bar.sqrt(), "the factors of x and of the noise have changed places"),
        "t-plus-one": (
            later.sqrt(),
            (1 - later).sqrt(),
            "t is off by one: you use alpha_bars[t + 1]; steps count from 0",
        ),
        "t-minus-one": (
            earlier.sqrt(),
            (1 - earlier).sqrt(),
            "t is off by one: you use alpha_bars[t - 1]; steps count from 0",
        ),
        "noise-sign": (bar.sqrt(), -(1 - bar).sqrt(), "the noise is to be added; you subtract it"),
        "root-inside": (
            bar.sqrt(),
            1 - bar.sqrt(),
            "the noise is scaled by sqrt(1 - alpha_bar_t), not 1 - sqrt(alpha_bar_t)",
        ),
        "noise-missing": (bar.sqrt(), torch.zeros_like(bar), "no noise is added to x"),
        "image-not-noisy": (torch.ones_like(bar), torch.zeros_like(bar), "x is returned as it is, without noise"),
        "image-missing": (torch.zeros_like(bar), (1 - bar).sqrt(), "x is missing: yours is the noise alone"),
        "noise-not-scaled": (bar.sqrt(), torch.ones_like(bar), "the noise is not scaled by sqrt(1 - alpha_bar_t)"),
        "x-not-scaled": (torch.ones_like(bar), (1 - bar).sqrt(), "x is not scaled by sqrt(alpha_bar_t)"),
        "one-t-for-all": (
            bar[:1].sqrt().expand_as(bar),
            (1 - bar[:1]).sqrt().expand_as(bar),
            "one t is used for the whole batch",
        ),
    }
    for bug, (a, b, message) in slips.items():
        if close(signal, a, rtol=1e-3) and close(scale, b, rtol=1e-3):
            return bug, message
    return "", plain
