"""The schedule of guided diffusion in continuous time: lambda, the log signal-to-noise ratio, at every step.

Ho & Salimans 2022 (arXiv:2207.12598), section 2.

Judged by docs/right.md#numerics, #sizes.
"""

import math
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import Disagreement, close, shown, tensor
from grading.checks.stand_ins import judge_everywhere
from grading.subjects import Subject

Steps = tuple[Tensor, int]
TABLE = torch.tensor([10, 1, 49, 25, 40]), 50
NEAR = 1e-4  # float32 is off by up to 4e-5


def arctangent(student: Subject, reference: Subject, rng: Generator) -> None:
    """The log signal-to-noise ratio at step t is lambda = -2 log tan(a u + b) with u = t / n_steps, as [B, 1, 1, 1].

    t [B], each in 1 … n_steps - 1. u = t / (n_steps - 1) is right as well. t = 0 is not judged, nor is the exact value at
    u = 1: code may clamp u there.
    """
    try:
        judge_everywhere([TABLE], _steps(), lambda drawn: _judge(student, *drawn))
    except Disagreement:  # u = t / 1000, whatever the process has: docs/right.md#sizes
        if not _right_for_the_course(student):
            raise


def _right_for_the_course(student: Subject) -> bool:
    """Whether lambda is right at every step of a process of 1,000."""
    t = torch.arange(1, 1000)
    answer = student.log_snr(t=t, n_steps=1000)
    return (
        isinstance(answer, Tensor) and answer.shape == (len(t), 1, 1, 1) and _right(answer.double().flatten(), t, 1000)
    )


def _judge(student: Subject, t: Tensor, n_steps: int) -> None:
    answer, column = student.log_snr(t=t, n_steps=n_steps), (len(t), 1, 1, 1)
    imports = "import torch\nfrom q3_cfg_diffusion import CFGDiffusion\n"
    made = f"{imports}diffusion = CFGDiffusion(None, n_steps={n_steps}, device=torch.device('cpu'))"
    told: dict[str, Any] = {
        "expected": shown(vp.log_snr(t / n_steps).round(decimals=6).view(column) + 0.0),
        "actual": shown(answer),
        "reproduce": f"{made}\nprint(diffusion.get_lambda(torch.tensor({t.tolist()})))",
    }
    if isinstance(answer, Tensor) and answer.shape == (len(t),) and _right(answer.double(), t, n_steps):
        message = "lambda is right, but flat: as [B, 1, 1, 1] it scales every image of a batch by its own number"
        raise Disagreement(message, bug="flat-lambda", share=0.5, **told)
    if isinstance(answer, Tensor) and answer.shape == column:
        found = answer.double().flatten()
        if _right(found, t, n_steps):
            return
        for bug, (wrong, message) in _slips(t.double(), n_steps).items():
            if close(_finite(found), _finite(wrong), atol=NEAR):
                share = 0.5 if bug == "u-counted-from-one" else 0.0  # the same curve, one step along
                raise Disagreement(f"lambda = -2 log tan(a u + b): {message}", bug=bug, share=share, **told)
    tensor(answer, "lambda", column)
    raise Disagreement("lambda is not -2 log tan(a u + b)", **told)


def _right(found: Tensor, t: Tensor, n_steps: int) -> bool:
    """Whether this is lambda at u = t / n_steps, or at u = t / (n_steps - 1) but for a clamped end."""
    if close(found, vp.log_snr(t.double() / n_steps), atol=NEAR):
        return True
    u = t.double() / (n_steps - 1)
    expected = vp.log_snr(u)
    clamped = (u == 1) & ((found - expected).abs() < 1)
    return close(torch.where(clamped, expected, found), expected, atol=NEAR)


def _finite(values: Tensor) -> Tensor:
    """Some slips take the logarithm of what is negative."""
    return torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _slips(t: Tensor, n_steps: int) -> dict[str, tuple[Tensor, str]]:
    """What known mistakes give, [B]."""
    u, b, top = t / n_steps, math.atan(math.exp(-vp.LAMBDA_MAX / 2)), math.atan(math.exp(-vp.LAMBDA_MIN / 2))
    late, right = math.atan(math.exp(-vp.LAMBDA_MAX)), vp.log_snr(t / n_steps)
    straight = vp.LAMBDA_MAX + (vp.LAMBDA_MIN - vp.LAMBDA_MAX) * u

    bare = math.atan(-vp.LAMBDA_MAX / 2)

    def of(angle: Tensor) -> Tensor:
        return -2 * angle.tan().log()

    def of_arctangent(angle: Tensor) -> Tensor:
        return -2 * angle.atan().log()

    return {
        "lambda-rises": (
            -right,
            "yours rises with t. Is a minus missing, is u turned round, or are lambda_min and lambda_max swapped?",
        ),
        "lambda-halved": (right / 2, "the factor 2 is missing"),
        "log-missing": (-2 * ((top - b) * u + b).tan(), "the logarithm is missing"),
        "t-not-divided": (vp.log_snr(t), "u is t / n_steps, between 0 and 1; you use t itself"),
        "u-is-zero": (vp.log_snr(0 * t), "u is 0 for every t in yours. Is t divided with //?"),
        "u-counted-from-one": (vp.log_snr((t + 1) / n_steps), "u is t / n_steps; you use (t + 1) / n_steps"),
        "tan-missing": (-2 * ((top - b) * u + b).log(), "the tangent is missing"),
        "atan-for-tan": (of_arctangent((top - b) * u + b), "you take the arctangent of a u + b; take the tangent"),
        "log-base-ten": (right / math.log(10), "log is the natural logarithm; yours has base 10"),
        "b-sign": (of((top - b) * u - b), "b is to be added; you subtract it"),
        "b-in-brackets": (of((top - b) * (u + b)), "it is a u + b; yours is a (u + b)"),
        "a-and-b-swapped": (of(b * u + top - b), "it is a u + b; yours is b u + a"),
        "exp-missing": (of(bare + (math.atan(-vp.LAMBDA_MIN / 2) - bare) * u), "exp is missing in a and b"),
        "b-missing": (of((top - b) * u), "the + b is missing"),
        "a-without-b": (of(top * u + b), "a = arctan(exp(-lambda_min / 2)) - b; the - b is missing"),
        "exponent-not-halved": (
            of(late + (math.pi / 2 - 2 * late) * u),
            "the exponents in a and b are -lambda_min / 2 and -lambda_max / 2; the division by 2 is missing",
        ),
        "lambda-linear": (straight, "yours goes from lambda_max to lambda_min in a straight line"),
    }


@st.composite
def _steps(draw: st.DrawFn) -> Steps:
    """A batch of steps t >= 1 of a process of 2 … 1,000."""
    n_steps = draw(st.integers(2, 1000))
    return torch.tensor(draw(st.lists(st.integers(1, n_steps - 1), min_size=1, max_size=4))), n_steps
