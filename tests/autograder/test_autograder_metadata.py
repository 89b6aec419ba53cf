"""submission_metadata.json, in every form that it may come in."""

import json
from pathlib import Path
from typing import Any

import pytest

from grading.autograder.metadata import Metadata, read

WHOLE: dict[str, Any] = {
    "id": 123456,
    "created_at": "2018-07-01T14:22:32.365935-07:00",
    "assignment": {"due_date": "2018-07-31T23:00:00.000000-07:00", "group_size": None, "total_points": "20.0"},
    "users": [{"email": "student@example.com", "id": 1234, "name": "Student User"}],
    "previous_submissions": [
        {"submission_time": "x", "score": 0.0, "autograder_error": True, "results": {}},
        {"score": 5.0, "results": {"extra_data": {"assignment": "a", "items": {}}}},
        {"score": None, "results": None},
    ],
}


def told(content: object, folder: Path) -> Metadata:
    (folder / "metadata.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return read(folder / "metadata.json")


def test_what_is_used_is_read(tmp_path: Path) -> None:
    before = {"assignment": "a", "items": {}}
    assert told(WHOLE, tmp_path) == Metadata("123456", "2018-07-01T14:22:32.365935-07:00", 20.0, before)


def test_people_are_not_read(tmp_path: Path) -> None:
    assert "tudent" not in repr(told(WHOLE, tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        "[" * 100_000,
        "\\ud800",
        '{"id": NaN}',
        {},
        dict.fromkeys(WHOLE),
        {"assignment": [], "previous_submissions": {"a": 1}, "id": [], "created_at": {}},
        {"assignment": {"total_points": "many"}, "previous_submissions": [None, 3, {"results": [1]}]},
        {"assignment": {"total_points": None}, "previous_submissions": [{"results": {"extra_data": "x"}}]},
        {"assignment": {"total_points": float("inf")}, "id": True, "new": {"deep": [{}]}},
        {"assignment": {"total_points": 10**400}},
    ],
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(content: object, tmp_path: Path) -> None:
    assert told(content, tmp_path) == Metadata()


def test_without_the_file_there_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing.json") == Metadata() == read(tmp_path)
