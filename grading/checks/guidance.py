"""The forward process of guided diffusion in continuous time: its two scales, and drawing from it.

Ho & Salimans 2022 (arXiv:2207.12598), section 2. The schedule of lambda has a file of its own, `log_snr.py`, and so have the
moments of single steps, `guided_moments.py`.

Judged by docs/right.md#numerics, #noise, #one-mistake-once.
"""

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import Disagreement, tensor
from grading.checks.formula import judge_inputs_kept
from grading.checks.stand_ins import (
    Coefficients,
    Composed,
    affine,
    judge_composed,
    judge_everywhere,
    shaken,
)
from grading.subjects import Subject

SAFE = 8.0  # |lambda| up to here is judged: beyond, 1 - alpha^2 in float32 has no digits left
LOOSE = 1e-4  # sigma as the root of 1 - alpha^2 in float32 is off by up to 2e-5 within that range
BELOW = {"signal_scale": [0.5, 0.03], "noise_scale": [0.55, -0.035]}  # in (0, 1) for |lambda| <= 8
TABLE = torch.tensor([-6.0, -2.0, -0.5, 0.7, 3.0]).view(-1, 1, 1, 1)


def _other(scale: Tensor) -> Tensor:
    """sigma from alpha, or alpha from sigma."""
    return (1 - scale**2).sqrt()


def _ratio(alpha: Tensor) -> Tensor:
    """exp(-lambda), from alpha."""
    return 1 / alpha**2 - 1


def _of_ratio(ratio: Tensor) -> Tensor:
    """alpha, from exp(-lambda)."""
    return (1 / (1 + ratio)).sqrt()


ALPHA = Composed(
    "alpha",
    "alpha^2 = 1 / (1 + exp(-lambda))",
    lambda alpha: alpha,
    {
        "alpha-squared": (lambda alpha: alpha**2, "yours is alpha^2; its root is asked for"),
        "alpha-root-twice": (lambda alpha: alpha.sqrt(), "the root is taken twice"),
        "alpha-is-sigma": (_other, "yours is sigma: the exponent has a minus"),
        "alpha-fourth-power": (lambda alpha: alpha**4, "yours is the square of alpha^2; its root is asked for"),
        "not-inverted": (lambda alpha: 1 / alpha, "yours is 1 / alpha"),
        "exponent-halved": (lambda alpha: _of_ratio(_ratio(alpha).sqrt()), "you halve lambda"),
        "exponent-doubled": (lambda alpha: _of_ratio(_ratio(alpha) ** 2), "you double lambda"),
        "one-minus-exp": (lambda alpha: (1 / (1 - _ratio(alpha))).sqrt(), "it is 1 + exp; yours is 1 - exp"),
        "snr-for-alpha": (lambda alpha: alpha / _other(alpha), "yours is alpha / sigma: the 1 + is missing"),
    },
)
SIGMA = Composed(
    "sigma",
    "sigma^2 = 1 - alpha^2",
    lambda sigma: sigma,
    {
        "sigma-squared": (lambda sigma: sigma**2, "yours is sigma^2; its root is asked for"),
        "sigma-root-twice": (lambda sigma: sigma.sqrt(), "the root is taken twice"),
        "sigma-is-alpha": (_other, "yours is alpha"),
        "sigma-is-alpha-squared": (lambda sigma: _other(sigma) ** 2, "yours is alpha^2"),
        "sigma-is-inverse-alpha": (lambda sigma: 1 / _other(sigma), "yours is 1 / alpha"),
        "one-plus-alpha-squared": (lambda sigma: (1 + _other(sigma) ** 2).sqrt(), "yours has 1 + alpha^2"),
        "one-minus-alpha": (lambda sigma: 1 - _other(sigma), "yours is 1 - alpha"),
        "alpha-not-squared": (lambda sigma: (1 - _other(sigma)).sqrt(), "yours is the root of 1 - alpha"),
    },
    LOOSE,
)
DIFFUSED = Composed(
    "z_lambda",
    "z = alpha x + sigma noise",
    lambda x, noise, alpha, sigma: alpha * x + sigma * noise,
    {
        "scales-swapped": (lambda x, noise, alpha, sigma: sigma * x + alpha * noise, "alpha and sigma are swapped"),
        "noise-rescaled": (lambda x, noise, alpha, sigma: alpha * x + sigma * noise / 2, "the noise is halved"),
        "scales-squared": (
            lambda x, noise, alpha, sigma: alpha**2 * x + sigma**2 * noise,
            "you use alpha^2 and sigma^2",
        ),
        "sigma-squared": (lambda x, noise, alpha, sigma: alpha * x + sigma**2 * noise, "you use sigma^2"),
        "alpha-squared": (lambda x, noise, alpha, sigma: alpha**2 * x + sigma * noise, "you use alpha^2"),
        "sigma-rooted": (lambda x, noise, alpha, sigma: alpha * x + sigma.sqrt() * noise, "you use the root of sigma"),
        "alpha-rooted": (lambda x, noise, alpha, sigma: alpha.sqrt() * x + sigma * noise, "you use the root of alpha"),
        "noise-not-scaled": (lambda x, noise, alpha, sigma: alpha * x + noise, "sigma is missing"),
        "image-not-scaled": (lambda x, noise, alpha, sigma: x + sigma * noise, "alpha is missing"),
        "one-minus-alpha": (
            lambda x, noise, alpha, sigma: alpha * x + (1 - alpha) * noise,
            "you use 1 - alpha for sigma",
        ),
        "noise-subtracted": (lambda x, noise, alpha, sigma: alpha * x - sigma * noise, "you subtract the noise"),
    },
    LOOSE,
)


