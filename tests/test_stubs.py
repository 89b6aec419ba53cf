"""Stubs are build products of the reference, and promise what the reference keeps."""

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grading import assignments, stubs
from grading.errors import RubricError

IDS = assignments.ids()
FILES = [(name, file) for name in IDS for file in stubs.stubs(assignments.load(name))]

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


# ---------------------------------------------------------------- what is in student_stub


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{path.parents[1].name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    there = {path.name: path.read_bytes() for path in assignment.stub.glob("*.py")}
    assert there == {file: text.encode() for file, text in stubs.stubs(assignment).items()}, "run make stubs"


def test_write_writes_what_stubs_builds(tmp_path: Path) -> None:
    assignment = assignments.load(IDS[0])
    moved = assignments.Assignment(
        assignment.id, assignment.rubric, assignment.reference, assignment.probes, tmp_path / "new" / "stub"
    )
    written = stubs.write(moved)
    assert {path.name: path.read_text() for path in written} == stubs.stubs(assignment)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_signatures_are_the_references(name: str, file: str) -> None:
    assignment = assignments.load(name)
    stub, reference = load(assignment.stub / file), load(assignment.reference / file)
    promised, kept = dict(_signatures(stub)), dict(_signatures(reference))
    assert promised, "a stub that asks for nothing"
    assert promised == {key: kept.get(key) for key in promised}
    for key in promised:
        if "." in key:
            first = key.partition(".")[0]
            assert [base.__name__ for base in vars(stub)[first].__bases__] == [
                base.__name__ for base in vars(reference)[first].__bases__
            ]


def _signatures(module: ModuleType) -> Iterator[tuple[str, str]]:
    for key, function, _ in functions(module):
        yield key, str(inspect.signature(function)).replace(f"{module.__name__}.", "")


@pytest.mark.parametrize(("name", "file"), FILES)
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


@pytest.mark.parametrize(("name", "file"), FILES)
def test_bodies_are_still_to_do(name: str, file: str) -> None:
    for key, function, owner in functions(load(assignments.load(name).stub / file)):
        given = [owner.__new__(owner)] if owner else []
        required = [
            parameter
            for parameter in list(inspect.signature(function).parameters.values())[len(given) :]
            if parameter.default is inspect.Parameter.empty
        ]
        with pytest.raises(NotImplementedError):
            function(*given, *[None] * len(required))
            pytest.fail(f"{key} does something")


@pytest.mark.parametrize(("name", "file"), FILES)
def test_every_function_tells_what_it_is_for(name: str, file: str) -> None:
    module = load(assignments.load(name).stub / file)
    assert [key for key, function, _ in functions(module) if not inspect.getdoc(function)] == []
