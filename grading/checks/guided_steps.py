"""To be written."""

from torch import Generator

from grading.subjects import Subject


def reverse_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def loss(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def guided_chain(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
