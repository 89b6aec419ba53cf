"""Stubs are build products of the reference, and promise what the reference keeps."""

import ast
import contextlib
import importlib
import inspect
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grading import assignments, stubs
from grading.errors import RubricError
from grading.intake import take_in
from grading.intake.modules import module_of
from grading.rubric import FileRow, Rubric

IDS = assignments.ids()
FILES = [(name, file) for name in IDS for file in stubs.stubs(assignments.load(name))]
CODE = [(name, file) for name, file in FILES if file.endswith(".py")]
NOTEBOOKS = [(name, file) for name, file in FILES if file.endswith(".ipynb")]
ROWS = [(name, row) for name in IDS for row in assignments.load(name).rubric.files]
SCRIPTS = [(name, module_of(row.name)) for name, row in ROWS if row.kind == "script"]
TO_WRITE = [*((name, row.name) for name, row in ROWS if row.kind == "code"), *SCRIPTS]

BODY = '''def double(x: int) -> int:
    """Twice x."""
    # BEGIN SOLUTION
    y = 2 * x
    return y
    # END SOLUTION
'''


# ---------------------------------------------------------------- source -> source


def test_a_body_becomes_an_error() -> None:
    kept = 'def double(x: int) -> int:\n    """Twice x."""\n'
    assert stubs.stub(BODY) == kept + "    # YOUR CODE HERE\n    raise NotImplementedError\n"


def test_outside_a_body_there_is_room() -> None:
    found = stubs.stub("import math\n# BEGIN SOLUTION\nanswer = 42\n# END SOLUTION\nlast = 1\n")
    assert found == "import math\n# YOUR CODE HERE, if you need more\nlast = 1\n"


