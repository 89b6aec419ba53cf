"""Imports point one way: from what knows the order of things down to what knows nothing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    {"__main__"},
    {"redteam", "autograder", "bundle", "turns"},
    {"grade", "judging", "twin", "doctor", "report", "assignments", "stubs", "places"},
    {"checks", "metrics"},
    {"subjects", "assets"},
    {"sandbox", "intake", "rubric", "credit", "budget", "seeds"},
    {"records", "errors"},
]
DEPTH = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}
INSIDE = "grading/sandbox/inside/"
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "grading").rglob("*.py"))


def imports(source: str) -> set[str]:
    """The dotted name of everything that a module imports, at the top or anywhere else."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            found |= {f"{origin}.{alias.name}" if node.module else origin + alias.name for alias in node.names}
    return found


def breaches(file: str, source: str) -> list[str]:
    """What a module imports and should not. `file`: "grading/checks/compare.py"."""
    room = file.split("/")[1].removesuffix(".py")
    allowed = {"report": {"report", "records"}}.get(room)
    wrong = []
    for name in sorted(imports(source)):
        first, *rest = name.split(".")
        if file.startswith(INSIDE) and name.startswith(".") and not name.startswith(".."):
            continue  # what runs in a box goes there as a package, and knows itself only so
        if first in ("", "reference", "rubrics", "student_stub", "tests"):  # "": relative, so hidden from this test
            wrong.append(name)
        elif first == "grading" and rest and room != "__init__":
            target = rest[0]
            known = target in DEPTH and room in DEPTH
            if not known or DEPTH[target] < DEPTH[room] or (allowed and target not in allowed):
                wrong.append(name)
            if file.startswith(INSIDE):
                wrong.append(name)
    return wrong


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file: str) -> None:
    assert breaches(file, (ROOT / file).read_text()) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("grading/checks/new.py", "from grading.grade import grade"),
        ("grading/checks/new.py", "from grading import grade"),
        ("grading/checks/new.py", "def f():\n    import grading.report.page"),
        ("grading/metrics/new.py", "from grading.assignments import load"),
        ("grading/credit.py", "from grading.checks.compare import close"),
        ("grading/records.py", "from grading.credit import Ramp"),
        ("grading/errors.py", "import grading.subjects"),
        ("grading/sandbox/box.py", "from grading.subjects import Submission"),
        ("grading/intake/taking.py", "from grading.assets import load"),
        ("grading/report/page.py", "from grading.credit import Ramp"),
        ("grading/report/page.py", "from grading.errors import GradingError"),
        ("grading/sandbox/inside/worker.py", "from grading.errors import BadAnswer"),
        ("grading/sandbox/inside/worker.py", "from grading.sandbox import wire"),
        ("grading/sandbox/inside/worker.py", "from .. import wire"),
        ("grading/checks/new.py", "import reference.cmput328_a5"),
        ("grading/checks/new.py", "from rubrics.cmput328_a5 import probes"),
        ("grading/checks/new.py", "from student_stub import x"),
        ("grading/checks/new.py", "from . import compare"),
        ("grading/checks/new.py", "from grading.utils import x"),
        ("grading/unknown.py", "from grading.errors import GradingError"),
    ],
)
def test_the_test_can_fail(file: str, source: str) -> None:
    assert breaches(file, source)


def test_every_room_has_a_layer() -> None:
    rooms = {file.split("/")[1].removesuffix(".py") for file in FILES} - {"__init__"}
    assert rooms == set(DEPTH)
