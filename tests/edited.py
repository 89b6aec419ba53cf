"""Submissions that are the reference with a few edits: how mutants and variants are written down."""

import ast
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grading.assignments import Assignment
from grading.intake.modules import module_of

HERE = Path(__file__).parent
Case = dict[str, Any]


def cases(room: str, assignment: str) -> list[Case]:
    """The cases in every file of tests/<room>/<assignment>/, each with the `rows` that its file says it is about."""
    found = []
    for file in sorted((HERE / room / assignment).glob("*.toml")):
        content = tomllib.loads(file.read_text())
        found += [{"rows": content.get("rows", [""]), **case} for case in content.get(room.rstrip("s"), [])]
    return found


def edited(assignment: Assignment, folder: Path, together: Sequence[Case]) -> Path:
    """The reference's files with the edits of one or several cases, each of which must fit exactly one place.

    A notebook that is built from a script is handed in as that script.
    """
    names = [module_of(row.name) if row.kind == "script" else row.name for row in assignment.rubric.files]
    there = [name for name in names if (assignment.reference / name).exists()]
    assert {case["file"] for case in together} <= set(there)
    for name in there:
        content = (assignment.reference / name).read_bytes()
        for case in together:
            if case["file"] == name:
                content = replaced(content.decode(), case).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def edits(case: Case) -> list[list[str]]:
    """What a case replaces, and by what."""
    first = [[case["old"], case["new"]]] if "old" in case else []
    return [*first, *case.get("edits", [])]


def replaced(source: str, case: Case) -> str:
    """The source after the edits."""
    for old, new in edits(case):
        assert source.count(old) == 1, f"{case['name']}: {source.count(old)} places read {old!r}"
        source = source.replace(old, new)
    return source


def edit_other_lines(one: Case, other: Case) -> bool:
    """Whether the two can be made in one submission: in other files, or in other lines of the same."""
    return one["file"] != other["file"] or not any(
        set(old.splitlines()) & set(other_old.splitlines()) or old in other_old or other_old in old
        for old, _ in edits(one)
        for other_old, _ in edits(other)
    )


def edit_other_definitions(assignment: str, one: Case, other: Case) -> bool:
    """Whether the two are in other files, or in other functions and classes of the same."""
    return one["file"] != other["file"] or not definitions(assignment, one) & definitions(assignment, other)


def definitions(assignment: str, case: Case) -> set[str]:
    """The functions and classes at the top of the file that a case edits; "" for what lies between them."""
    source = (HERE.parent / "reference" / assignment / case["file"]).read_text()
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    found = set()
    for old, _ in edits(case):
        first = source[: source.index(old)].count("\n") + 1
        last = first + old.rstrip("\n").count("\n")
        found |= {node.name for node in nodes if node.lineno <= last and first <= (node.end_lineno or 0)} or {""}
    return found


def grouped(every: Sequence[Case], apart: Callable[[Case, Case], bool]) -> list[list[Case]]:
    """Cases that can share a submission, as few groups as a first fit finds: any two of a group are `apart`."""
    groups: list[list[Case]] = []
    for case in every:
        for group in groups:
            if all(apart(case, other) for other in group):
                group.append(case)
                break
        else:
            groups.append([case])
    return groups
