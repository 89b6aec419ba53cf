"""Words and figures: what a number, a mark and a reason look like."""

import math
from dataclasses import replace

import pytest
from report_samples import row

from grading.records import Measurement, Status, Verdict
from grading.report import wording
from grading.report.tally import tally


def measured(value: float, low: float, high: float, unit: str = "", n: int = 50) -> Measurement:
    return Measurement("m", "m", value, low, high, n, unit)


@pytest.mark.parametrize("words", [wording.WORDS, wording.MARKS])
def test_every_status_has_a_word_and_a_mark_of_its_own(words: dict[Status, str]) -> None:
    assert set(words) == set(Status)
    assert len(set(words.values())) == len(Status)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (84.0, "84"),
        (873_409, "873,409"),
        (0.03125, "0.03125"),
        (-0.0, "0"),
        (12345.6, "12,346"),
        (1e300, "1e+300"),
        (math.nan, "not a number"),
        (math.inf, "infinite"),
        (-math.inf, "minus infinite"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    assert wording.number(value) == said


@pytest.mark.parametrize(
    ("measurement", "said"),
    [
        (measured(0.84, 0.71, 0.92, "%"), "84 % (71 to 92)"),
        (measured(0.5714, 0.5491, 0.5933, "%"), "57.1 % (54.9 to 59.3)"),
        (measured(0.57, 0.57, 0.57, "%"), "57 %"),
        (measured(-0.0003, -0.0021, 0.0015), "-0.0003 (-0.0021 to 0.0015)"),
        (measured(-0.001, -4321.0, 5000.0), "0 (-4,321 to 5,000)"),
        (measured(6.4, 6.4, 6.4), "6.4"),
        (measured(math.nan, 0.0, 1.0, "%"), "not a number %"),
        (measured(5.0, 0.0, math.inf), "5"),
        (measured(0.0, -1e-300, 1e-300), "0 (-1e-300 to 1e-300)"),
        (measured(1e300, -1e300, 1.5e300), "1e+300 (-1e+300 to 1.5e+300)"),
        (measured(0.0, -1e308, 1.7e308), "0 (-1e+308 to 1.7e+308)"),
    ],
)
def test_the_interval_decides_how_many_decimals_are_shown(measurement: Measurement, said: str) -> None:
    assert wording.reading(measurement) == said


def test_a_counted_number_names_no_sample_and_a_sampling_cut_short_says_so() -> None:
    assert wording.sample(measured(9, 9, 9)) == ""
    assert wording.sample(measured(9, 8, 10, n=2000)) == "n=2,000"
    assert wording.sample(replace(measured(9, 8, 10, n=200), cut_short=True)) == "n=200, cut short"


@pytest.mark.parametrize(
    ("status", "points", "said"),
    [
        (Status.PARTIAL, 7.5, "7.5 / 10"),
        (Status.FAILED, 0.0, "0 / 10"),
        (Status.PARTIAL, 20 / 3, "6.67 / 10"),
        (Status.MANUAL, None, "– / 10"),
        (Status.UNSCORED, None, "– / 10"),
    ],
)
def test_a_row_without_a_score_shows_a_dash_and_never_a_zero(status: Status, points: float | None, said: str) -> None:
    assert wording.score(row("a", "p", "t", status, 10, points)) == said


def test_a_row_worth_nothing_shows_no_points() -> None:
    assert wording.score(row("a", "p", "t", Status.SHOWN, 0, None)) == ""


def test_nothing_judged_is_a_dash() -> None:
    assert wording.total(tally((row("a", "p", "t", Status.MANUAL, 4, None),))) == "–"
    assert wording.total(tally((row("a", "p", "t", Status.FAILED, 4, 0.0),))) == "0 / 4"
    extra = replace(row("a", "p", "t", Status.PASSED, 4, 3.0), bonus=True)
    assert wording.total(tally((extra,))) == "3 / 4 bonus"


def test_the_reason_is_the_first_line_of_what_went_wrong() -> None:
    verdicts = (Verdict(1.0, "right"), Verdict(0.0, " \n the sign is turned\nmore"), Verdict(0.0, "later"))
    assert wording.reason(row("a", "p", "t", Status.FAILED, 4, 0.0, verdicts=verdicts)) == "the sign is turned"
    assert wording.reason(row("a", "p", "t", Status.PASSED, 4, 4.0, verdicts=verdicts)) == ""


def test_what_could_not_be_judged_is_said_to_be_the_graders_fault() -> None:
    assert "grader" in wording.reason(row("a", "p", "t", Status.UNSCORED, 4, None))
    broken = (Verdict(0.0, "Traceback (most recent call last):\n  File x\nValueError: not symmetric\n"),)
    assert wording.reason(row("a", "p", "t", Status.UNSCORED, 4, None, verdicts=broken)) == "ValueError: not symmetric"


def test_a_row_for_information_says_why_it_could_not_be_measured() -> None:
    missing = (Verdict(0.0, "vae.pt is missing"),)
    assert wording.reason(row("a", "p", "t", Status.SHOWN, 0, None, verdicts=missing)) == "vae.pt is missing"


@pytest.mark.parametrize(("cite", "said"), [("2.1.1: kl", "Handout 2.1.1: kl"), ("the helper", "the helper"), ("", "")])
def test_a_place_in_the_handout_is_said_to_be_one(cite: str, said: str) -> None:
    assert wording.cited(row("a", "p", "t", Status.PASSED, 1, 1.0, cite=cite)) == said


def test_a_fingerprint_tells_seeds_apart_and_not_what_they_are() -> None:
    assert wording.fingerprint("") == ""
    assert wording.fingerprint("secret") == wording.fingerprint("secret") != wording.fingerprint("secret2")
    assert "secret" not in wording.fingerprint("secret") and len(wording.fingerprint("\ud800")) == 8


def test_a_share_that_is_no_number_is_wrong() -> None:
    verdicts = (Verdict(math.nan, "x"), Verdict(1.0, "y"), Verdict(0.999, "z"))
    found = wording.wrong(row("a", "p", "t", Status.FAILED, 4, 0.0, verdicts=verdicts))
    assert [verdict.message for verdict in found] == ["x", "z"]


def test_clipped_text_keeps_head_and_tail_and_says_what_is_missing() -> None:
    clipped = wording.clip("a" * 3000 + "b" * 3000, 400)
    assert clipped.startswith("a" * 300) and clipped.endswith("b" * 100) and "5,600 characters left out" in clipped
    assert wording.clip("short", 400) == "short"


def test_a_shortened_text_is_one_line_within_its_limit() -> None:
    assert wording.shorten("one\n two\t three", 40) == "one two three"
    assert len(wording.shorten("x" * 900, 40)) == 40


def test_a_message_falls_into_its_first_line_and_the_rest() -> None:
    assert (wording.first_line("\na\nb\nc"), wording.rest("\na\nb\nc"), wording.rest("a")) == ("a", "b\nc", "")
