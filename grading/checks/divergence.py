"""To be written."""

from torch import Generator

from grading.subjects import Subject


def analytic(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def monte_carlo(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
