"""How often the class is named that was asked for: by the judge classifier, or by a classifier that is judged."""

from dataclasses import replace

from torch import Tensor

from grading.credit import wilson
from grading.records import Measurement

BY_THE_JUDGE = "accuracy by the judge classifier"


def accuracy(correct: int, n: int, note: str, cut_short: bool = False, title: str = BY_THE_JUDGE) -> Measurement:
    """The share of images that are classified as asked, with Wilson's 95 % interval."""
    low, high = wilson(correct, n)
    return Measurement("accuracy", title, correct / n if n else 0.0, low, high, n, "%", note, cut_short)


def of_a_test_set(found: Measurement, left_out: float) -> Measurement:
    """The same, as an estimate for a test set of which a part was left out: where none was, nothing is in doubt."""
    shrunk = left_out**0.5  # the finite population correction: Cochran 1977, section 2.6
    low, high = (found.value + shrunk * (end - found.value) for end in (found.low, found.high))
    return replace(found, low=low, high=high)


def per_class(hits: Tensor, labels: Tensor) -> str:
    """The share of each class that is right, in words: hits [N] of truth values, labels [N]."""
    each = [f"{100 * hits[labels == label].double().mean().item():.0f}" for label in labels.unique()]
    return f"per class, in %: {', '.join(each)}"
