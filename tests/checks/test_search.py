"""The search for the smallest input on which an answer is wrong."""

import pytest
from hypothesis import strategies as st

from grading.checks.compare import Disagreement
from grading.checks.search import on_the_smallest_input, smallest_failure

LISTS = st.lists(st.integers(-100, 100), max_size=8)


def too_large(drawn: list[int]) -> None:
    if any(abs(x) > 5 for x in drawn):
        raise Disagreement(str(drawn))


def test_shrinks_to_the_smallest() -> None:
    with pytest.raises(Disagreement) as caught:
        smallest_failure(LISTS, too_large)
    assert str(caught.value) == "[6]"


def test_passes_when_all_agree_and_asks_as_often_as_told() -> None:
    asked: list[list[int]] = []
    smallest_failure(LISTS, asked.append, examples=25)
    assert len(asked) == 25


def test_asks_the_same_again() -> None:
    first: list[list[int]] = []
    second: list[list[int]] = []
    smallest_failure(LISTS, first.append)
    smallest_failure(LISTS, second.append)
    assert first == second


def test_flags_randomness_of_its_own() -> None:
    calls = 0

    def moody(drawn: list[int]) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Disagreement("only once")

    with pytest.raises(Disagreement) as caught:
        smallest_failure(LISTS, moody)
    assert caught.value.verdict.bug == "own-randomness"


def test_two_kinds_of_failure_are_one_disagreement() -> None:
    def twofold(drawn: int) -> None:
        if drawn > 50:
            raise Disagreement("large")
        if drawn < -50:
            raise Disagreement("small")

    with pytest.raises(Disagreement, match=r"large|small"):
        smallest_failure(st.integers(-100, 100), twofold, examples=200)


def test_a_mistake_of_ours_is_no_disagreement() -> None:
    def broken(drawn: list[int]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        smallest_failure(LISTS, broken)


def test_what_was_found_is_told_by_the_smallest_input() -> None:
    def judge(x: int) -> None:
        if x > 10:
            raise Disagreement("too large", actual=str(x))

    first = Disagreement("larger than ten", bug="large", actual="4321")
    told = on_the_smallest_input(first, st.integers(0, 5000), judge).verdict
    assert (told.message, told.bug, told.actual) == ("larger than ten", "large", "11")
    assert on_the_smallest_input(first, st.integers(0, 5), judge) is first
