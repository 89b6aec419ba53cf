"""One step back through an estimate of x_0 that is brought to [-1, 1]. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239), equations 6 and 7. The model is known, so the mean can be told exactly where the noise is
silent; noise is judged by law.

Judged by docs/right.md#noise, #numerics.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, close, one_of, parts, shown, tensor
from grading.checks.noise import explained, standard_normal
from grading.checks.posterior import UNCLAMPED, Step, inner_slips, outer_slips, steps_at
from grading.checks.steps import STEPS
from grading.records import Verdict
from grading.subjects import Subject

SHAPE = (64, 3, 6, 6)
TRIED = (1, 12, 30, STEPS - 2)  # at the last one, right formulas differ by how alpha is clipped
UNKNOWN_NOISE = "the noise does not have the posterior's deviation"
NOISY = (2, 30)  # at the first of these the variance of the posterior is far below 1 - alpha_t


def reverse_step(student: Subject, reference: Subject, rng: Generator) -> None:
    """p_sample estimates x_0, brings it to [-1, 1], and draws from the posterior around it; the last step adds no noise.

    x [B, C, S, S], t [B], t_index -> x_{t-1} like x (algorithm 2, lines 3 to 9). Half of the marks are for x_0 within
    [-1, 1], where bringing it there changes nothing. 6,912 draws: mean and deviation within 5 standard errors.
    """
    for t in TRIED:
        _judge_mean(student, t, rng)
    for t in NOISY:
        _judge_noise(student, t, rng)
    _judge_end(student, rng)


def _inputs(t: int, own: Tensor | None, rng: Generator, reach: float) -> tuple[Tensor, Tensor]:
    """x_t, and an estimate of the noise that makes x_0 uniform in [-reach, reach]: both [B, C, S, S]."""
    step = next(steps_at(t, own))
    x_0 = reach * (2 * torch.rand(SHAPE, generator=rng) - 1)
    estimate = torch.randn(SHAPE, generator=rng)
    return (step.bar.sqrt() * x_0 + (1 - step.bar).sqrt() * estimate).float(), estimate


def _asked(student: Subject, x: Tensor, estimate: Tensor, t: int, silent: bool) -> tuple[Tensor, Tensor | None]:
    """What p_sample makes of x, and the submission's own alphas; the question that reached the model is checked."""
    answer = student.reverse_step(images=x, estimate=estimate, step=t, n_steps=STEPS, silent=silent)
    trace = parts(answer, x_prev=object, alphas=Tensor, asked_x=Tensor, asked_t=Tensor)
    if trace["asked_x"] is None:
        raise Disagreement("the model is not asked for its estimate of the noise", bug="network-not-asked")
    one_of(trace["asked_x"], [x.double()], "the image that reaches the model")
    one_of(trace["asked_t"], [torch.full(x.shape[:1], float(t))], "the t that reaches the model")
    return tensor(trace["x_prev"], "x_{t-1}", x.shape), trace["alphas"]


def _judge_mean(student: Subject, t: int, rng: Generator) -> None:
    """Without noise: first where x_0 lies within [-1, 1], then where it does not."""
    for reach in (0.9, 3.0):
        x, estimate = _inputs(t, None, rng, reach)
        found, own = _asked(student, x, estimate, t, silent=True)
        again, _ = _asked(student, x, estimate, t, silent=True)
        x, estimate = x.double(), estimate.double()
        if not torch.equal(found, again):  # it draws by other means than torch's usual ones: only the law can tell
            _judge_law(found, t, own, x, estimate)
            continue
        right = [step.mean(step.x_0(x, estimate).clamp(-1, 1), x) for step in steps_at(t, own)]
        slips = inner_slips(t, own, x, estimate) if reach < 1 else outer_slips(t, own, x, estimate)
        try:
            one_of(found, right, f"the mean of x_{{t-1}} at t = {t}", slips)
        except Disagreement as error:
            if reach > 1 and not error.verdict.bug:
                raise Disagreement(
                    "right while the estimate of x_0 stays within [-1, 1], wrong where it leaves it",
                    bug="wrong-beyond-one",
                    share=UNCLAMPED,
                    expected=error.verdict.expected,
                    actual=error.verdict.actual,
                ) from None
            if error.verdict.bug:
                error.verdict = _confirmed(student, error.verdict, (t, *TRIED), rng, reach)
            raise


def _confirmed(student: Subject, verdict: Verdict, steps: Sequence[int], rng: Generator, reach: float) -> Verdict:
    """The verdict, with the mistake that gives the answers at every step: at one step alone several may be alike."""
    fits = [_fitting(student, t, rng, reach) for t in steps]
    if all(verdict.bug in each for each in fits):
        return verdict
    bug = next((bug for bug in fits[0] if all(bug in each for each in fits)), "")
    if not bug:
        return replace(verdict, bug="", share=0.0, message="the mean of x_{t-1} is not the expected value")
    return replace(verdict, bug=bug, message=fits[0][bug].message, share=fits[0][bug].share)


def _fitting(student: Subject, t: int, rng: Generator, reach: float) -> dict[str, Slip]:
    """The known mistakes that give what comes without noise at this step."""
    x, estimate = _inputs(t, None, rng, reach)
    found, own = _asked(student, x, estimate, t, silent=True)
    slips = (inner_slips if reach < 1 else outer_slips)(t, own, x.double(), estimate.double())
    return {bug: slip for bug, slip in slips.items() if close(found, slip.answer)}


