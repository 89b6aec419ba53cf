"""The moments of single steps of guided diffusion in continuous time: forward (equation 2), posterior (3), reverse (4).

Ho & Salimans 2022 (arXiv:2207.12598). lambda' is the larger of the two log signal-to-noise ratios: z_lambda' has less noise.

Judged by docs/right.md#numerics, #one-mistake-once.
"""

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.formula import judge_inputs_kept
from grading.checks.guidance import BELOW, LOOSE, SAFE, alphas, shown_call, sigmas
from grading.checks.guided_slips import DEVIATION_SLIPS, MEAN_SLIPS, step_mean
from grading.checks.stand_ins import (
    Coefficients,
    Composed,
    affine,
    judge_composed,
    judge_everywhere,
    shaken,
)
from grading.subjects import Subject

DEVIATIONS = {"forward_deviation": [0.6, 0.03, -0.02], "posterior_deviation": [0.5, -0.02, 0.02]}  # positive
DISTANT = {
    "lambda_t": torch.tensor([-2.0, -4.0, 0.5]).view(-1, 1, 1, 1),
    "lambda_t_prim": torch.tensor([3.0, 1.0, 2.0]).view(-1, 1, 1, 1),
}
DEFAULT_V = 0.3
DEVIATION = Composed(
    "the standard deviation",
    "sqrt((1 - exp(lambda - lambda')) sigma^2)",
    # r is exp(lambda - lambda'), s the sigma that belongs there, other the sigma at the other lambda, a the alpha
    lambda r, s, other, a: (1 - r).sqrt() * s,
    DEVIATION_SLIPS,
    LOOSE,
)


def forward_deviation(student: Subject, reference: Subject, rng: Generator) -> None:
    """The standard deviation of q(z_lambda | z_lambda') is the root of (1 - exp(lambda - lambda')) sigma_lambda^2.

    lambda, lambda' [B, 1, 1, 1] -> the same shape (equation 2).
    """
    below = shaken(BELOW, rng)

    def judge(pair: dict[str, Tensor]) -> None:
        judge_composed(
            DEVIATION,
            lambda replaced: student.forward_deviation(**pair, stand_ins=below if replaced else {}),
            _deviation_quantities(below, *pair.values(), at=0),
            shown_call("sigma_q", **pair),
        )

    judge_everywhere([DISTANT], _pairs(), judge)
    judge_inputs_kept(student, "forward_deviation", DISTANT, shown_call("sigma_q", **DISTANT))


def posterior_deviation(student: Subject, reference: Subject, rng: Generator) -> None:
    """The standard deviation of q(z_lambda' | z_lambda, x) is the root of (1 - exp(lambda - lambda')) sigma_lambda'^2.

    lambda, lambda' [B, 1, 1, 1] -> the same shape (equation 3).
    """
    below = shaken(BELOW, rng)

    def judge(pair: dict[str, Tensor]) -> None:
        judge_composed(
            DEVIATION,
            lambda replaced: student.posterior_deviation(**pair, stand_ins=below if replaced else {}),
            _deviation_quantities(below, *pair.values(), at=1),
            shown_call("sigma_q_x", **pair),
        )

    judge_everywhere([DISTANT], _pairs(), judge)
    judge_inputs_kept(student, "posterior_deviation", DISTANT, shown_call("sigma_q_x", **DISTANT))


def _deviation_quantities(below: Coefficients, *pair: Tensor, at: int) -> dict[str, list[Tensor]]:
    scales = {"s": sigmas(pair[at], below), "other": sigmas(pair[1 - at], below), "a": alphas(pair[at], below)}
    return {"r": [1 - vp.lost(*pair)], **scales}


MEAN = Composed(
    "the mean",
    "mu = r alpha'/alpha z + (1 - r) alpha' x with r = exp(lambda - lambda')",
    step_mean,
    MEAN_SLIPS,
)


def reverse_mean(student: Subject, reference: Subject, rng: Generator) -> None:
    """The reverse step's mean is exp(lambda - lambda') alpha'/alpha z + (1 - exp(lambda - lambda')) alpha' x.

    z, x [B, C, H, W], lambda, lambda' [B, 1, 1, 1] -> like z (equations 3 and 4).
    """
    below = shaken(BELOW, rng)

    def judge(given: dict[str, Tensor]) -> None:
        z, x, *pair = given.values()
        true = {"z": [z.double()], "x": [x.double()], "r": [1 - vp.lost(*pair)]}
        scales = {"a": alphas(pair[0], below), "b": alphas(pair[1], below), "c": alphas(pair[1], below)}
        judge_composed(
            MEAN,
            lambda replaced: student.guided_reverse_mean(**given, stand_ins=below if replaced else {}),
            true | scales,
            shown_call("mu_p_theta", **given),
        )

    first = {name: torch.randn(3, 1, 2, 2, generator=rng) for name in ("z", "x")} | DISTANT
    judge_everywhere([first], _images_between(), judge)
    judge_inputs_kept(student, "guided_reverse_mean", first, shown_call("mu_p_theta", **first))


