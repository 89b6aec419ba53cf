"""The accuracy and its interval."""

import math

import pytest

from grading.credit import wilson
from grading.metrics.accuracy import accuracy


@pytest.mark.parametrize(("correct", "n"), [(0, 50), (30, 50), (50, 50), (1234, 2000)])
def test_share_and_wilson(correct: int, n: int) -> None:
    found = accuracy(correct, n, "why", cut_short=True)
    assert (found.name, found.value, found.n, found.unit) == ("accuracy", correct / n, n, "%")
    assert (found.low, found.high) == wilson(correct, n)
    assert found.low <= found.value <= found.high
    assert (found.note, found.cut_short) == ("why", True)


def test_no_images_at_all() -> None:
    found = accuracy(0, 0, "")
    assert math.isfinite(found.value)
    assert (found.low, found.high) == (0.0, 1.0)
