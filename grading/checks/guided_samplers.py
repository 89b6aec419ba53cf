"""Samplers of guided diffusion, right ones and wrong ones, as functions from one state to the next.

Ho & Salimans 2022 (arXiv:2207.12598), algorithm 2.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import close
from grading.checks.guidance import alphas, sigmas
from grading.checks.guided_network import NOTHING, estimate
from grading.checks.stand_ins import Coefficients, affine

STEPS = 12
GUIDANCE, OTHER_GUIDANCE = 1.7, 0.6  # what sample is given, and what the settings say


def near(found: Tensor, expected: Tensor) -> bool:
    """Close, for what has been through a few float32 steps."""
    return close(found.double(), expected, rtol=1e-3, atol=1e-3)


@dataclass(frozen=True)
class Sampler:
    """What a sampler does at step i, counted from the noise."""

    known: Coefficients
    network: dict[str, list[float]]
    labels: Tensor
    alpha: Callable[[Tensor], Tensor]
    sigma: Callable[[Tensor], Tensor]
    steps: Callable[[int, int], tuple[int, int]] = lambda i, count: (count - 1 - i, count - 2 - i)
    guide: Callable[[Tensor, Tensor], Tensor] = lambda with_label, without: vp.guided(with_label, without, GUIDANCE)
    denoise: Callable[..., Tensor] = lambda z, eps, alpha, sigma: (z - sigma * eps) / alpha
    order: Callable[..., tuple[Tensor, ...]] = lambda z, lam, lam_prim, x, eps: (z, lam, lam_prim, x)
    deterministic: bool = False  # DDIM: z' = alpha' x + sigma' eps
    level_of_x: int = 0  # 1: alpha and sigma at lambda'
    count: int = STEPS  # of the process

    def denoised(self, i: int, z: Tensor) -> tuple[Tensor, Tensor]:
        """x and eps at step i."""
        nothing = torch.full_like(self.labels, NOTHING)
        eps = self.guide(estimate(self.network, z, self.labels), estimate(self.network, z, nothing))
        lam = self.levels(i)[self.level_of_x]
        return self.denoise(z.double(), eps, self.alpha(lam), self.sigma(lam)), eps

    def levels(self, i: int) -> tuple[Tensor, Tensor]:
        """lambda and lambda'."""
        t, after = (affine(self.known["log_snr"], torch.tensor(float(step))) for step in self.steps(i, self.count))
        return t, after

    def step(self, i: int, z: Tensor) -> Tensor:
        """The state after step i."""
        x, eps = self.denoised(i, z)
        lam, lam_prim = self.levels(i)
        if self.deterministic:
            return self.alpha(lam_prim) * x + self.sigma(lam_prim) * eps
        return affine(self.known["reverse_sample"], *self.order(z.double(), lam, lam_prim, x, eps))

    def explains(self, states: list[Tensor]) -> bool:
        """Whether every state follows from the one before."""
        return all(near(states[i + 1], self.step(i, states[i])) for i in range(min(len(states), self.count) - 1))


def right_samplers(
    known: Coefficients, network: dict[str, list[float]], labels: Tensor, count: int = STEPS
) -> Iterator[Sampler]:
    """Samplers that are right: whichever of alpha and sigma they write out, and with either kind of step."""
    for one, other, deterministic in product(range(3), range(3), (False, True)):

        def alpha(lam: Tensor, pick: int = one) -> Tensor:
            return alphas(lam, known)[pick]

        def sigma(lam: Tensor, pick: int = other) -> Tensor:
            return sigmas(lam, known)[pick]

        yield Sampler(known, network, labels, alpha, sigma, deterministic=deterministic, count=count)


