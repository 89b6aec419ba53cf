"""results.json as it hangs there: valid at every moment, and final once the board is closed."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grading import assignments
from grading.autograder.board import Board
from grading.autograder.metadata import Metadata
from grading.grade import not_graded
from grading.records import Report, Status

SCHEMA = json.loads((assignments.ROOT / "tests/report/results.schema.json").read_text())
ROWS = not_graded(assignments.load("ift6135_a3"))
FIRST = Report("ift6135_a3", "t", "submission", "2026-01-01T00:00:00+00:00", 0.0, "bubblewrap", True, ROWS)


def after(count: int) -> Report:
    """The report once so many rows are judged."""
    done = [
        dataclasses.replace(each, status=Status.PASSED, points=each.max_points, verdicts=()) for each in ROWS[:count]
    ]
    return dataclasses.replace(FIRST, outcomes=(*done, *ROWS[count:]))


def hanging(folder: Path) -> Any:
    content = json.loads((folder / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    return content


def test_it_hangs_from_the_beginning_and_after_every_row(tmp_path: Path) -> None:
    board = Board(tmp_path / "results.json", Metadata(), FIRST)
    content = hanging(tmp_path)
    assert content["score"] == 0 and "stands in for a mark and is none" in content["output"]
    board.show(after(2))
    content = hanging(tmp_path)
    assert "score" not in content and [test.get("score") for test in content["tests"][:3]] == [6, 6, None]
    judged = sum(row.status is not Status.MANUAL for row in ROWS)
    assert board.so_far() == f"2 of {judged} rows"


def test_once_closed_it_stays_as_it_is(tmp_path: Path) -> None:
    board = Board(tmp_path / "results.json", Metadata(), FIRST)
    board.show(after(1))
    board.close("The time ran out.")
    board.show(after(5))
    content = hanging(tmp_path)
    assert "The time ran out." in content["output"]
    assert sum("score" in test for test in content["tests"]) == 1


def test_staff_and_regrades_find_what_they_need_in_the_extra_data(tmp_path: Path) -> None:
    before = {"assignment": "ift6135_a3", "items": {ROWS[0].item: {"points": 1, "status": "partial"}}}
    board = Board(tmp_path / "results.json", Metadata("12", "then", 100.0, before), FIRST)
    board.note("the points differ")
    board.show(after(1))
    data = hanging(tmp_path)["extra_data"]
    assert data["changed"] == [{"item": ROWS[0].item, "before": 1, "now": 6}]
    assert (data["submission"], data["submitted"], data["staff"]) == ("12", "then", ["the points differ"])
    assert "the points differ" not in hanging(tmp_path)["output"]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    board = Board(tmp_path / "results.json", Metadata(), FIRST)
    old = (tmp_path / "results.json").read_text()
    with pytest.raises(TypeError):
        board.show(dataclasses.replace(FIRST, outcomes=None))  # type: ignore[arg-type]
    assert (tmp_path / "results.json").read_text() == old
