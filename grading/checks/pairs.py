"""Two known mistakes in one formula, where no single one explains an answer (docs/right.md#several-mistakes)."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from torch import Tensor

Known = Mapping[str, tuple[Tensor, str]]  # bug -> (what it answers, what to say)


def pairs(right: Tensor, slips: Known) -> Iterator[tuple[str, Tensor, str]]:
    """Bug, answer and sentence of every two slips of a formula whose right answer is `right`; all of one shape.

    Two slips in different terms add up, one that scales the whole multiplies the other: each is tried.
    """
    same = {bug: slip for bug, slip in slips.items() if slip[0].shape == right.shape}
    for (one, (first, said)), (other, (second, also)) in combinations(same.items(), 2):
        for both in (first + second - right, first * second / right):
            yield named(one, other), both, f"two things: {said}; and {also}"


def named(one: str, other: str) -> str:
    """The name of two mistakes together."""
    return f"{one} and {other}"
