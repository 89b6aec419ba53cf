"""Log-likelihoods of a batch under independent Bernoulli variables, and under independent normal ones.

Judged by docs/right.md#numerics, #clamps, #several-mistakes.
"""

import math
from dataclasses import replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.batches import FORMS, Batch, Numbers, batches, table
from grading.checks.compare import HALF, Disagreement
from grading.checks.formula import Formula, Slips, is_right, judge, sum_slips
from grading.errors import Crashed
from grading.subjects import Subject

MEANS = Numbers(5, 95, (0.01,))  # of Bernoulli variables: not so near 0 or 1 that clamping them would show
BITS = Batch(
    {"mu": ((0.3, 0.62, 0.81, 0.17), (0.55, 0.09, 0.4, 0.73)), "target": ((0.0, 1.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0))}
)
CENTRES = Numbers(-9, 9, (0.1, 1e-3, 100.0))
LOGVARS = Numbers(-20, 20, (0.1, 0.5))  # within [-10, 10]: docs/right.md#clamps
LOG_2PI = math.log(2 * math.pi)


def bernoulli(student: Subject, reference: Subject, rng: Generator) -> None:
    """The Bernoulli log-likelihood is sum_d x_d log mu_d + (1 - x_d) log(1 - mu_d), one number per sample.

    mu, target [B, ...] -> [B]. Searched over shapes, types, and targets that are 0, 1 or between (grey pixels): code that
    refuses the latter is right, code that gets them wrong without a word has half of the marks.
    """
    grey, binary = ({"mu": MEANS, "target": Numbers(*range_)} for range_ in ((0, 10, (0.1,)), (0, 1)))
    greys = table(rng, {"mu": MEANS, "target": Numbers(1, 9, (0.1,))})
    try:
        student.bernoulli_log_likelihood(**greys.tensors())
    except Crashed:
        return judge(BERNOULLI, student, reference, [BITS], batches(binary))
    try:
        judge(BERNOULLI, student, reference, [greys], batches(grey))
    except Disagreement as error:
        if error.verdict.share == 0 and all(is_right(BERNOULLI, student, Batch(BITS.rows, form)) for form in FORMS):
            message = "right for targets of 0 and 1, but wrong for grey pixels between them, which training data has"
            error.verdict = replace(error.verdict, share=HALF, bug="binary-targets-only", message=message)
        raise


def bernoulli_terms(mu: Tensor, target: Tensor) -> Tensor:
    """x log mu and (1 - x) log(1 - mu) of every dimension: [B, D], [B, D] -> [B, 2 D]. Bishop 2006, eq. 2.2."""
    return torch.cat([target * mu.log(), (1 - target) * torch.log1p(-mu)], dim=1)


def _bernoulli_slips(mu: Tensor, target: Tensor) -> Slips:
    one, zero = bernoulli_terms(mu, target).unflatten(1, (2, -1)).unbind(1)
    right = (one + zero).sum(1)
    return {
        **sum_slips(right, mu.shape[1], "the log-likelihood"),
        "swapped-arguments": (bernoulli_terms(target, mu).sum(1), "mu and target are swapped: log is taken of mu"),
        "mu-as-logits": (
            -F.binary_cross_entropy_with_logits(mu, target, reduction="none").sum(1),
            "mu is the mean of the distribution; you treat it as a logit",
        ),
        "second-term-missing": (one.sum(1), "the term (1 - x) log(1 - mu) is missing"),
        "first-term-missing": (zero.sum(1), "the term x log mu is missing"),
        "second-term-sign": ((one - zero).sum(1), "(1 - x) log(1 - mu) is to be added; you subtract it"),
        "first-term-sign": ((zero - one).sum(1), "x log mu is to be added; you subtract it"),
        "log-mu-twice": (mu.log().sum(1), "1 - x goes with log(1 - mu); you take log mu in both terms"),
        "one-minus-log": (
            (one + (1 - target) * (1 - mu.log())).sum(1),
            "1 - x goes with log(1 - mu); you take 1 - log mu",
        ),
        "logarithms-missing": ((target * mu + (1 - target) * (1 - mu)).sum(1), "the logarithms are missing"),
        "squared-error": (
            -((target - mu) ** 2).sum(1),
            "this is a squared error; pixels are Bernoulli variables, whose log-likelihood has the logarithms of mu",
        ),
        "terms-crossed": (bernoulli_terms(1 - mu, target).sum(1), "x goes with log mu, and 1 - x with log(1 - mu)"),
        "no-logarithm": (right.exp(), "this is the likelihood; its logarithm is wanted"),
        "other-base": (right / math.log(10), "the natural logarithm is wanted; yours has base 10"),
        "base-two": (right / math.log(2), "the natural logarithm is wanted; yours has base 2"),
        "wrong-dimension": ((one + zero).sum(0), "you sum over the batch; sum over the dimensions of each sample"),
    }


def normal(student: Subject, reference: Subject, rng: Generator) -> None:
    """The normal log-likelihood is -1/2 sum_d (log 2 pi + log sigma_d^2 + (z_d - mu_d)^2 / sigma_d^2), one per sample.

    mu, logvar, z [B, ...] -> [B], logvar being log sigma^2. Searched over shapes, types, means from 1e-3 to 1e3 and
    logvar from -10 to 10.
    """
    columns = {"mu": CENTRES, "logvar": LOGVARS, "z": CENTRES}
    judge(NORMAL, student, reference, [table(rng, columns)], batches(columns))