def _judge_law(found: Tensor, t: int, own: Tensor | None, x: Tensor, estimate: Tensor) -> None:
    """x_{t-1} with noise that could not be silenced."""
    known = "wrong-law", "x_{t-1} does not have the mean and the variance of the posterior"
    for step in steps_at(t, own):
        residual = found - step.mean(step.x_0(x, estimate).clamp(-1, 1), x)
        if standard_normal(residual / step.variance.sqrt()):
            return
        known = next(iter(_known_noise(residual, step).items()), known)
    raise Disagreement(known[1], bug=known[0], share=0.0 if known[0] == "wrong-law" else 0.5)


def _judge_noise(student: Subject, t: int, rng: Generator) -> None:
    """The noise by itself: what is left over the mean, which has been judged."""
    x, estimate = _inputs(t, None, rng, 0.9)
    found, own = _asked(student, x, estimate, t, silent=False)
    again, _ = _asked(student, x, estimate, t, silent=False)
    left = _left(found, t, own, x, estimate)
    if any(standard_normal(residual / step.variance.sqrt()) for residual, step in left):
        if torch.equal(found, again):
            raise Disagreement("two calls give the same noise: it must be drawn anew", bug="fixed-noise", share=0.5)
        return
    if _only_at_the_end(student, left[0][0], rng):
        told = "noise is drawn in the last step, t = 0, and in no other: the condition is the wrong way round"
        raise Disagreement(told, bug="noise-only-at-the-end", share=0.5)
    known = _fitting_noise(left)
    if len(known) > 1:  # alike at this step
        x, estimate = _inputs(other := next(each for each in NOISY if each != t), None, rng, 0.9)
        drawn, own = _asked(student, x, estimate, other, silent=False)
        again_known = _fitting_noise(_left(drawn, other, own, x, estimate))
        known = {bug: message for bug, message in known.items() if bug in again_known}
    bug, message = next(iter(known.items()), ("", UNKNOWN_NOISE))
    residual, step = left[0]
    raise Disagreement(
        message,
        bug=bug,
        share=0.5 if bug else 0.0,
        expected=f"noise of deviation {step.variance.sqrt():.4f} at t = {t}",
        actual=f"{residual.std():.4f} over {residual.numel():,} draws",
    )


def _left(found: Tensor, t: int, own: Tensor | None, x: Tensor, estimate: Tensor) -> list[tuple[Tensor, Step]]:
    """What the mean leaves of the answer, with each of the steps that it may rest on."""
    x, estimate = x.double(), estimate.double()
    return [(found - step.mean(step.x_0(x, estimate).clamp(-1, 1), x), step) for step in steps_at(t, own)]


def _fitting_noise(left: Sequence[tuple[Tensor, Step]]) -> dict[str, str]:
    """The known mistakes that leave this, and what to say of each."""
    found: dict[str, str] = {}
    for residual, step in left:
        found = _known_noise(residual, step) | found
    return found


def _only_at_the_end(student: Subject, residual: Tensor, rng: Generator) -> bool:
    """Whether the last step adds noise, where one before it, with this residual, added none."""
    if residual.abs().max() > 1e-4:
        return False
    x, estimate = _inputs(0, None, rng, 0.9)
    found, own = _asked(student, x, estimate, 0, silent=False)
    left = found - next(steps_at(0, own)).x_0(x.double(), estimate.double()).clamp(-1, 1)
    return left.std().item() > 1e-3 and standard_normal(left / left.std())


def _known_noise(residual: Tensor, step: Step) -> dict[str, str]:
    beta = 1 - step.alpha
    scales = {
        "variance-for-deviation": (step.variance, "the noise is to be scaled by sigma_t, the root of the variance"),
        "variance-is-beta": (
            beta.sqrt(),
            "sigma_t^2 is (1 - alpha-bar_{t-1}) / (1 - alpha-bar_t) (1 - alpha_t), not 1 - alpha_t",
        ),
        "noise-is-beta": (beta, "the noise is scaled by 1 - alpha_t; it is to be scaled by sigma_t"),
        "noise-not-scaled": (torch.ones(()), "the noise is not scaled by sigma_t"),
        "root-twice": (step.variance**0.25, "the root of the variance is taken twice"),
        "variance-inverted": (
            ((1 - step.bar) / (1 - step.earlier) * beta).sqrt(),
            "in sigma_t^2, 1 - alpha-bar_{t-1} stands over 1 - alpha-bar_t; yours is the other way round",
        ),
        "forward-deviation": ((1 - step.bar).sqrt(), "the noise is scaled as that of q(x_t | x_0) is, not by sigma_t"),
    }
    if residual.abs().max() < 1e-4:
        told = "no noise is added: only the last step, t = 0, adds none. Is its condition the right way round?"
        return {"no-noise": told}
    known = {bug: message for bug, (scale, message) in scales.items() if standard_normal(residual / scale)}
    bug, message = explained(residual / step.variance.sqrt())
    return known or ({bug: message} if bug and bug != "noise-not-unit" else {})


def _judge_end(student: Subject, rng: Generator) -> None:
    """At t = 0 the answer is the estimate of x_0, brought to [-1, 1], and nothing else."""
    x, estimate = _inputs(0, None, rng, 1.5)
    found, own = _asked(student, x, estimate, 0, silent=False)
    right = [step.x_0(x.double(), estimate.double()).clamp(-1, 1) for step in steps_at(0, own)]
    if any(close(found, each, atol=1e-4) for each in right):
        return
    residual = found - right[0]
    message, bug = "at t = 0 the answer is the estimate of x_0, brought to [-1, 1]", "wrong-end"
    if standard_normal(residual / residual.std()):
        message, bug = "the last step, t = 0, adds noise; it should add none", "noise-at-the-end"
    raise Disagreement(message, bug=bug, share=0.5, expected=shown(right[0]), actual=shown(found))
