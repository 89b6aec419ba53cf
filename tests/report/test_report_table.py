"""The table of a class, and CSV that a spreadsheet can open without running anything."""

import csv as standard
import dataclasses
import io
import math

import pytest
from report_hostile import hostile
from report_samples import ordinary, row

from grading.records import Status
from grading.report.table import csv, table

OTHER = dataclasses.replace(
    ordinary(),
    submission="b.zip",
    outcomes=(row("vae.kl_loss", "p", "t", Status.PASSED, 6, 6.0), row("new", "p", "t", Status.FAILED, 2, -1.5)),
)


def cells(text: str) -> list[dict[str, str]]:
    return list(standard.DictReader(io.StringIO(text)))


def test_one_row_for_each_submission() -> None:
    frame = table([ordinary(), OTHER])
    assert list(frame["submission"]) == ["mira-okafor.zip", "b.zip"]
    first = frame.iloc[0]
    assert first["points"] == pytest.approx(60.03)
    assert (first["max_points"], first["bonus"], first["max_bonus"]) == (84, 5, 5)
    assert [first[f"rows_{status}"] for status in Status] == [7, 2, 2, 1, 1, 1, 1]


def test_each_item_is_a_column_and_a_missing_score_is_empty_and_not_zero() -> None:
    frame = table([ordinary(), OTHER])
    assert list(frame["item.vae.kl_loss"]) == [0, 6]
    assert math.isnan(frame["item.ddpm.curve"][0])
    assert math.isnan(frame["item.new"][0]) and frame["item.new"][1] == -1.5
    read = cells(csv([ordinary(), OTHER]))
    assert (read[0]["item.ddpm.curve"], read[0]["item.vae.kl_loss"], read[1]["item.new"]) == ("", "0.0", "-1.5")


def test_no_submission_makes_an_empty_table_with_its_columns() -> None:
    assert list(table([]).columns)[:2] == ["submission", "assignment"]
    assert csv([]).startswith("submission,assignment,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "＝", "\x1b[0m=", "\x00="])
def test_no_text_cell_starts_a_formula(start: str) -> None:
    report = dataclasses.replace(ordinary(), submission=f"{start}cmd|' /C calc'!A0", partial_run=f"{start}1")
    cell = cells(csv([report]))[0]
    assert cell["submission"].startswith("'") and cell["partial_run"].startswith("'")


def test_an_ordinary_cell_and_a_negative_number_are_left_alone() -> None:
    cell = cells(csv([OTHER]))[0]
    assert (cell["submission"], cell["item.new"]) == ("b.zip", "-1.5")


def test_hostile_reports_keep_their_rows_and_columns() -> None:
    read = cells(csv([hostile(), ordinary()]))
    assert len(read) == 2
    assert all(None not in line and None not in line.values() for line in read)
    for line in read:
        assert not [text for text in line.values() if text.startswith(("=", "+", "@", "\t", "\r"))]