def normal_terms(mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    """The three terms of every dimension: [B, D] each -> [B, 3 D]. Bishop 2006, eq. 2.43, for a diagonal covariance."""
    square = (z - mu) ** 2 * torch.exp(-logvar)
    return -0.5 * torch.cat([torch.full_like(logvar, LOG_2PI), logvar, square], dim=1)


def _normal_slips(mu: Tensor, logvar: Tensor, z: Tensor) -> Slips:
    terms = normal_terms(mu, logvar, z)
    constant, spread, square = (part.sum(1) for part in terms.unflatten(1, (3, -1)).unbind(1))
    right = constant + spread + square
    return {
        **sum_slips(right, mu.shape[1], "the log-likelihood"),
        **_wrong_constants(constant, spread + square, mu.shape[1]),
        **_wrong_spreads(spread, constant + square, logvar),
        **_wrong_squares(square, constant + spread, mu, logvar, z),
        "variance-as-sigma": (
            normal_terms(mu, 2 * logvar, z).sum(1),
            "exp(logvar) is the variance, and you use it as the standard deviation; that is exp(logvar / 2)",
        ),
        "sigma-as-variance": (
            normal_terms(mu, logvar / 2, z).sum(1),
            "exp(logvar / 2) is the standard deviation, and you use it as the variance, which is exp(logvar)",
        ),
        "missing-half": (2 * right, "the 1/2 in front is missing"),
        "unit-variance": (normal_terms(mu, 0 * logvar, z).sum(1), "logvar is not used"),
        "no-logarithm": (right.exp(), "this is the likelihood; its logarithm is wanted"),
    }


def _wrong_constants(constant: Tensor, rest: Tensor, width: int) -> Slips:
    return {
        "missing-constant": (rest, "the constant -1/2 log 2 pi of every dimension is missing"),
        "constant-once": (constant / width + rest, "-1/2 log 2 pi belongs to every dimension; yours has it once"),
        "constant-sign": (rest - constant, "the constant has the wrong sign: it is -1/2 log 2 pi"),
        "constant-without-half": (2 * constant + rest, "the constant is -1/2 log 2 pi: its 1/2 is missing"),
        "constant-halved-twice": (constant / 2 + rest, "the constant is -1/2 log 2 pi; yours is half of that"),
        "two-missing-in-constant": (
            rest - 0.5 * width * math.log(math.pi),
            "the constant is -1/2 log 2 pi; yours is -1/2 log pi",
        ),
        "constant-without-logarithm": (rest - width * math.pi, "the constant is -1/2 log 2 pi; yours is -1/2 2 pi"),
    }


def _wrong_spreads(spread: Tensor, rest: Tensor, logvar: Tensor) -> Slips:
    return {
        "logvar-without-half": (rest + 2 * spread, "log sigma^2 comes with a 1/2, or as log sigma"),
        "log-of-logvar": (
            rest - 0.5 * logvar.abs().log().sum(1),
            "logvar is log sigma^2 already; you take its logarithm again",
        ),
        "log-of-std-for-log-of-var": (rest + spread / 2, "logvar is log sigma^2 already; you halve it twice"),
        "logvar-sign": (rest - spread, "log sigma^2 has the wrong sign"),
        "missing-logvar": (rest, "the term -1/2 log sigma^2 is missing"),
    }


def _wrong_squares(square: Tensor, rest: Tensor, mu: Tensor, logvar: Tensor, z: Tensor) -> Slips:
    distance, variance = (z - mu) ** 2, logvar.exp()

    def with_square(wrong: Tensor) -> Tensor:
        return rest - 0.5 * wrong.sum(1)

    plain = "the square (z - mu)^2 is to be divided by sigma^2 = exp(logvar); "
    return {
        "variance-squared": (
            with_square(distance / variance**2),
            "the square is divided by exp(logvar) squared; exp(logvar) is sigma^2 already",
        ),
        "sigma-for-variance": (
            with_square(distance / variance.sqrt()),
            "the square is divided by sigma; divide by sigma^2 = exp(logvar)",
        ),
        "square-not-scaled": (with_square(distance), plain + "yours is not divided"),
        "square-times-variance": (with_square(distance * variance), plain + "you multiply"),
        "square-over-logvar": (with_square(distance / logvar), plain + "you divide by logvar itself"),
        "square-missing": (with_square((z - mu) / variance), "z - mu is to be squared"),
        "mu-not-used": (with_square(z**2 / variance), "mu is not used: the square is that of z - mu"),
        "square-without-half": (rest + 2 * square, "the square (z - mu)^2 / sigma^2 comes with a 1/2"),
        "square-sign": (rest - square, "the square (z - mu)^2 / sigma^2 has the wrong sign"),
    }


BERNOULLI = Formula(
    "bernoulli_log_likelihood", "the log-likelihood", bernoulli_terms, _bernoulli_slips, gradients=("mu",)
)
NORMAL = Formula("normal_log_likelihood", "the log-likelihood", normal_terms, _normal_slips)
