"""The summary in a terminal: complete at 80 columns, and deaf to whatever the submission says."""

import dataclasses
import io

import pytest
from report_hostile import hostile
from report_samples import ordinary
from rich.console import Console

from grading.records import Report, Status
from grading.report.terminal import summary
from grading.report.wording import MARKS


def printed(report: Report, width: int, color: bool = False) -> str:
    console = Console(
        width=width,
        file=io.StringIO(),
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    console.print(summary(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words(text: str) -> str:
    """Without the line breaks that the width asks for."""
    return " ".join(text.split())


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_row_is_there_with_its_points(width: int) -> None:
    report = ordinary()
    text = printed(report, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= min(width, 100)
    assert text.count(" / ") >= 13 + 2  # rows worth points, and the two parts
    for wanted in ("6.67 / 10", "– / 4", "12 / 12", "34 / 40", "26.03 / 44"):
        assert any(line.rstrip().endswith(wanted) for line in text.splitlines()), wanted


@pytest.mark.parametrize("width", [80, 120])
def test_each_row_begins_with_its_mark(width: int) -> None:
    lines = printed(ordinary(), width).splitlines()
    for outcome in ordinary().outcomes:
        assert any(line.startswith(f"{MARKS[outcome.status]} {outcome.title[:40]}") for line in lines), outcome.title


def test_reasons_bugs_and_measurements_are_told_in_a_line() -> None:
    text = words(printed(ordinary(), 80))
    assert "The sign of the KL divergence is turned: it must never be negative. [kl-sign]" in text
    assert "your value is minus this sum" not in text  # only the first line of a message
    assert "accuracy by the judge classifier: 84 % (71 to 92), n=50; 1 more in the report" in text
    assert "ValueError: not symmetric" in text and "Traceback" not in text


def test_the_sandbox_is_named() -> None:
    report = dataclasses.replace(ordinary(), backend="landlock")
    assert "in the sandbox landlock" in words(printed(report, 120))
    assert "in the sandbox" not in words(printed(dataclasses.replace(report, confined=False), 120))


def test_the_total_says_what_it_is_the_total_of() -> None:
    text = words(printed(ordinary(), 120))
    assert "60.03 / 84 points of what was judged, and 5 / 5 bonus: 65.03" in text
    assert "1 row waiting for a human: Training curve in the helper notebook" in text
    assert "1 row not judged, by the grader's fault: Generated images are no copies of training images" in text


def test_a_run_without_a_sandbox_is_said_in_red() -> None:
    report = dataclasses.replace(ordinary(), confined=False)
    assert "Graded without a sandbox" in printed(report, 80)
    assert "\x1b[37;41m" in printed(report, 80, color=True)  # white on red
    assert "without a sandbox" not in printed(ordinary(), 80)


def test_a_partial_run_is_no_mark() -> None:
    report = dataclasses.replace(ordinary(), partial_run="--only vae.kl_loss")
    assert "Partial run (--only vae.kl_loss): the totals are not a mark." in printed(report, 80)


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_text_is_neither_markup_nor_escape(width: int) -> None:
    text = printed(hostile(), width)
    assert not any(mark in text for mark in ("\x1b", "\x9b", "\x07", "\x08", "\x00", "\u202e", "\r"))
    assert "[red]bold[/red][/]" in words(text)
    assert "Score: 100" not in text
    assert len(text) < 60_000
    text.encode("utf-8")


def test_an_empty_report_has_a_dash_for_a_total() -> None:
    assert "– points of what was judged" in printed(dataclasses.replace(ordinary(), outcomes=()), 80)


def test_a_status_is_not_told_by_colour_alone() -> None:
    assert len({MARKS[status] for status in Status}) == len(Status)
