"""Where a measurement lies on its axis, in percent of the axis, for drawing."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from grading.records import Measurement
from grading.report.wording import exact, in_unit, number

_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """An interval drawn on an axis; places are percentages of the axis."""

    low: float
    value: float
    high: float
    zero: float
    start: str  # what is written at the ends of the axis
    end: str


def bar(measurement: Measurement, peers: Iterable[Measurement]) -> Bar | None:
    """The bar of one measurement; peers of the same unit share its axis. None where there is no interval to draw."""
    if not _drawable(measurement):
        return None
    shown = in_unit(measurement)
    alike = [in_unit(peer) for peer in peers if shown.unit and peer.unit == shown.unit and _drawable(peer)]
    start, end = _axis(shown.unit, [shown, *alike])
    low, value, high, zero = (_place(v, start, end) for v in (shown.low, shown.value, shown.high, 0.0))
    return Bar(low, value, high, zero, number(start), number(end))


def _drawable(measurement: Measurement) -> bool:
    """Whether there is an interval, and one within which floating-point numbers can still be divided."""
    size = max(abs(measurement.low), abs(measurement.value), abs(measurement.high))
    return not exact(measurement) and 1e-300 < size < 1e298


def _axis(unit: str, measurements: list[Measurement]) -> tuple[float, float]:
    """From 0 to a round number; percentages from 0 to 100."""
    lowest = min(min(m.low, m.value) for m in measurements)
    highest = max(max(m.high, m.value) for m in measurements)
    if unit == "%" and lowest >= 0 and highest <= 100:
        return 0.0, 100.0
    return -_round_up(max(0.0, -lowest)), _round_up(max(0.0, highest))


def _round_up(value: float) -> float:
    """The next round number from `value` on: 6.8 -> 8, 104 -> 150."""
    if value <= 0:
        return 0.0
    power = float(10.0 ** math.floor(math.log10(value)))
    return next(step * power for step in (*_STEPS, 20.0) if step * power >= value)


def _place(value: float, start: float, end: float) -> float:
    return round(100 * min(max((value - start) / (end - start), 0.0), 1.0), 2)
