"""What known mistakes in the moments of guided diffusion's steps give (Ho & Salimans 2022, arXiv:2207.12598)."""

from collections.abc import Callable

import torch
from torch import Tensor

Known = dict[str, tuple[Callable[..., Tensor], str]]  # bug -> (what it computes, what to say)

# of the root of (1 - r) s^2, with r = exp(lambda - lambda'), s the sigma that belongs there, other that at the other
# lambda, a the alpha beside s
DEVIATION_SLIPS: Known = {
    "variance-for-deviation": (
        lambda r, s, other, a: (1 - r) * s**2,
        "yours is the variance; its root, the standard deviation, is asked for",
    ),
    "sigma-of-the-other": (
        lambda r, s, other, a: (1 - r).sqrt() * other,
        "sigma_q takes sigma at lambda and sigma_q_x at lambda'; you take the other one",
    ),
    "negative-root": (
        lambda r, s, other, a: ((1 - 1 / r) * s**2).sqrt(),
        "yours is the root of a negative number, nan, as with exp(lambda' - lambda), or with exp - 1 for 1 - exp",
    ),
    "ratio-swapped-and-sign": (
        lambda r, s, other, a: (1 / r - 1).sqrt() * s,
        "yours has exp(lambda' - lambda) - 1; it is 1 - exp(lambda - lambda')",
    ),
    "plus-ratio": (lambda r, s, other, a: (1 + r).sqrt() * s, "yours has 1 + exp"),
    "ratio-rooted": (
        lambda r, s, other, a: (1 - r.sqrt()).sqrt() * s,
        "yours has the root of exp(lambda - lambda')",
    ),
    "ratio-squared": (lambda r, s, other, a: (1 - r**2).sqrt() * s, "exp(lambda - lambda') is not to be squared"),
    "exp-missing": (
        lambda r, s, other, a: (1 - r.log()).sqrt() * s,
        "exp is missing: yours has 1 - (lambda - lambda')",
    ),
    "factor-squared": (lambda r, s, other, a: (1 - r) * s, "sigma alone is squared, not 1 - exp(lambda - lambda')"),
    "factor-divides": (lambda r, s, other, a: s / (1 - r).sqrt(), "you divide by 1 - exp(lambda - lambda')"),
    "alpha-for-sigma": (lambda r, s, other, a: (1 - r).sqrt() * a, "you take alpha for sigma"),
    "sigma-not-squared": (lambda r, s, other, a: ((1 - r) * s).sqrt(), "sigma is not squared in yours"),
    "root-twice": (lambda r, s, other, a: ((1 - r).sqrt() * s).sqrt(), "the root is taken twice"),
    "one-minus-missing": (lambda r, s, other, a: r.sqrt() * s, "the 1 - in front of exp is missing"),
    "factor-missing": (lambda r, s, other, a: s, "the factor 1 - exp(lambda - lambda') is missing"),
}


def step_mean(z: Tensor, x: Tensor, r: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a is alpha; b and c are alpha', where it scales z and where it scales x: code may write one out and call the other."""
    return r * b / a * z + (1 - r) * c * x


# of the two terms r alpha'/alpha z and (1 - r) alpha' x
MEAN_SLIPS: Known = {
    "ratio-for-rest": (lambda z, x, r, a, b, c: r * (b / a * z + c * x), "x has r in front of it; it is 1 - r"),
    "rest-for-ratio": (lambda z, x, r, a, b, c: (1 - r) * (b / a * z + c * x), "z has 1 - r in front of it; it is r"),
    "rest-missing": (lambda z, x, r, a, b, c: r * b / a * z + c * x, "the 1 - r in front of x is missing"),
    "x-subtracted": (
        lambda z, x, r, a, b, c: r * b / a * z - (1 - r) * c * x,
        "the second term is to be added; yours is taken away",
    ),
    "x-missing": (lambda z, x, r, a, b, c: r * b / a * z, "the second term is missing"),
    "z-missing": (lambda z, x, r, a, b, c: (1 - r) * c * x, "the first term is missing"),
    "alphas-multiplied": (
        lambda z, x, r, a, b, c: r * b * a * z + (1 - r) * c * x,
        "z has alpha' alpha in front of it; it is to be divided by alpha",
    ),
    "alpha-not-divided": (
        lambda z, x, r, a, b, c: r * b * z + (1 - r) * c * x,
        "z is to be divided by alpha; that is missing",
    ),
    "alpha-prim-missing": (
        lambda z, x, r, a, b, c: r / a * z + (1 - r) * c * x,
        "the alpha' in front of z is missing",
    ),
    "x-divided-too": (
        lambda z, x, r, a, b, c: r * b / a * z + (1 - r) * c / a * x,
        "z alone is divided by alpha; you divide x too",
    ),
    "ratio-rooted": (
        lambda z, x, r, a, b, c: step_mean(z, x, r.sqrt(), a, b, c),
        "you take the root of exp(lambda - lambda')",
    ),
    "ratio-squared": (lambda z, x, r, a, b, c: step_mean(z, x, r**2, a, b, c), "you square exp(lambda - lambda')"),
    "z-x-swapped": (lambda z, x, r, a, b, c: step_mean(x, z, r, a, b, c), "z and x are swapped"),
    "ratio-swapped": (lambda z, x, r, a, b, c: step_mean(z, x, 1 / r, a, b, c), "you use exp(lambda' - lambda)"),
    "alphas-inverted": (lambda z, x, r, a, b, c: step_mean(z, x, r, b, a, c), "you use alpha / alpha'"),
    "alpha-of-the-other": (
        lambda z, x, r, a, b, c: step_mean(z, x, r, a, b, a),
        "you scale x by alpha at lambda; it should be at lambda'",
    ),
    "lambdas-swapped": (
        lambda z, x, r, a, b, c: step_mean(z, x, 1 / r, b, a, a),
        "lambda and lambda' have changed places throughout",
    ),
    "weights-swapped": (lambda z, x, r, a, b, c: step_mean(z, x, 1 - r, a, b, c), "r and 1 - r are swapped"),
    "alpha-missing": (
        lambda z, x, r, a, b, c: step_mean(z, x, r, a, b, torch.ones_like(c)),
        "the alpha' in front of x is missing",
    ),
    "alphas-missing": (
        lambda z, x, r, a, b, c: step_mean(z, x, r, torch.ones_like(a), torch.ones_like(b), c),
        "the alpha'/alpha in front of z is missing",
    ),
    "ratio-missing": (lambda z, x, r, a, b, c: b / a * z + (1 - r) * c * x, "the r in front of z is missing"),
}
