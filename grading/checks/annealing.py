"""The weight of the divergence over the epochs of a training (Bowman et al. 2016, arXiv:1511.06349, section 3.1)."""

from itertools import pairwise
from typing import Any

from torch import Generator

from grading.checks.compare import HALF, NEARLY, Disagreement, parts
from grading.errors import NotMeasured
from grading.subjects import Subject

EPOCHS = 100  # at most, by the handout
NOTHING, SMALL = 1e-6, (1e-5, 1e-3)  # what counts as 0, and as 0.0001


def kl_annealing(student: Subject, reference: Subject, rng: Generator) -> None:
    """The weight of the divergence begins at 0, goes on with 0.0001 or about, and grows from there.

    Read off the loop over epochs, which runs here with nothing in it but what sets KLDivLoss's lambd; else off the list.
    """
    answer = parts(student.annealing(count=EPOCHS), weights=list, listed=list, sets=bool, reads=bool)
    applied, listed = _numbers(answer["weights"]), _numbers(answer["listed"])
    if not applied and isinstance(answer["listed"], list) and not listed:
        raise Disagreement("kl_annealing is empty: no annealing is done", bug="no-annealing")
    if answer["sets"] and applied:
        _judge(applied)
    elif listed:
        _judge(listed)
        if applied and not answer["sets"] and not answer["reads"]:
            raise Disagreement(
                "kl_annealing is right, but nothing reads it: set KLDiv_criterion.lambd from it in every epoch",
                share=HALF,
                bug="annealing-not-applied",
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


def _numbers(value: Any) -> list[float]:
    return [float(each) for each in value or [] if isinstance(each, int | float)]


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
    """Weights as people read them: each value once, with the epochs it holds for."""
    runs: list[tuple[float, int]] = []
    for weight in weights:
        if runs and runs[-1][0] == weight:
            runs[-1] = (weight, runs[-1][1] + 1)
        else:
            runs.append((weight, 1))
    said = [f"{weight:.3g} ({count} epochs)" if count > 1 else f"{weight:.3g}" for weight, count in runs]
    return ", ".join(said[:8]) + (" …" if len(said) > 8 else "")
