"""To be written."""

from torch import Generator

from grading.subjects import Subject


def reverse_chain(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def intermediate_samples(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
