"""The arithmetic of marks: ramps, doubt, gates, rounding. Nothing here knows a tensor."""

import math
from dataclasses import dataclass, replace

from grading.records import Evidence, Measurement

GIFT = 0.05  # the most that doubt may add to an item, as a share of it
GIFT_CUT_SHORT = 0.25  # the same where the grader's time, not its patience, ended the sampling


@dataclass(frozen=True)
class Ramp:
    """Full marks at `full`, none at `zero`, linear between; `full` may lie on either side of `zero`."""

    full: float
    zero: float

    def share(self, value: float) -> float:
        """How much of the item a value earns, in [0, 1]; 0 where it is not finite."""
        if not math.isfinite(value):
            return 0.0
        return min(1.0, max(0.0, (value - self.zero) / (self.full - self.zero)))


@dataclass(frozen=True)
class Gate:
    """A condition without which a quality item earns nothing."""

    measurement: str
    at_least: float | None
    at_most: float | None
    because: str  # what the student reads

    def open(self, found: Measurement) -> bool:
        """Whether the favourable end of the interval satisfies the condition; never where it is not finite."""
        high_enough = self.at_least is None or (math.isfinite(found.high) and found.high >= self.at_least)
        low_enough = self.at_most is None or (math.isfinite(found.low) and found.low <= self.at_most)
        return high_enough and low_enough


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a proportion (JASA 1927); (0, 1) where n = 0."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def decided(ramp: Ramp, low: float, high: float) -> bool:
    """Whether no value of the interval would change the mark by more than 1 % of the item."""
    return abs(ramp.share(high) - ramp.share(low)) <= 0.01


def share_with_doubt(ramp: Ramp, found: Measurement) -> float:
    """The share for a measured value, with the benefit of the doubt: the favourable end, the gift capped."""
    if not math.isfinite(found.value):
        return 0.0
    favourable = max(ramp.share(found.low), ramp.share(found.high))
    return min(favourable, ramp.share(found.value) + (GIFT_CUT_SHORT if found.cut_short else GIFT))


def points(share: float, maximum: float) -> float:
    """A share of the points, to two decimals. Raises ValueError for a share outside [0, 1]."""
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share} is not in [0, 1]")
    return round(share * maximum, 2)


def rounded(evidence: Evidence) -> Evidence:
    """Measurements to nine digits: the last ones of float64 depend on where linear algebra finds its numbers in memory."""
    measurements = [
        replace(each, value=_digits(each.value), low=_digits(each.low), high=_digits(each.high))
        for each in evidence.measurements
    ]
    return replace(evidence, measurements=tuple(measurements))


def _digits(value: float) -> float:
    return float(f"{value:.9g}")