VARIANCE = Composed(
    "the variance",
    "the variance is s'^(1 - v) s^v with s' = sigma_q_x^2 and s = sigma_q^2",
    lambda p, q, v: p ** (1 - v) * q**v,
    {
        "arithmetic-mix": (lambda p, q, v: (1 - v) * p + v * q, "yours is the arithmetic mix (1 - v) s' + v s"),
        "v-swapped": (lambda p, q, v: p**v * q ** (1 - v), "v and 1 - v are swapped"),
        "deviation-for-variance": (
            lambda p, q, v: (p ** (1 - v) * q**v).sqrt(),
            "yours is a standard deviation; its square is asked for",
        ),
        "v-ignored": (lambda p, q, v: p ** (1 - DEFAULT_V) * q**DEFAULT_V, "the v that is given is not used"),
        "posterior-only": (lambda p, q, v: p, "yours is s' alone"),
        "forward-only": (lambda p, q, v: q, "yours is s alone"),
        "product-for-powers": (
            lambda p, q, v: p * (1 - v) * q * v,
            "1 - v and v are exponents; you multiply by them",
        ),
        "sum-of-powers": (lambda p, q, v: p ** (1 - v) + q**v, "the two powers are to be multiplied; you add them"),
        "mixed-deviations": (
            lambda p, q, v: (1 - v) * p.sqrt() + v * q.sqrt(),
            "yours is an arithmetic mix of standard deviations",
        ),
    },
)


def reverse_variance(student: Subject, reference: Subject, rng: Generator) -> None:
    """The reverse step's variance is the geometric mix of the posterior's and the forward one: s'^(1 - v) s^v, v = 0.3.

    lambda, lambda' [B, 1, 1, 1] -> the same shape (equation 4). At neighbouring lambdas the arithmetic mix is nearly the
    same, so distant ones are asked; v is left out and given in turn.
    """
    below = shaken(BELOW | DEVIATIONS, rng)

    def judge(given: dict[str, Tensor]) -> None:
        pair = given["lambda_t"], given["lambda_t_prim"]
        v = None if "v" not in given else float(given["v"])
        judge_composed(
            VARIANCE,
            lambda replaced: student.guided_reverse_variance(
                lambda_t=pair[0], lambda_t_prim=pair[1], v=v, stand_ins=below if replaced else {}
            ),
            {
                "p": _variances("posterior_deviation", below, *pair),
                "q": _variances("forward_deviation", below, *pair),
                "v": [torch.tensor(DEFAULT_V if v is None else v, dtype=torch.float64)],
            },
            shown_call("var_p_theta", **given),
        )

    judge_everywhere([DISTANT | {"v": torch.tensor(0.75)}, DISTANT], _pairs_and_v(), judge)
    judge_inputs_kept(student, "guided_reverse_variance", DISTANT, shown_call("var_p_theta", **DISTANT))


def _variances(kind: str, below: Coefficients, noisy: Tensor, clean: Tensor) -> list[Tensor]:
    """What one of the two variances may be in right code: from a true sigma or a stand-in for it, or a stand-in itself."""
    scales = sigmas(noisy if kind == "forward_deviation" else clean, below)
    true, *others = [vp.lost(noisy, clean) * sigma**2 for sigma in scales]
    return [true, affine(below[kind], noisy, clean) ** 2, *others]


@st.composite
def _pairs(draw: st.DrawFn, most: float = SAFE, apart: int = 1) -> dict[str, Tensor]:
    """lambda < lambda', up to three of each, in tenths; at least so many tenths apart."""
    rows = []
    for _ in range(draw(st.integers(1, 3))):
        noisy = draw(st.integers(-int(10 * SAFE), int(10 * most) - apart))
        rows.append([noisy, draw(st.integers(noisy + apart, int(10 * most)))])
    columns = torch.tensor(rows, dtype=draw(st.sampled_from([torch.float32, torch.float64]))).div(10)
    pair = [column.clone().view(-1, 1, 1, 1) for column in columns.unbind(1)]
    return dict(zip(DISTANT, pair, strict=True))


@st.composite
def _pairs_and_v(draw: st.DrawFn) -> dict[str, Tensor]:
    """Far apart, where the two mixes differ; above lambda' = 5 a variance is too small for its digits to show."""
    v = draw(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]))
    return draw(_pairs(most=5.0, apart=20)) | ({} if v is None else {"v": torch.tensor(v)})


@st.composite
def _images_between(draw: st.DrawFn) -> dict[str, Tensor]:
    """z and x of one grey value per image, and a pair of lambdas for each."""
    pair, side = draw(_pairs()), draw(st.integers(1, 3))
    count, dtype = len(pair["lambda_t"]), pair["lambda_t"].dtype
    values = st.lists(st.integers(-20, 20), min_size=count, max_size=count)
    images = [torch.tensor(draw(values), dtype=dtype).view(-1, 1, 1, 1).repeat(1, 1, side, side) for _ in range(2)]
    return dict(zip(("z", "x"), images, strict=True)) | pair
