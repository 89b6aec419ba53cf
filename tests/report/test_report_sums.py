"""Totals, parts, axes, and what is taken out of a report before it is shown."""

import base64
import math

import numpy as np
import pytest
from report_hostile import hostile
from report_pictures import png
from report_samples import ordinary, row

from grading.records import Measurement, Picture, Report, Status
from grading.report.bars import bar
from grading.report.pictures import inline
from grading.report.presentable import plain_text, presentable
from grading.report.record import dump, record
from grading.report.tally import parts, tally


def test_only_rows_with_a_score_count_and_bonus_is_kept_apart() -> None:
    report = ordinary()
    sums = tally(report.outcomes)
    assert sums.points == pytest.approx(34 + 8 + 0 + 6.67 + 11.36)
    assert sums.max_points == pytest.approx(40 + 8 + 10 + 10 + 16)
    assert (sums.bonus, sums.max_bonus, sums.judged) == (5, 5, 11)
    assert sums.points + sums.bonus == pytest.approx(report.points)
    assert sums.max_points == pytest.approx(report.max_points)


def test_a_judged_zero_counts_and_a_missing_score_does_not() -> None:
    zero, none = row("a", "p", "t", Status.SKIPPED, 4, 0.0), row("b", "p", "t", Status.SKIPPED, 4, None)
    assert tally((zero, none)).max_points == 4
    assert tally((zero, none)).judged == 1


def test_parts_gather_rows_that_are_not_neighbours() -> None:
    outcomes = tuple(row(name, part, name, Status.PASSED, 1, 1.0) for name, part in ("a1", "b1", "a2"))
    report = Report("id", "t", "s", "", 1.0, "b", True, outcomes)
    found = [(part.title, [(r.number, r.outcome.item) for r in part.rows]) for part in parts(report)]
    assert found == [("1", [("1.1", "a"), ("1.2", "b")]), ("2", [("2.1", "a")])]


@pytest.mark.parametrize("points", [math.nan, math.inf, -math.inf])
def test_a_mark_that_is_no_number_becomes_no_mark(points: float) -> None:
    report = Report("id", "t", "s", "", 1.0, "b", True, (row("a", "p", "t", Status.PASSED, 4, points),))
    settled = presentable(report).outcomes[0]
    assert (settled.status, settled.points) == (Status.UNSCORED, None)
    assert "no number" in settled.verdicts[0].message


def test_an_ordinary_report_is_shown_as_it_is() -> None:
    assert presentable(ordinary()) == ordinary()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m \x1b[1;2;3mx", "red x"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
        ("\x9b2Ja\x9d0;t\x9cb", "ab"),
        ("a\x1bcb\x1b(Bc\x1b", "abc"),
        ("50%\r100%\r\ndone", "50%\n100%\ndone"),
        ("a\x00b\x08c\x7fd\x85e", "abcde"),
        ("gnp\u202eexe\u2066\u200f", "gnpexe"),
        ("half \ud800", "half \ufffd"),
        ("tab\tline\nαβγ ✓ 語", "tab\tline\nαβγ ✓ 語"),
    ],
)
def test_text_that_steers_a_terminal_is_taken_out(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_every_text_of_a_report_is_made_plain() -> None:
    shown = dump(record(presentable(hostile())))
    assert "owned" in shown
    assert not any(mark in shown for mark in ("\\u001b", "\x9b", "\\u0000", "\\b", "\u202e", "\\ud800"))


def test_an_unfinished_escape_does_not_swallow_the_lines_after_it() -> None:
    assert plain_text("\x1b]0;never ended\nkept") == "\nkept"


def measured(value: float, low: float, high: float, unit: str = "") -> Measurement:
    return Measurement("m", "m", value, low, high, 50, unit)


def test_percentages_lie_on_an_axis_from_0_to_100() -> None:
    drawn = bar(measured(0.44, 0.31, 0.52, "%"), ())
    assert drawn is not None
    assert (drawn.low, drawn.value, drawn.high, drawn.start, drawn.end) == (31, 44, 52, "0", "100")
    beyond = bar(measured(1.2, 1.1, 1.3, "%"), ())
    assert beyond is not None and beyond.end == "150"


def test_other_axes_begin_at_0_and_end_at_a_round_number_shared_by_a_unit() -> None:
    far, near = measured(6.4, 6.1, 6.8, "FD"), measured(0.3, 0.2, 0.4, "FD")
    alone, together = bar(near, ()), bar(near, (far, near))
    assert alone is not None and together is not None
    assert (alone.end, together.end) == ("0.4", "8")
    assert together.value == pytest.approx(3.75)


def test_an_axis_holds_0_where_the_interval_is_on_both_sides() -> None:
    drawn = bar(measured(-0.3, -2.1, 1.5), ())
    assert drawn is not None
    assert (drawn.start, drawn.end) == ("-3", "1.5")
    assert 0 <= drawn.low < drawn.value < drawn.zero < drawn.high <= 100
    assert drawn.zero == pytest.approx(100 * 3 / 4.5, abs=0.01)


@pytest.mark.parametrize(
    "values",
    [(6.4, 6.4, 6.4), (math.nan, 0, 1), (1, 0, math.inf), (1, 2, 0), (0, -1e-320, 5e-324), (0, -1e308, 1.7e308)],
)
def test_nothing_is_drawn_where_there_is_no_interval(values: tuple[float, float, float]) -> None:
    assert bar(measured(*values), ()) is None


def test_a_picture_keeps_its_width_and_height_and_what_is_no_png_is_refused() -> None:
    wide = png(np.zeros((3, 5), dtype=np.uint8))
    shown = inline(Picture("wide", wide))
    assert shown is not None
    assert (shown.caption, shown.width, shown.height) == ("wide", 5, 3)
    assert base64.b64decode(shown.address.removeprefix("data:image/png;base64,")) == wide
    for refused in (b"", b"\x89PNG\r\n\x1a\n", b"<svg onload=alert(1)>" * 4, b"GIF89a" + wide):
        assert inline(Picture("x", refused)) is None
