"""What changed since the last grading, from records that may hold anything."""

from typing import Any

import pytest

from grading.report.regrade import changed


def record(assignment: str = "a", **rows: Any) -> dict[str, object]:
    return {"assignment": assignment, "items": rows}


def row(points: object, status: str = "passed") -> dict[str, object]:
    return {"points": points, "status": status}


def test_items_with_other_points_are_listed() -> None:
    before = record(same=row(1.0), more=row(0.0, "failed"), less=row(4), gone=row(3), first=row(None, "unscored"))
    now = record(same=row(1), more=row(2.0), less=row(1.5, "partial"), new=row(3), first=row(0.0, "failed"))
    assert changed(before, now) == [
        {"item": "more", "before": 0.0, "now": 2.0},
        {"item": "less", "before": 4, "now": 1.5},
        {"item": "first", "before": None, "now": 0.0},
    ]


def test_rows_that_are_still_to_come_have_not_changed() -> None:
    assert changed(record(x=row(3.0)), record(x=row(None, "unscored"))) == []


def test_another_assignment_is_not_compared() -> None:
    assert changed(record("b", x=row(1)), record("a", x=row(2))) == []


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"assignment": "a"},
        record(x=3),
        record(x={"points": "5"}),
        record(x=row(True)),
        {"assignment": "a", "items": [1]},
    ],
)
def test_a_record_that_cannot_be_read_changes_nothing(before: dict[str, object]) -> None:
    assert changed(before, record(x=row(2))) == []
