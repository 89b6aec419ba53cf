"""Logarithms of sums that would overflow.

Judged by docs/right.md#numerics, #shapes-and-types.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Generator, Tensor

from grading.checks.batches import Batch, Numbers, batches, table
from grading.checks.compare import Disagreement
from grading.checks.formula import Formula, Slips, is_right, judge
from grading.subjects import Subject

MODERATE = Numbers(-9, 9, (0.3,))
ANY = {"y": Numbers(-9, 9, (1.0, 0.1, 100.0), shifts=(0.0, 1000.0, -1000.0))}
FORMS = ("plain", "float64", "every second row")


def log_mean_exp(student: Subject, reference: Subject, rng: Generator) -> None:
    """log_mean_exp is log((1/K) sum_k exp y_k) of every row, also where exp overflows.

    y [B, K] -> [B]: log((1/K) sum_k exp(y_k - a)) + a with a = max_k y_k. Searched over shapes, types and numbers of up to
    1900 either way, where every exp overflows or vanishes.
    """
    ordinary = table(rng, {"y": MODERATE}, width=5)  # no other count is as large as the batch
    large = [_shifted(ordinary, 1000.0, 1000.0), _shifted(ordinary, -1000.0, -1000.0)]
    mixed = _shifted(ordinary, 1000.0, -1000.0)
    try:
        judge(LOG_MEAN_EXP, student, reference, [ordinary, *large, mixed], batches(ANY, FORMS))
    except Disagreement as error:
        if error.verdict.bug == "overflow" and _one_maximum(student, large, mixed):
            message = (
                "every row needs its own maximum: after subtracting that of the whole batch, exp of other rows vanishes"
            )
            error.verdict = replace(error.verdict, bug="one-max-for-all-rows", message=message)
        raise


def _one_maximum(student: Subject, large: Sequence[Batch], mixed: Batch) -> bool:
    """Whether what is subtracted is alike in all rows: right where they are alike, wrong beside others, right alone."""
    rows = [Batch({"y": (row,)}) for row in mixed.rows["y"]]
    right = all(is_right(LOG_MEAN_EXP, student, batch) for batch in (*large, *rows))
    return right and not is_right(LOG_MEAN_EXP, student, mixed)


def log_mean_exp_terms(y: Tensor) -> Tensor:
    """The largest number of every row, and log_mean_exp of what remains: [B, K] -> [B, 2].

    log((1/K) sum_k exp y_k) = a + log((1/K) sum_k exp(y_k - a)) for every a; Blanchard, Higham & Higham 2021, eq. 1.3.
    """
    largest = y.max(dim=1, keepdim=True).values
    rest = torch.logsumexp(y - largest, dim=1, keepdim=True) - math.log(y.shape[1])
    return torch.cat([largest, rest], dim=1)


def _shifted(batch: Batch, first: float, second: float) -> Batch:
    """The same two rows with a constant added to each."""
    rows = zip(batch.rows["y"], (first, second), strict=True)
    return Batch({"y": tuple(tuple(round(value + shift, 6) for value in row) for row, shift in rows)})


def _slips(y: Tensor) -> Slips:
    largest, rest = log_mean_exp_terms(y).unbind(1)
    right, everything = largest + rest, torch.logsumexp(y.flatten(), 0) - math.log(y.numel())
    return {
        **_wrong_counts(right, *y.shape),
        **_wrong_maxima(largest, rest, y),
        "mean-of-y": (y.mean(1), "this is the mean of y; the logarithm of the mean of exp y is larger"),
        "no-logarithm": (right.exp(), "the logarithm is missing at the end"),
        "wrong-dimension": (log_mean_exp_terms(y.T).sum(1), "you average over the batch; average over each row"),
        "summed-over-batch": (everything, "one number per row is wanted; yours averages over the whole batch"),
    }


def _wrong_counts(right: Tensor, height: int, width: int) -> Slips:
    """How many numbers the sum is divided by."""
    log_k, total = math.log(width), right + math.log(width)
    return {
        "log-sum-exp": (total, "this is log sum exp, too large by log K: take the mean instead of the sum"),
        "log-k-sign": (total + log_k, "log K is to be subtracted, not added"),
        "log-k-twice": (right - log_k, "log K is subtracted twice: the mean has divided by K already"),
        "divided-by-batch": (
            total - math.log(height),
            "the sum is divided by B, the number of rows; divide by K, how many numbers a row has",
        ),
        "divided-by-everything": (
            right - math.log(height),
            "the sum is divided by B K, all the numbers there are; divide by K, how many numbers a row has",
        ),
        "divided-after-the-logarithm": (total / width, "the sum is to be divided by K before the logarithm, not after"),
        "k-for-log-k": (total - width, "log K is to be subtracted; you subtract K itself"),
    }


def _wrong_maxima(largest: Tensor, rest: Tensor, y: Tensor) -> Slips:
    """What is made of the largest number of a row."""
    of_columns = y.max(dim=0, keepdim=True).values
    return {
        "max-only": (largest, "this is the largest number of the row alone"),
        "max-not-added": (rest, "the maximum was subtracted, but is not added again"),
        "max-added-twice": (largest + rest + largest, "the maximum is added without having been subtracted"),
        "max-subtracted": (rest - largest, "the maximum is to be added again at the end, not subtracted"),
        "max-multiplied": (rest * largest, "the maximum is to be added again at the end; you multiply by it"),
        "max-over-batch": (
            (y - of_columns).exp().mean(1, keepdim=True).log() + of_columns,
            "the maximum is that of every column, over the batch; it is to be that of every row, dim=1",
        ),
    }


LOG_MEAN_EXP = Formula(
    "log_mean_exp",
    "log_mean_exp",
    log_mean_exp_terms,
    _slips,
    rtol=1e-5,
    not_finite=(
        "overflow",
        "exp overflows or vanishes: subtract the largest number of the row first, add it at the end",
    ),
)
