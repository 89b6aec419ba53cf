"""How often the judge classifier sees the class that was asked for."""

from grading.credit import wilson
from grading.records import Measurement


def accuracy(correct: int, n: int, note: str, cut_short: bool = False) -> Measurement:
    """The share of generated images that are classified as asked, with Wilson's 95 % interval."""
    low, high = wilson(correct, n)
    title = "accuracy by the judge classifier"
    return Measurement("accuracy", title, correct / n if n else 0.0, low, high, n, "%", note, cut_short)
