"""The cosine schedule, and the jump to x_t that follows from it. Time is counted from 0.

Nichol & Dhariwal 2021 (arXiv:2102.09672), section 3.2; Ho et al. 2020 (arXiv:2006.11239), equation 4.

Judged by docs/right.md#numerics, #shapes-and-types.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, close, one_of, parts, shown, tensor
from grading.checks.formula import by_hand, judge_inputs_kept, script
from grading.checks.steps import STEPS, at, schedule_tables, searched, shown_step
from grading.subjects import Subject

OFFSET, SMALLEST = 0.008, 0.001
AS_PRINTED = 0.5  # the share of a formula that follows the handout's own misprint
LAST = 2e-3  # how far x_t may be off at the last step, where the clipping of alpha makes right formulas differ


def schedule(student: Subject, reference: Subject, rng: Generator) -> None:
    """cosine_schedule gives alpha_t = clip(alpha_bar_t / alpha_bar_{t-1}, 0.001, 1) for t = 1 … T (equation 3).

    timesteps -> alphas [T]; alpha_bar_t = f(t) / f(0) with s = 0.008.
    """
    call = by_hand(reference, "alphas", ("timesteps",))
    for steps in (STEPS, 8, 200):
        right = cosine_alphas(steps)
        show = script(call.replace("50", str(steps)), [])
        answer = tensor(student.alphas(timesteps=steps), "the schedule")
        if len(answer.flatten()) == steps + 1:
            raise Disagreement(
                f"the schedule has T + 1 numbers; it wants one alpha for each of the T = {steps} steps",
                bug="one-too-many",
                expected=shown(right),
                actual=shown(answer),
            )
        one_of(answer.flatten(), [right], "alpha", _schedule_slips(steps), show)


def cosine_alphas(steps: int) -> Tensor:
    """alpha_t for t = 1 … T: [T], float64."""
    bars = _bars(steps, OFFSET)
    return (bars[1:] / bars[:-1]).clamp(SMALLEST, 1)


def _bars(steps: int, offset: float) -> Tensor:
    """f(t) / f(0) for t = 0 … T: [T + 1], float64."""
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    return f / f[0]


def _schedule_slips(steps: int) -> dict[str, Slip]:
    bars, alphas, plain = _bars(steps, OFFSET), cosine_alphas(steps), "alpha_t is alpha_bar_t / alpha_bar_{t-1}; "
    without_offset = _bars(steps, 0.0)
    return {
        "bars-for-alphas": Slip(bars[1:], plain + "yours is alpha_bar_t"),
        "clipped-bars-for-alphas": Slip(bars[1:].clamp(SMALLEST, 1), plain + "yours is alpha_bar_t"),
        "first-bars-for-alphas": Slip(bars[:-1], plain + "yours is alpha_bar, from t = 0 on"),
        "betas-for-alphas": Slip(1 - alphas, plain + "yours is beta_t = 1 - alpha_t"),
        "not-clipped": Slip(bars[1:] / bars[:-1], "alpha is to be clipped at 0.001 from below", 0.5),
        "not-squared": Slip((bars[1:] / bars[:-1]).sqrt().clamp(SMALLEST, 1), "f(t) is the square of the cosine"),
        "no-offset": Slip(
            (without_offset[1:] / without_offset[:-1]).clamp(SMALLEST, 1), "the offset s = 0.008 is left out"
        ),
    }


def schedules(own: Tensor | None, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """What a right formula may rest on, as (alphas [T], alpha_bars [T]), the first being the one to show.

    The handout's clipped alphas and their product; the submission's own alphas, which have a row of their own; and
    f(t) / f(0) as equation 3 has it, which differs from the product at the last step.
    """
    right = cosine_alphas(steps)
    yield right, right.cumprod(0)
    if own is not None and own.numel() == steps and torch.isfinite(own).all() and not close(own.flatten(), right):
        yield own.flatten().double(), own.flatten().double().cumprod(0)
    yield right, _bars(steps, OFFSET)[1:]


def forward_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """q_sample gives x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise, with one t per image (equation 6).

    x_0, noise [B, C, S, S], t [B] -> x_t like x_0.
    """
    call = by_hand(reference, "jump", ("images", "t", "noise"))
    searched(rng, lambda case: _judge_jump(student, *case, call))
    images, t = torch.ones(2, 3, 2, 2), torch.tensor([1, 7])
    asked = {"images": images, "t": t, "noise": images / 2, "n_steps": STEPS}
    judge_inputs_kept(student, "jump", asked, shown_step(images, t, call))


def _judge_jump(student: Subject, images: Tensor, t: Tensor, call: str) -> None:
    noise = 0.7 * images.flip(0) + 0.3
    answer = parts(student.jump(images=images, t=t, noise=noise, n_steps=STEPS), x_t=object, alphas=Tensor)
    show = shown_step(images, t, call)
    right = jumps(answer["alphas"], images, t, noise)
    found = tensor(answer["x_t"], "x_t", images.shape)
    last = t == STEPS - 1
    if any(close(found[~last], each[~last]) and close(found[last], each[last], atol=LAST) for each in right):
        return
    one_of(found, right, "x_t", jump_slips(answer["alphas"], images, t, noise), show)


def jumps(own: Tensor | None, images: Tensor, t: Tensor, noise: Tensor) -> list[Tensor]:
    """What x_t may be: one for each of the schedules, in float64."""
    found = []
    for _, bars in schedules(own, STEPS):
        (bar,) = at(t, [bars])
        found.append(bar.sqrt() * images.double() + (1 - bar).sqrt() * noise.double())
    return found


def by_schedule(slips: Iterable[Mapping[str, Slip]]) -> dict[str, Slip]:
    """The slips by the handout's schedule, and by the submission's own where it has another."""
    suffixes = ("", " (by its own schedule)", " (not clipped)")
    return {
        f"{bug}{suffix}": slip for suffix, found in zip(suffixes, slips, strict=False) for bug, slip in found.items()
    }


def jump_slips(own: Tensor | None, images: Tensor, t: Tensor, noise: Tensor) -> dict[str, Slip]:
    """What known mistakes make of x_0: [B, C, S, S] each."""
    return by_schedule(_slips(alphas, images, t, noise) for alphas, _ in schedules(own, STEPS))


def _slips(alphas: Tensor, images: Tensor, t: Tensor, noise: Tensor) -> dict[str, Slip]:
    tables = schedule_tables(1 - alphas)
    _, alpha, bar, earlier = at(t, tables)
    (later,) = at((t + 1).clamp(max=len(alphas) - 1), tables[2:3])
    x, eps, plain = images.double(), noise.double(), "x_t is sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise; "
    printed = "you followed equation 2 as printed, with alpha_t; it needs alpha-bar_t, the product up to t (equation 6)"
    return {
        "equation-2-as-printed": Slip(alpha.sqrt() * x + (1 - alpha).sqrt() * eps, printed, AS_PRINTED),
        "t-minus-one": Slip(
            earlier.sqrt() * x + (1 - earlier).sqrt() * eps, plain + "you use the step before t; steps count from 0"
        ),
        "t-plus-one": Slip(
            later.sqrt() * x + (1 - later).sqrt() * eps, plain + "you use the step after t; steps count from 0"
        ),
        "roots-twice": Slip(bar**0.25 * x + (1 - bar) ** 0.25 * eps, plain + "both roots are taken twice"),
        "noise-divided": Slip(bar.sqrt() * x + eps / (1 - bar).sqrt(), plain + "you divide the noise by its factor"),
        "noise-scaled-too": Slip(
            bar.sqrt() * (x + (1 - bar).sqrt() * eps),
            plain + "sqrt(alpha_bar_t) belongs to x_0 alone; yours scales both",
        ),
        "image-sign": Slip((1 - bar).sqrt() * eps - bar.sqrt() * x, plain + "you subtract x_0"),
        "image-missing": Slip((1 - bar).sqrt() * eps, plain + "x_0 is missing"),
        "no-roots": Slip(bar * x + (1 - bar) * eps, plain + "both roots are missing"),
        "variance-for-deviation": Slip(
            bar.sqrt() * x + (1 - bar) * eps, plain + "the root over 1 - alpha_bar_t is missing"
        ),
        "no-root-on-x": Slip(bar * x + (1 - bar).sqrt() * eps, plain + "the root over alpha_bar_t is missing"),
        "scales-swapped": Slip((1 - bar).sqrt() * x + bar.sqrt() * eps, plain + "the two factors have changed places"),
        "noise-not-scaled": Slip(bar.sqrt() * x + eps, plain + "the noise is not scaled"),
        "x-not-scaled": Slip(x + (1 - bar).sqrt() * eps, plain + "x_0 is not scaled"),
        "noise-sign": Slip(bar.sqrt() * x - (1 - bar).sqrt() * eps, plain + "you subtract the noise"),
        "root-inside": Slip(bar.sqrt() * x + (1 - bar.sqrt()) * eps, plain + "you use 1 - sqrt(alpha_bar_t)"),
        "noise-missing": Slip(bar.sqrt() * x, plain + "the noise is missing"),
        "one-t-for-all": Slip(
            bar[:1].sqrt() * x + (1 - bar[:1]).sqrt() * eps,
            "every image has its own t; you use one for the whole batch",
        ),
    }
