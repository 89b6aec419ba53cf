"""Submissions that are the reference with a few edits: how mutants and variants are written down."""

import tomllib
from pathlib import Path
from typing import Any

from grading.assignments import Assignment

HERE = Path(__file__).parent


def cases(room: str, assignment: str) -> list[dict[str, Any]]:
    """The rows of every file in tests/<room>/<assignment>/."""
    files = sorted((HERE / room / assignment).glob("*.toml"))
    return [case for file in files for case in tomllib.loads(file.read_text()).get(room.rstrip("s"), [])]


def edited(assignment: Assignment, folder: Path, case: dict[str, Any]) -> Path:
    """The reference's files with the case's edits, each of which must fit exactly one place."""
    folder.mkdir(parents=True)
    there = [row.name for row in assignment.rubric.files if (assignment.reference / row.name).exists()]
    assert case["file"] in there
    for name in there:
        content = (assignment.reference / name).read_bytes()
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(replaced(content.decode(), case).encode() if name == case["file"] else content)
    return folder


def replaced(source: str, case: dict[str, Any]) -> str:
    """The source after the edits."""
    first = [[case["old"], case["new"]]] if "old" in case else []
    for old, new in [*first, *case.get("edits", [])]:
        assert source.count(old) == 1, f"{case['name']}: {source.count(old)} places read {old!r}"
        source = source.replace(old, new)
    return source
