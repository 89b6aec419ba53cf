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


def notebook_of(script: str, name: str = "script", before: str = "") -> str:
    """The notebook that a script in the percent format stands for: `# %%` begins a cell, `# %% [markdown]` one of prose.

    before: the notebook as it was; what a cell showed stays as long as its source does. Cells are numbered, so the same
    script gives the same bytes. Raises RubricError where the one before is malformed.
    """
    import jupytext  # slow to import, and not needed for grading

    notebook = jupytext.reads(script, "py:percent")
    notebook.metadata, notebook.nbformat, notebook.nbformat_minor = PYTHON, 4, 5
    shown = _shown(before, name) if before else {}
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "code":
            known = shown.get(cell.source) or [([], None)]
            cell.outputs, cell.execution_count = known.pop(0)
    written: str = nbformat.writes(notebook)
    return f"{written}\n"


def _shown(before: str, name: str) -> dict[str, list[tuple[Any, Any]]]:
    """By source, what each of the cells showed that have it, and when."""
    shown: dict[str, list[tuple[Any, Any]]] = {}
    for cell in _notebook(before, name).cells:
        if cell.cell_type == "code":
            shown.setdefault(cell.source, []).append((cell.outputs, cell.execution_count))
    return shown


def notebooks(assignment: Assignment) -> dict[str, str]:
    """The reference's notebooks that are built from scripts of their name, which are what one edits."""
    built = {}
    for row in assignment.rubric.files:
        if row.kind == "script" and row.name.endswith(".ipynb"):
            there = assignment.reference / row.name
            before = there.read_text(encoding="utf-8") if there.exists() else ""
            built[row.name] = notebook_of(_source(assignment, _script(row.name)), row.name, before)
    return built


def stubs(assignment: Assignment) -> dict[str, str]:
    """Every code file, script and notebook of the assignment, by name, as students get it."""
    built = notebooks(assignment)
    found = {name: stub_notebook(text, name) for name, text in built.items()}
    names = [row.name for row in assignment.rubric.files if row.kind != "weights" and row.name not in built]
    for name in (*map(_script, built), *names):
        text = _source(assignment, name)
        found[name] = stub_notebook(text, name) if name.endswith(".ipynb") else stub(text, name)
    return found


def _script(notebook: str) -> str:
    return f"{notebook.removesuffix('.ipynb')}.py"


def _source(assignment: Assignment, name: str) -> str:
    return (assignment.reference / name).read_text(encoding="utf-8")


def write(assignment: Assignment) -> list[Path]:
    """Writes the notebooks of the reference that are built from scripts, and the stubs; returns the files."""
    built = {assignment.reference / name: text for name, text in notebooks(assignment).items()}
    built |= {assignment.stub / name: text for name, text in stubs(assignment).items()}
    for path, text in built.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(built)
