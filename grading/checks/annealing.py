"""The weight of the divergence over the epochs of a training (Bowman et al. 2016, arXiv:1511.06349, section 3.1).

Judged by docs/right.md#whose-fault-it-is.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, LARGEST, NEARLY, Disagreement, parts, tensor
from grading.errors import Crashed, Lacking, NotMeasured
from grading.subjects import Subject

EPOCHS = 100  # at most, by the handout
NOTHING, SMALL = 1e-6, (1e-5, 1e-3)  # what counts as 0, and as 0.0001


def kl_annealing(student: Subject, reference: Subject, rng: Generator) -> None:
    """The weight of the divergence begins at 0, goes on with 0.0001 or about, and grows from there.

    Read off the loop over epochs, which runs here with nothing in it but what sets KLDivLoss's lambd; else off the list.
    What is wrong by that is asked again of train_step itself, epoch by epoch, before it costs anything.
    """
    answer = parts(student.annealing(count=EPOCHS), weights=list, listed=list, sets=bool, reads=bool)
    applied, listed = _numbers(answer["weights"]), _numbers(answer["listed"])
    sets = answer["sets"]
    empty = not applied and isinstance(answer["listed"], list) and not listed
    try:
        if empty:
            raise Disagreement("kl_annealing is empty: no annealing is done", bug="no-annealing")
        _judge_read(applied, listed, sets, answer["reads"])
    except Disagreement as inferred:
        known = applied or ([] if sets and not empty else [1.0] * EPOCHS)
        _judge_run(inferred, _in_training(student, known, rng) if known else [], applied)


def _judge_read(applied: list[float], listed: list[float], sets: bool, reads: bool) -> None:
    """What the script says of the weight, read and not run."""
    if sets and applied:
        _judge(applied)
    elif listed:
        _judge(listed)
        if applied and not reads:
            raise Disagreement(
                "kl_annealing is right, but nothing reads it: set KLDiv_criterion.lambd from it in every epoch",
                share=HALF,
                bug="annealing-not-applied",
            )
        if applied and not sets:
            raise NotMeasured(
                "kl_annealing is right; where it is put before the divergence could not be read off the script"
            )
    elif len(set(applied)) == 1:
        raise Disagreement(
            "the weight of the divergence never changes: no annealing is done",
            bug="no-annealing",
            expected="0, then 0.0001, then more",
            actual=f"{applied[0]:g} in every epoch",
        )
    else:
        raise NotMeasured(
            "how the weight of the divergence changes over the epochs could not be read off the script: look for lambd"
        )


def _in_training(student: Subject, weights: list[float], rng: Generator) -> list[float]:
    """What stands before the divergence in each epoch, by the gradient that train_step sends to mu; [] for unknown."""
    x = torch.rand(4, 3, 32, 32, generator=rng)
    xg = (0.5 * x + 0.25).clamp(0.02, 0.98)
    mu, log_var = (0.5 * torch.randn(4, 16, generator=rng) for _ in range(2))
    known = {"x": x, "y": torch.arange(4), "xg": xg, "mu": mu, "log_var": log_var, "z": mu}
    try:
        found = student.annealed(weights=weights, **known)
    except (Lacking, Crashed):
        return []
    if not isinstance(found, Tensor) or found.ndim != 2 or found.shape[1] != 4:
        return []
    return [max(each, 0.0) for each in (tensor(found, "gradients")[:, 1] / mu.double().sum(1).mean()).tolist()]


def _judge_run(inferred: Disagreement, weights: list[float], read: list[float]) -> None:
    """Raises what train_step does in each epoch, where it is wrong; a human's, where no run could confirm what was read."""
    if not weights:
        raise NotMeasured(f"read off the script, but no run could confirm it: {inferred}") from inferred
    if max(weights) < NOTHING * NOTHING and read:
        raise inferred  # no divergence counts in train_step at all, which has a row of its own
    if inferred.verdict.bug == "annealing-not-applied" and len({round(each, 9) for each in weights}) == 1:
        raise inferred
    alike = len(weights) == len(read) and all(abs(a - b) <= 1e-3 * b + 1e-9 for a, b in zip(weights, read, strict=True))
    _judge(read if alike else weights)


def _numbers(value: Any) -> list[float]:
    """The numbers among the entries of a list, if there is one; whole ones that no float can hold are none."""
    return [
        float(each)
        for each in value or []
        if isinstance(each, float) or (isinstance(each, int) and abs(each) < LARGEST)
    ]


def _judge(weights: list[float]) -> None:
    """Raises Disagreement unless the weights begin at 0, pass 0.0001 and never fall."""
    told = {"expected": "0, then 0.0001, then more", "actual": _runs(weights)}
    if max(weights) - min(weights) < NOTHING * NOTHING:
        raise Disagreement(
            "the weight of the divergence never changes: no annealing is done", bug="no-annealing", **told
        )
    rest = weights[1:]
    if weights[0] > NOTHING and len(rest) > 1 and rest[0] <= NOTHING:
        _judge(rest)
        raise Disagreement(
            f"the first epoch still trains with {weights[0]:g}, the criterion's own: set its lambd to 0 before the loop",
            share=NEARLY,
            bug="first-epoch-not-zero",
            **told,
        )
    if weights[0] > NOTHING:
        raise Disagreement(
            "the weight of the divergence should begin at 0, as in a plain autoencoder", bug="not-from-zero", **told
        )
    if any(after < before - NOTHING for before, after in zip(weights, rest, strict=False)):
        raise Disagreement("the weight of the divergence should never fall", share=HALF, bug="annealing-falls", **told)
    if not any(SMALL[0] <= weight <= SMALL[1] for weight in weights) and _linear(weights):
        raise Disagreement(
            "the weight of the divergence rises in a straight line, and so past 0.0001 at once: at that size it takes the "
            "images over. Stay at 0.0001 for some epochs first",
            share=HALF,
            bug="rises-linearly",
            **told,
        )
    if not any(SMALL[0] <= weight <= SMALL[1] for weight in weights):
        raise Disagreement(
            "the weight of the divergence jumps from 0 past 0.0001: at that size it takes the images over",
            share=HALF,
            bug="no-small-weight",
            **told,
        )


def _linear(weights: list[float]) -> bool:
    """Whether the weights rise by the same from epoch to epoch, at least four times, until they rise no more."""
    rises = [after - before for before, after in pairwise(weights) if after > before]
    return len(rises) > 3 and max(rises[:-1]) - min(rises[:-1]) < 1e-3 * max(rises)


def _runs(weights: list[float]) -> str:
    """Weights as people read them: each value once, with the epochs it holds for; of the last one nobody knows."""
    runs: list[tuple[float, int]] = []
    for weight in weights:
        if runs and runs[-1][0] == weight:
            runs[-1] = (weight, runs[-1][1] + 1)
        else:
            runs.append((weight, 1))
    said = [f"{weight:.3g} ({count} epochs)" if count > 1 else f"{weight:.3g}" for weight, count in runs[:-1]]
    said += [f"{weight:.3g} from then on" if said else f"{weight:.3g} in every epoch" for weight, _ in runs[-1:]]
    return ", ".join(said[:8]) + (" …" if len(said) > 8 else "")
