"""To be written."""

from torch import Generator

from grading.subjects import Subject


def log_snr(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def signal_scale(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def noise_scale(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def forward_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def forward_deviation(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def posterior_deviation(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def reverse_mean(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError


def reverse_variance(student: Subject, reference: Subject, rng: Generator) -> None:
    """To be written."""
    raise NotImplementedError
