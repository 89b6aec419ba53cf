"""Stubs are built from the reference: what lies between `# BEGIN SOLUTION` and `# END SOLUTION` is left for the student."""

import json
import textwrap
from pathlib import Path
from typing import Any

import nbformat
from nbformat.validator import iter_validate

from grading.assignments import Assignment
from grading.errors import RubricError

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
PYTHON = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


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


def stub_notebook(text: str, name: str = "notebook") -> str:
    """The notebook with its code cells as stubs, and without what running it left there: outputs, counts, metadata.

    Cells keep their ids, so the same notebook gives the same bytes. Raises RubricError for one that is malformed.
    """
    notebook = _notebook(text, name)
    notebook.metadata = PYTHON
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.source = stub(cell.source, f"{name}, cell {number}").removesuffix("\n")
            cell.outputs, cell.execution_count = [], None
    written: str = nbformat.writes(notebook)
    return f"{written}\n"


def _notebook(text: str, name: str) -> Any:
    """Reads a notebook, once it is sure that reading mends nothing: a mended cell gets an id by chance."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise RubricError(f"{name} is not JSON: {error}") from None
    flaw = next(iter_validate(content, version=4, version_minor=5), None)
    if flaw is not None:
        raise RubricError(f"{name} is not a notebook of format 4.5: {flaw.message[:200]}")
    ids = [cell["id"] for cell in content["cells"]]
    _require(len(ids) == len(set(ids)), f"{name}: two cells have the same id")
    return nbformat.reads(text, as_version=4)


def _instead(indent: str) -> str:
    """In a body: an error that says it is still to do. Outside: room for functions and classes of the student's own."""
    text = "# YOUR CODE HERE\nraise NotImplementedError\n" if indent else "# YOUR CODE HERE, if you need more\n"
    return textwrap.indent(text, indent)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RubricError(message)


def stubs(assignment: Assignment) -> dict[str, str]:
    """Every code file and notebook of the assignment, by name, as students get it."""
    names = [row.name for row in assignment.rubric.files if row.kind != "weights"]
    return {name: _built((assignment.reference / name).read_text(encoding="utf-8"), name) for name in names}


def _built(text: str, name: str) -> str:
    return stub_notebook(text, name) if name.endswith(".ipynb") else stub(text, name)


def write(assignment: Assignment) -> list[Path]:
    """Writes the stubs of one assignment; returns the files."""
    written = []
    for name, text in stubs(assignment).items():
        (assignment.stub / name).parent.mkdir(parents=True, exist_ok=True)
        (assignment.stub / name).write_text(text, encoding="utf-8")
        written.append(assignment.stub / name)
    return written
