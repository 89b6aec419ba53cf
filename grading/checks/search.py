"""Looks for an input on which an answer is wrong, and shrinks it to the smallest there is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from grading.checks.compare import Disagreement


def smallest_failure(inputs: SearchStrategy[Any], judge: Callable[[Any], object], examples: int = 60) -> None:
    """Asks `judge` about drawn inputs; raises its Disagreement about the smallest one that fails.

    The search is derandomized, so a rerun draws the same inputs. Raises Disagreement as well where the same input fails
    once and passes once, which only code that draws its own random numbers can do.
    """

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def search(drawn: Any) -> None:
        judge(drawn)

    try:
        search()
    except Flaky:
        raise Disagreement(
            "the same input gives different answers: the function draws random numbers of its own", bug="own-randomness"
        ) from None
    except ExceptionGroup as several:  # more than one kind of failure: the first is as good as any
        wrong = [error for error in several.exceptions if isinstance(error, Disagreement)]
        raise [*wrong, *several.exceptions][0] from None


def on_the_smallest_input(
    first: Disagreement, inputs: SearchStrategy[Any], judge: Callable[[Any], object]
) -> Disagreement:
    """What was found first, told by the smallest input that fails as well; unchanged where the search finds none."""
    try:
        smallest_failure(inputs, judge)
    except Disagreement as small:
        told = replace(small.verdict, message=first.verdict.message, bug=first.verdict.bug, share=first.verdict.share)
        small.verdict = told
        return small
    return first
