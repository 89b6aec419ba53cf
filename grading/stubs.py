"""Stubs are built from the reference: what lies between `# BEGIN SOLUTION` and `# END SOLUTION` is left for the student."""

import textwrap
from pathlib import Path

from grading.assignments import Assignment
from grading.errors import RubricError

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


def stub(source: str, name: str = "source") -> str:
    """The source without its solutions. Signatures, types and docstrings survive; bodies raise NotImplementedError.

    Raises RubricError for markers that are unbalanced, nested, or of different indentation.
    """
    kept: list[str] = []
    opened: str | None = None
    for number, line in enumerate(source.splitlines(keepends=True), start=1):
        if line.strip() == BEGIN:
            _require(opened is None, f"{name}, line {number}: a solution begins inside another")
            opened = line[: len(line) - len(line.lstrip())]
            kept.append(_instead(opened))
        elif line.strip() == END:
            _require(
                opened is not None and line.startswith(f"{opened}{END}"),
                f"{name}, line {number}: this ends no solution",
            )
            opened = None
        elif opened is None:
            kept.append(line)
    _require(opened is None, f"{name}: a solution does not end")
    return "".join(kept)


def _instead(indent: str) -> str:
    """In a body: an error that says it is still to do. Outside: room for functions and classes of the student's own."""
    text = "# YOUR CODE HERE\nraise NotImplementedError\n" if indent else "# YOUR CODE HERE, if you need more\n"
    return textwrap.indent(text, indent)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RubricError(message)


def stubs(assignment: Assignment) -> dict[str, str]:
    """Every code file of the assignment, by name, as students get it."""
    names = [row.name for row in assignment.rubric.files if row.kind != "weights"]
    return {name: stub((assignment.reference / name).read_text(encoding="utf-8"), name) for name in names}


def write(assignment: Assignment) -> list[Path]:
    """Writes the stubs of one assignment; returns the files."""
    written = []
    for name, text in stubs(assignment).items():
        (assignment.stub / name).parent.mkdir(parents=True, exist_ok=True)
        (assignment.stub / name).write_text(text, encoding="utf-8")
        written.append(assignment.stub / name)
    return written
