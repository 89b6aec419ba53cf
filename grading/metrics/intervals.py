"""Measurements with the interval of their standard error."""

from torch import Tensor

from grading.records import Measurement

Z = 1.96  # standard errors to either side: 95 %


def interval(
    name: str, title: str, estimate: tuple[float, float], n: int, unit: str = "", note: str = ""
) -> Measurement:
    """A measurement by its estimate and standard error, on n samples."""
    value, error = estimate
    return Measurement(name, title, value, value - Z * error, value + Z * error, n, unit, note)


def point(name: str, title: str, value: float, n: int = 1, unit: str = "", note: str = "") -> Measurement:
    """A measurement without an interval, on n samples."""
    return Measurement(name, title, value, value, value, n, unit, note)


def of_mean(values: Tensor) -> tuple[float, float]:
    """The mean of values [N], and its standard error."""
    values = values.double()
    return values.mean().item(), (values.std() / len(values) ** 0.5).item()
