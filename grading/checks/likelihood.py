"""To be written."""

from torch import Generator

from grading.subjects import Subject


def bernoulli(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def normal(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
