"""To be written."""

from torch import Generator

from grading.subjects import Subject


def negative_elbo(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