def signal_scale(student: Subject, reference: Subject, rng: Generator) -> None:
    """The scale of the image in z_lambda is alpha, with alpha^2 = 1 / (1 + exp(-lambda)).

    lambda of any shape -> the same shape (equation 1), for |lambda| <= 8.
    """
    below = {"noise_scale": shaken(BELOW, rng)["noise_scale"]}

    def judge(lam: Tensor) -> None:
        judge_composed(
            ALPHA,
            lambda replaced: student.signal_scale(lambda_t=lam, stand_ins=below if replaced else {}),
            {"alpha": [vp.alpha(lam), _other(affine(below["noise_scale"], lam))]},
            shown_call("alpha_lambda", lambda_t=lam),
        )

    judge_everywhere([TABLE], _log_snrs(), judge)
    judge_inputs_kept(student, "signal_scale", {"lambda_t": TABLE}, shown_call("alpha_lambda", lambda_t=TABLE))


def noise_scale(student: Subject, reference: Subject, rng: Generator) -> None:
    """The scale of the noise in z_lambda is sigma, with sigma^2 = 1 - alpha^2.

    lambda of any shape -> the same shape (equation 1), for |lambda| <= 8.
    """
    below = {"signal_scale": shaken(BELOW, rng)["signal_scale"]}

    def judge(lam: Tensor) -> None:
        judge_composed(
            SIGMA,
            lambda replaced: student.noise_scale(lambda_t=lam, stand_ins=below if replaced else {}),
            {"sigma": [vp.sigma(lam), _other(affine(below["signal_scale"], lam))]},
            shown_call("sigma_lambda", lambda_t=lam),
        )

    judge_everywhere([TABLE], _log_snrs(), judge)
    judge_inputs_kept(student, "noise_scale", {"lambda_t": TABLE}, shown_call("sigma_lambda", lambda_t=TABLE))


def forward_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """Noise is added in one go: z_lambda = alpha x + sigma noise, every image at its own lambda.

    x, noise [B, C, H, W], lambda [B, 1, 1, 1] -> z like x (equation 1).
    """
    below = shaken(BELOW, rng)

    def judge(given: dict[str, Tensor]) -> None:
        def ask(replaced: bool) -> object:
            return student.guided_forward_sample(**given, stand_ins=below if replaced else {})

        x, lam, noise = (value.double() for value in given.values())
        quantities = {"x": [x], "noise": [noise], "alpha": alphas(lam, below), "sigma": sigmas(lam, below)}
        try:
            judge_composed(DIFFUSED, ask, quantities, shown_call("q_sample", **given))
        except Disagreement as found:
            if not found.verdict.bug and not torch.equal(*(tensor(ask(True), "z_lambda", x.shape) for _ in range(2))):
                raise Disagreement("the noise that is given is not used", bug="noise-drawn-again") from None
            raise

    x, noise = (torch.randn(3, 1, 2, 2, generator=rng) for _ in range(2))
    first = {"x": x, "lambda_t": torch.tensor([-2.0, 0.5, 3.0]).view(-1, 1, 1, 1), "noise": noise}
    judge_everywhere([first], _noisy_images(), judge)
    judge_inputs_kept(student, "guided_forward_sample", first, shown_call("q_sample", **first))


def alphas(lam: Tensor, below: Coefficients) -> list[Tensor]:
    """What alpha may be in right code: its value, its stand-in, or what follows from sigma's stand-in."""
    return [vp.alpha(lam), affine(below["signal_scale"], lam), _other(affine(below["noise_scale"], lam))]


def sigmas(lam: Tensor, below: Coefficients) -> list[Tensor]:
    """What sigma may be in right code: its value, its stand-in, or what follows from alpha's stand-in."""
    return [vp.sigma(lam), affine(below["noise_scale"], lam), _other(affine(below["signal_scale"], lam))]


def shown_call(method: str, **arguments: Tensor) -> str:
    """Lines that show a call of a method of the process with those tensors."""
    lines = ["import torch", "from q3_cfg_diffusion import CFGDiffusion"]
    lines.append("diffusion = CFGDiffusion(None, n_steps=10, device=torch.device('cpu'))")
    for name, value in arguments.items():
        numbers = [round(number, 6) for number in value.flatten().tolist()]
        lines.append(f"{name} = torch.tensor({numbers}, dtype={value.dtype}).view({list(value.shape)})")
    return "\n".join([*lines, f"print(diffusion.{method}({', '.join(arguments)}))"])


@st.composite
def _log_snrs(draw: st.DrawFn) -> Tensor:
    """lambda of some shape, up to 8 either way."""
    shape = draw(st.sampled_from([(1, 1, 1, 1), (3, 1, 1, 1), (4,), (2, 3)]))
    count, tenths = torch.Size(shape).numel(), st.integers(-int(10 * SAFE), int(10 * SAFE))
    numbers = draw(st.lists(tenths, min_size=count, max_size=count))
    return torch.tensor(numbers, dtype=draw(st.sampled_from([torch.float32, torch.float64]))).div(10).view(shape)


@st.composite
def _noisy_images(draw: st.DrawFn) -> dict[str, Tensor]:
    """Images, a lambda for each, and noise: up to three of up to 3 x 3 pixels."""
    batch, side = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))

    def numbers(most: int) -> Tensor:
        drawn = draw(st.lists(st.integers(-most, most), min_size=batch, max_size=batch))
        return torch.tensor(drawn, dtype=dtype).view(-1, 1, 1, 1)

    ramp = torch.linspace(0.5, 1, side * side, dtype=dtype).view(1, 1, side, side)
    return {"x": numbers(50) * ramp, "lambda_t": numbers(80) / 10, "noise": numbers(5) * ramp.flip(3)}
