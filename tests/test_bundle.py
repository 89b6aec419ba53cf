"""The zip for Gradescope: all that is needed, nothing else, and the same bytes every time."""

import shutil
import zipfile
from pathlib import Path

import pytest

from grading import assignments
from grading.assignments import ROOT
from grading.autograder.settings import Settings
from grading.bundle import Bundle, bundle
from grading.errors import StaffError

NAMES = assignments.ids()
OTHERS = {"cmput328_a5": "mnist", "ift6135_a3": "fashion_mnist"}


def made(name: str, folder: Path, root: Path = ROOT) -> Bundle:
    return bundle(assignments.load(name, root), Settings(assignment=name), folder, root)


def entries(path: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {entry.filename: entry for entry in archive.infolist()}


@pytest.mark.parametrize("name", NAMES)
def test_the_two_scripts_lie_at_its_root_and_can_be_run(name: str, tmp_path: Path) -> None:
    found = entries(made(name, tmp_path).path)
    assert {entry for entry in found if "/" not in entry} == {"setup.sh", "run_autograder", "autograder.toml"}
    for script in ("setup.sh", "run_autograder"):
        assert found[script].external_attr >> 16 == 0o100755
        with zipfile.ZipFile(tmp_path / f"{name}-autograder.zip") as archive:
            assert archive.read(script).startswith(b"#!/usr/bin/env bash\n")


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_one_assignment_and_nothing_else(name: str, tmp_path: Path) -> None:
    found = entries(made(name, tmp_path).path)
    parts = {part for entry in found for part in entry.split("/")}
    assert not parts & {*(other for other in NAMES if other != name), "tests", "__pycache__", ".git", "train.py", "out"}
    assert not parts & {OTHERS.get(name)}
    assert {entry.split("/")[1] for entry in found if entry.startswith("elbograde/")} == {
        "grading", "reference", "rubrics", "student_stub", "constraints.txt", "pyproject.toml", "LICENSE",
    }  # fmt: skip
    weights = {row.name for row in assignments.load(name).rubric.files if row.kind == "weights"}
    assert not parts & weights


@pytest.mark.parametrize("name", NAMES)
def test_what_it_holds_is_an_assignment_that_can_be_loaded(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(made(name, tmp_path).path) as archive:
        archive.extractall(tmp_path)
    inner = tmp_path / "elbograde"
    assert assignments.ids(inner) == [name]
    there = assignments.load(name, inner)
    assert there.rubric == assignments.load(name).rubric
    for row in there.rubric.files:
        assert row.kind == "weights" or (there.reference / row.name).is_file()
        assert row.kind == "weights" or (there.stub / row.name).is_file()
    assert (inner / "grading/assets" / there.rubric.assets / "manifest.json").is_file()


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    once, again = made(NAMES[0], tmp_path / "a"), made(NAMES[0], tmp_path / "b")
    assert once.path.read_bytes() == again.path.read_bytes()
    assert once.size == once.path.stat().st_size and once.count == len(entries(once.path))
    assert list(entries(once.path)) == sorted(entries(once.path))
    assert {entry.date_time for entry in entries(once.path).values()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_editors_and_python_leave_behind_stays_out(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for room in ("grading", "rubrics", "reference", "student_stub", "scripts"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("*.safetensors", "*.pt", "*.pkl"))
    before = made(NAMES[0], tmp_path / "a", root).path.read_bytes()
    for odd in ("__pycache__/x.py", ".env", "y.swp", ".git/config"):
        (root / "grading" / odd).parent.mkdir(exist_ok=True)
        (root / "grading" / odd).write_text("secret")
    (root / "rubrics" / NAMES[0] / "link.toml").symlink_to("/etc/passwd")
    assert made(NAMES[0], tmp_path / "b", root).path.read_bytes() == before


def test_without_the_scripts_there_is_no_zip(tmp_path: Path) -> None:
    with pytest.raises(StaffError, match=r"has no setup\.sh and no run_autograder"):
        bundle(assignments.load(NAMES[0]), Settings(assignment=NAMES[0]), tmp_path, tmp_path)


def test_an_item_that_does_not_exist_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StaffError, match=r"did you mean vae\.forward"):
        bundle(assignments.load("cmput328_a5"), Settings(assignment="cmput328_a5", only=("vae.forwrd",)), tmp_path)
    assert not list(tmp_path.iterdir())