GUIDE = "eps = (1 + w) eps(z, labels) - w eps(z, None): "
IMAGE = "x = (z - sigma eps) / alpha, at lambda: "
NEXT = "the next state is p_sample(z, lambda, lambda', x): "
TIME = "t runs from n_steps - 1 down to 0, and lambda' is lambda at t - 1: "
# bug -> (how the sampler differs from a right one, what to say, the share that is right all the same)
SLIPS: dict[str, tuple[dict[str, Any], str, float]] = {
    "guidance-scale": (
        {"guide": lambda c, u: GUIDANCE * c + (1 - GUIDANCE) * u},
        GUIDE + "yours is w eps(z, labels) + (1 - w) eps(z, None), which is guidance of strength w - 1",
        0.5,
    ),
    "guidance-of-settings": (
        {"guide": lambda c, u: vp.guided(c, u, OTHER_GUIDANCE)},
        "w is the argument cfg_scale of sample; you use the one of the settings",
        0.5,
    ),
    "guidance-swapped": (
        {"guide": lambda c, u: vp.guided(u, c, GUIDANCE)},
        GUIDE + "the two are swapped in yours",
        0.25,
    ),
    "guidance-sign": (
        {"guide": lambda c, u: vp.guided(c, u, -GUIDANCE)},
        GUIDE + "w has the other sign in yours",
        0.25,
    ),
    "guidance-plus": (
        {"guide": lambda c, u: (1 + GUIDANCE) * c + GUIDANCE * u},
        GUIDE + "the minus is a plus in yours",
        0.25,
    ),
    "no-guidance": ({"guide": lambda c, u: c}, GUIDE + "yours is eps(z, labels) alone, without guidance", 0.0),
    "unconditional-only": ({"guide": lambda c, u: u}, GUIDE + "yours is eps(z, None) alone", 0.0),
    "x-not-divided": (
        {"denoise": lambda z, eps, alpha, sigma: z - sigma * eps},
        IMAGE + "the division by alpha is missing",
        0.25,
    ),
    "x-noise-not-scaled": (
        {"denoise": lambda z, eps, alpha, sigma: (z - eps) / alpha},
        IMAGE + "sigma is missing",
        0.25,
    ),
    "x-scales-swapped": (
        {"denoise": lambda z, eps, alpha, sigma: (z - alpha * eps) / sigma},
        IMAGE + "alpha and sigma are swapped",
        0.25,
    ),
    "x-clamped": (
        {"denoise": lambda z, eps, alpha, sigma: ((z - sigma * eps) / alpha).clamp(-1, 1)},
        IMAGE + "yours is clamped to [-1, 1] in every step, which the algorithm does not do",
        0.5,
    ),
    "x-clamped-to-0-1": (
        {"denoise": lambda z, eps, alpha, sigma: ((z - sigma * eps) / alpha).clamp(0, 1)},
        IMAGE + "yours is clamped to [0, 1] in every step, which the algorithm does not do",
        0.5,
    ),
    "x-at-next-lambda": ({"level_of_x": 1}, IMAGE + "yours takes alpha and sigma at lambda'", 0.25),
    "lambdas-swapped": (
        {"order": lambda z, lam, lam_prim, x, eps: (z, lam_prim, lam, x)},
        NEXT + "lambda and lambda' are swapped",
        0.25,
    ),
    "x-z-swapped": (
        {"order": lambda z, lam, lam_prim, x, eps: (x, lam, lam_prim, z)},
        NEXT + "z and x are swapped",
        0.25,
    ),
    "eps-for-x": (
        {"order": lambda z, lam, lam_prim, x, eps: (z, lam, lam_prim, eps)},
        NEXT + "you give it eps in place of x",
        0.25,
    ),
    "arguments-in-other-order": (
        {"order": lambda z, lam, lam_prim, x, eps: (z, x, lam, lam_prim)},
        NEXT + "your arguments are in the order of mu_p_theta",
        0.25,
    ),
    "ascending-t": ({"steps": lambda i, _: (i, i - 1)}, TIME + "yours rises", 0.0),
    "ascending-t (t - 1 is at least 0)": ({"steps": lambda i, _: (i, max(i - 1, 0))}, TIME + "yours rises", 0.0),
    "ascending-t (to t + 1)": ({"steps": lambda i, _: (i, i + 1)}, TIME + "yours rises", 0.0),
    "t-plus-one": ({"steps": lambda i, n: (n - i, n - 1 - i)}, TIME + "yours is one too large", 0.5),
    "next-is-noisier": ({"steps": lambda i, n: (n - 1 - i, n - i)}, TIME + "you take the one at t + 1", 0.25),
    "next-is-the-same": (
        {"steps": lambda i, n: (n - 1 - i, n - 1 - i)},
        TIME + "you take the one at t again",
        0.25,
    ),
}