def test_nothing_marked_nothing_changed() -> None:
    assert stubs.stub("x = 1\n\ny = 2") == "x = 1\n\ny = 2"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("# BEGIN SOLUTION\nx = 1\n", "f.py: a solution does not end"),
        ("x = 1\n# END SOLUTION\n", "f.py, line 2: this ends no solution"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION\n# END SOLUTION\n", "line 2: a solution begins inside"),
        ("# BEGIN SOLUTION\n    # END SOLUTION\n", "line 2: this ends no solution"),
        ("    # BEGIN SOLUTION\n# END SOLUTION\n", "line 2: this ends no solution"),
        ("    # BEGIN SOLUTION\n        # END SOLUTION\n", "line 2: this ends no solution"),
        ("# BEGIN SOLUTION\n# END SOLUTION\n# END SOLUTION\n", "line 3: this ends no solution"),
    ],
)
def test_markers_that_do_not_pair_are_an_error(source: str, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        stubs.stub(source, "f.py")


# ---------------------------------------------------------------- notebook -> notebook


def notebook(*cells: dict[str, Any], **changed: Any) -> str:
    numbered = [{"id": f"cell-{number}", "metadata": {}} | cell for number, cell in enumerate(cells)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": numbered} | changed)


def code(source: str | list[str], **changed: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "execution_count": None, "outputs": []} | changed


PROSE = {"cell_type": "markdown", "source": "## Doubling\n\n# BEGIN SOLUTION"}
SEEN = {"output_type": "stream", "name": "stdout", "text": ["42\n"]}


def test_markers_work_in_code_cells_and_prose_stays() -> None:
    found = json.loads(stubs.stub_notebook(notebook(PROSE, code(BODY), code(["x = 1\n", "x"]))))["cells"]
    assert ["".join(cell["source"]) for cell in found] == [PROSE["source"], stubs.stub(BODY).rstrip("\n"), "x = 1\nx"]


def test_what_running_it_left_is_gone() -> None:
    run = code("print(42)", execution_count=7, outputs=[SEEN], metadata={"collapsed": True})
    left = {"kernelspec": {"name": "my-kernel", "display_name": "Mine"}, "widgets": {"state": {}}}
    assert stubs.stub_notebook(notebook(run, metadata=left)) == stubs.stub_notebook(notebook(code("print(42)")))


def test_the_same_notebook_gives_the_same_bytes_and_a_stub_is_its_own_stub() -> None:
    once = stubs.stub_notebook(notebook(PROSE, code(BODY)))
    assert once == stubs.stub_notebook(notebook(PROSE, code(BODY))) == stubs.stub_notebook(once)
    assert once.endswith("}\n") and [cell["id"] for cell in json.loads(once)["cells"]] == ["cell-0", "cell-1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "n.ipynb is not JSON"),
        ("[]", "n.ipynb is not a notebook of format 4.5"),
        ("{}", "n.ipynb is not a notebook of format 4.5: 'metadata' is a required property"),
        (notebook(nbformat=3), "n.ipynb is not a notebook of format 4.5"),
        (notebook(nbformat_minor=4), "n.ipynb is not a notebook of format 4.5: 4 is less than"),
        (notebook(PROSE | {"id": "x" * 65}), "n.ipynb is not a notebook of format 4.5"),
        (notebook({"cell_type": "code"}), "n.ipynb is not a notebook of format 4.5"),
        (notebook(PROSE | {"id": "one"}, code("x", id="one")), "n.ipynb: two cells have the same id"),
        (notebook(PROSE, code("# BEGIN SOLUTION\nx = 1")), "n.ipynb, cell 2: a solution does not end"),
    ],
    ids=range(9),
)
def test_a_malformed_notebook_is_an_error(text: str, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        stubs.stub_notebook(text, "n.ipynb")


@pytest.mark.parametrize(("name", "file"), NOTEBOOKS)
def test_a_notebook_is_the_references_without_outputs(name: str, file: str) -> None:
    assignment = assignments.load(name)
    stub, reference = (
        json.loads((folder / file).read_text())["cells"] for folder in (assignment.stub, assignment.reference)
    )
    assert [cell["id"] for cell in stub] == [cell["id"] for cell in reference]
    for ours, theirs in zip(stub, reference, strict=True):
        assert not ours.get("outputs") and ours.get("execution_count") is None
        assert stubs.BEGIN in "".join(theirs["source"]) or ours["source"] == theirs["source"]


# ---------------------------------------------------------------- script -> notebook

SCRIPT = """# %% [markdown]
# # Doubling
# Twice.

# %%
# %matplotlib inline
import math

# %%
def double(x: int) -> int:
    '''Twice x.'''
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION

# %%
for n in range(3):
    print(double(n))

# %%
print("again")

# %%
print("again")
"""


def outputs(notebook: str) -> list[Any]:
    return ["".join(out["text"]) for cell in json.loads(notebook)["cells"] for out in cell.get("outputs", [])]


def test_a_script_becomes_a_notebook_and_the_same_one_every_time() -> None:
    made = stubs.notebook_of(SCRIPT)
    cells = json.loads(made)["cells"]
    assert made == stubs.notebook_of(SCRIPT) == stubs.notebook_of(SCRIPT, "n.ipynb", made)
    assert [cell["id"] for cell in cells] == [f"cell-{number}" for number in range(1, 7)]
    assert ["".join(cell["source"]) for cell in cells][:2] == ["# Doubling\nTwice.", "%matplotlib inline\nimport math"]
    assert stubs.stub_notebook(made) == stubs.notebook_of(stubs.stub(SCRIPT))


def test_what_a_cell_showed_stays_as_long_as_its_source() -> None:
    run = json.loads(stubs.notebook_of(SCRIPT))
    for number, cell in enumerate(run["cells"][3:], start=1):
        cell["outputs"], cell["execution_count"] = [SEEN | {"text": [f"{number}\n"]}], number
    before = json.dumps(run)
    assert outputs(stubs.notebook_of(SCRIPT, "n.ipynb", before)) == ["1\n", "2\n", "3\n"]
    assert outputs(stubs.notebook_of(SCRIPT.replace("range(3)", "range(4)"), "n.ipynb", before)) == ["2\n", "3\n"]
    assert outputs(stubs.notebook_of(SCRIPT.replace("2 * x", "x + x"), "n.ipynb", before)) == ["1\n", "2\n", "3\n"]
    with pytest.raises(RubricError, match=r"n.ipynb is not JSON"):
        stubs.notebook_of(SCRIPT, "n.ipynb", "broken")


def test_markers_that_go_over_cells_are_an_error() -> None:
    with pytest.raises(RubricError, match="cell 2: a solution does not end"):
        stubs.stub_notebook(stubs.notebook_of("# %%\nx = 1\n\n# %%\n# BEGIN SOLUTION\n\n# %%\n# END SOLUTION\n"), "n")


def test_of_a_row_that_is_a_notebook_its_script_is_what_everything_is_built_from(tmp_path: Path) -> None:
    rows = tuple(FileRow(name=name, kind="script") for name in ("double.ipynb", "other.py"))
    rubric = Rubric(title="t", course="c", seed="s", files=rows, parts=(), items=())
    mine = assignments.Assignment("mine", rubric, tmp_path, tmp_path / "probes.py", tmp_path / "stub")
    for name in ("double.py", "other.py"):
        (tmp_path / name).write_text(SCRIPT)
    written = [path.relative_to(tmp_path).as_posix() for path in stubs.write(mine)]
    assert sorted(written) == ["double.ipynb", "stub/double.ipynb", "stub/double.py", "stub/other.py"]
    assert (tmp_path / "stub" / "double.py").read_text() == stubs.stub(SCRIPT)
    assert (tmp_path / "double.ipynb").read_text() == stubs.notebook_of(SCRIPT) == stubs.notebooks(mine)["double.ipynb"]
    assert (tmp_path / "stub" / "double.ipynb").read_text() == stubs.stub_notebook(stubs.notebook_of(SCRIPT))
    assert set(stubs.stubs(mine)) == {"double.ipynb", "double.py", "other.py"}


# ---------------------------------------------------------------- what is in student_stub


@contextlib.contextmanager
def loaded(folder: Path, file: str) -> Iterator[ModuleType]:
    """One file as a module, with the files beside it to import from; they are forgotten afterwards.

    Of a script, what is lifted out of it.
    """
    if (folder.name, file) in SCRIPTS:
        with lifted_from(folder) as taken, _imported(taken, file) as module:
            yield module
    else:
        with _imported(folder, file) as module:
            yield module


@contextlib.contextmanager
def lifted_from(folder: Path) -> Iterator[Path]:
    """A folder of an assignment as it is taken in."""
    rubric = assignments.load(folder.name).rubric
    with tempfile.TemporaryDirectory() as place:
        taken = Path(place) / folder.name
        take_in(folder, [row.expected() for row in rubric.files], taken)
        yield taken


@contextlib.contextmanager
def _imported(folder: Path, file: str) -> Iterator[ModuleType]:
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(file.removesuffix(".py").replace("/", "."))
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in {path.stem for path in folder.iterdir()}:
                del sys.modules[name]


def functions(module: ModuleType) -> Iterator[tuple[str, Any, type | None]]:
    """Every public function and every method written in a module, with the class it is in."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", "") != module.__name__ or name.startswith("_"):
            continue
        if inspect.isclass(value):
            yield from ((f"{name}.{key}", method, value) for key, method in vars(value).items() if callable(method))
        else:
            yield name, value, None


@pytest.mark.parametrize("name", IDS)
def test_the_files_are_what_the_reference_gives(name: str) -> None:
    assignment = assignments.load(name)
    files = [path for path in assignment.stub.rglob("*.*") if path.suffix in (".py", ".ipynb")]
    there = {path.relative_to(assignment.stub).as_posix(): path.read_bytes() for path in files}
    assert there == {file: text.encode() for file, text in stubs.stubs(assignment).items()}, "run make stubs"
    for file, text in stubs.notebooks(assignment).items():
        assert (assignment.reference / file).read_bytes() == text.encode(), "run make stubs"


def test_write_writes_what_stubs_builds(tmp_path: Path) -> None:
    assignment = assignments.load(IDS[0])
    moved = assignments.Assignment(
        assignment.id, assignment.rubric, assignment.reference, assignment.probes, tmp_path / "new" / "stub"
    )
    written = stubs.write(moved)
    assert {path.name: path.read_text() for path in written} == stubs.stubs(assignment)


@pytest.mark.parametrize(("name", "file"), TO_WRITE)
def test_signatures_are_the_references(name: str, file: str) -> None:
    assignment = assignments.load(name)
    with loaded(assignment.stub, file) as stub:
        promised, bases = dict(_signatures(stub)), _bases(stub)
    with loaded(assignment.reference, file) as reference:
        kept, kept_bases = dict(_signatures(reference)), _bases(reference)
    assert promised, "a stub that asks for nothing"
    assert promised == {key: kept.get(key) for key in promised}
    assert bases == {key: kept_bases[key] for key in bases}


def _bases(module: ModuleType) -> dict[str, list[str]]:
    owners = {owner for _, _, owner in functions(module) if owner}
    return {owner.__name__: [base.__name__ for base in owner.__bases__] for owner in owners}


def _signatures(module: ModuleType) -> Iterator[tuple[str, str]]:
    for key, function, _ in functions(module):
        yield key, str(inspect.signature(function)).replace(f"{module.__name__}.", "")


@pytest.mark.parametrize(("name", "file"), CODE)
def test_what_the_stub_leaves_out_is_a_solution(name: str, file: str) -> None:
    """Nothing public of the reference is missing but what lies between the markers."""
    source = (assignments.load(name).reference / file).read_text()
    inside, solved = False, set()
    for number, line in enumerate(source.splitlines(), start=1):
        inside = (inside or line.strip() == stubs.BEGIN) and line.strip() != stubs.END
        solved |= {number} if inside else set()
    defined = {
        node.name: node.lineno for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    left = {
        node.name for node in ast.parse(stubs.stub(source)).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert left == {key for key, line in defined.items() if line not in solved}


@pytest.mark.parametrize(("name", "file"), CODE)
def test_what_was_a_solution_is_still_to_do_and_nothing_else(name: str, file: str) -> None:
    assignment = assignments.load(name)
    stub, reference = (parsed((folder / file).read_text()) for folder in (assignment.stub, assignment.reference))
    for key, text in stub.items():
        assert ("raise NotImplementedError" in text) == (stubs.BEGIN in reference[key]), key
        assert stubs.BEGIN in reference[key] or text == reference[key], key
    whole = (assignments.load(name).reference / file).read_text()
    assert (stubs.BEGIN in whole) == ((name, file) in TO_WRITE)


def parsed(source: str) -> dict[str, str]:
    """The text of every function, by its name and that of its class."""
    found = {}
    for node in ast.parse(source).body:
        for part in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(part, ast.FunctionDef):
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                found[owner + part.name] = "\n".join(source.splitlines()[part.lineno - 1 : part.end_lineno + 1])
    return found


@pytest.mark.parametrize(("name", "file"), TO_WRITE)
def test_every_function_tells_what_it_is_for(name: str, file: str) -> None:
    with loaded(assignments.load(name).stub, file) as module:
        assert [key for key, function, _ in functions(module) if not inspect.getdoc(function)] == []
