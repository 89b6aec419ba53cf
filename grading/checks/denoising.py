"""To be written."""

from torch import Generator

from grading.subjects import Subject


def forward_moments(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def forward_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def reverse_moments(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def reverse_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def loss(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
