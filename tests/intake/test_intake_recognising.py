"""What scripts become, under their names and under others."""

from pathlib import Path

import pytest
from intake_archives import folder_of, zip_of
from test_intake_taking import notebook

from grading import assignments
from grading.errors import AssignmentUnknown, IntakeError
from grading.intake import Intake, take_in
from grading.intake.notebooks import claims
from grading.rubric import FileRow

AE = FileRow(name="AE.ipynb", kind="script", defines=("Autoencoder",))
VAE = FileRow(name="VAE.py", kind="script", defines=("myVAE", "cVAE"), required=False)
CODE = "import math\n\nclass Autoencoder:\n    pi = math.pi\n"
TRAINS = CODE + "\nraise SystemExit('it was run')\n"


def take(folder: Path, files: dict[str, bytes], *rows: FileRow) -> tuple[Intake, dict[str, str]]:
    """What is taken of these files, and what then lies there."""
    expected = [row.expected() for row in rows or (AE, VAE)]
    intake = take_in(folder_of(folder / "work", files), expected, folder / "taken")
    there = [path for path in (folder / "taken").iterdir() if path.suffix != ".txt"]  # scripts as they were handed in
    return intake, {path.name: path.read_text() for path in there}


# ---------------------------------------------------------------- under their names


@pytest.mark.parametrize("row", [AE, FileRow(name="AE.py", kind="script")])
def test_a_notebook_stays_beside_the_module_lifted_out_of_it(tmp_path: Path, row: FileRow) -> None:
    intake, there = take(tmp_path, {"AE.ipynb": notebook("!ls", TRAINS)}, row)
    assert sorted(there) == ["AE.ipynb", "AE.py"]
    exec(there["AE.py"], {})
    assert "import math" in there["AE.py"]
    assert there["AE.ipynb"].encode() == notebook("!ls", TRAINS)
    with pytest.raises(IntakeError, match="without outputs"):
        claims(tmp_path / "taken" / "AE.ipynb", {})
    assert [(file.name, file.source, file.size) for file in intake.files] == [
        (row.name, "AE.ipynb", len(notebook("!ls", TRAINS)))
    ]
    assert intake.notices == (() if row is AE else ("AE.ipynb was taken as AE.py.",))


@pytest.mark.parametrize("row", [AE, FileRow(name="AE.py", kind="script")])
def test_a_script_is_replaced_by_its_module(tmp_path: Path, row: FileRow) -> None:
    intake, there = take(tmp_path, {"AE.py": TRAINS.encode()}, row)
    assert list(there) == ["AE.py"] and "class Autoencoder" in there["AE.py"]
    exec(there["AE.py"], {})
    assert intake.files[0].size == len(TRAINS)
    assert intake.notices == (("AE.py was taken as AE.ipynb.",) if row is AE else ())


def test_of_both_the_rows_own_is_taken_in_silence(tmp_path: Path) -> None:
    intake, there = take(tmp_path, {"AE.ipynb": notebook("n = 1"), "AE.py": b"n = 2"})
    assert "n = 1" in there["AE.py"] and intake.notices == ()


def test_another_name_is_told_in_the_form_that_was_handed_in(tmp_path: Path) -> None:
    intake, there = take(tmp_path, {"AE (1).py": TRAINS.encode(), "vae.PY": b"n = 1"})
    assert sorted(there) == ["AE.py", "VAE.py"]
    assert intake.notices == (
        "vae.PY was taken as VAE.py. Hand it in under exactly this name: VAE.py.",
        "AE (1).py was taken as AE.ipynb. Hand it in under exactly this name: AE.py.",
    )


@pytest.mark.parametrize("content", [b"{}", b"", b'{"cells": [', b"[" * 100_000, b"import math"])
def test_of_a_notebook_that_cannot_be_read_the_module_says_why(tmp_path: Path, content: bytes) -> None:
    intake, there = take(tmp_path, {"AE.ipynb": content, "VAE.py": b"n = 1"})
    assert sorted(there) == ["AE.ipynb", "AE.py", "VAE.py"]
    with pytest.raises(ImportError, match=r"AE\.ipynb is ") as error:
        exec(there["AE.py"], {})
    assert str(error.value) in intake.notices


def test_notes_on_definitions_reach_the_notices(tmp_path: Path) -> None:
    intake, _ = take(tmp_path, {"AE.ipynb": notebook(CODE, CODE), "VAE.py": b"def f(: pass"})
    assert intake.notices == (
        "AE.ipynb: Autoencoder is defined 2 times; the last one, in cell 3, counts.",
        "VAE.py: the cell in line 1 is not Python and was left out (line 1: invalid syntax).",
    )


# ---------------------------------------------------------------- under other names


def test_one_notebook_for_everything_serves_several_rows(tmp_path: Path) -> None:
    merged = notebook(CODE, "class myVAE:\n    n = 1", "train()")
    intake, there = take(tmp_path, {"hw5.ipynb": merged, "visualise.py": b"def show(): pass"})
    assert sorted(there) == ["AE.ipynb", "AE.py", "VAE.ipynb", "VAE.py"]
    assert "class myVAE" in there["VAE.py"] and intake.missing == ()
    assert intake.notices == (
        "hw5.ipynb was taken as AE.ipynb, since it defines Autoencoder. Hand it in under exactly this name: AE.ipynb.",
        "hw5.ipynb was taken as VAE.py, since it defines myVAE. Hand it in under exactly this name: VAE.ipynb.",
        "passed over: visualise.py: nothing that is graded imports it.",
    )


def test_a_file_that_serves_one_row_may_serve_another(tmp_path: Path) -> None:
    for place in ("folder", "zip"):
        files = {"AE.ipynb": notebook(CODE, "class myVAE:\n    n = 1")}
        work = folder_of(tmp_path / place, files) if place == "folder" else zip_of(tmp_path / "w.zip", files)
        expected = [row.expected() for row in (AE, VAE)]
        [notice] = take_in(work, expected, tmp_path / f"taken of {place}").notices
        assert "AE.ipynb was taken as VAE.py, since it defines myVAE" in notice


def test_the_one_that_defines_most_is_taken_then_the_nearest(tmp_path: Path) -> None:
    files = {"a.py": b"class myVAE: a = 1", "b.py": b"class myVAE: b = 1\nclass cVAE: b = 2", "AE.py": b"x = 1"}
    _, there = take(tmp_path, {**files, "old/c.py": files["b.py"] + b"\nc = 3"})
    assert "b = 2" in there["VAE.py"] and "c = 3" not in there["VAE.py"]


def test_of_a_notebook_and_its_export_the_rows_own_form_is_taken(tmp_path: Path) -> None:
    _, there = take(tmp_path, {"hw.ipynb": notebook(CODE), "hw.py": CODE.encode()})
    assert "AE.ipynb" in there


def test_between_equals_only_the_student_can_choose(tmp_path: Path) -> None:
    intake, there = take(tmp_path, {"a.py": CODE.encode(), "b.py": CODE.encode(), "VAE.py": b"n = 1"})
    assert list(there) == ["VAE.py"] and intake.missing == ("AE.ipynb",)
    assert intake.notices == (
        "AE.ipynb is missing, and a.py, b.py define what it should. Keep one, under exactly this name.",
    )


def test_only_definitions_of_the_file_itself_count(tmp_path: Path) -> None:
    files = {"a.py": b"from b import Autoencoder\nAutoencoder = 1\nx = 'class Autoencoder'", "broken.ipynb": b"{"}
    with pytest.raises(IntakeError, match="none of the expected files"):
        take(tmp_path, files)


def test_a_name_that_fits_goes_before_definitions(tmp_path: Path) -> None:
    _, there = take(tmp_path, {"AE.py": CODE.encode() + b"n = 1", "other.py": CODE.encode()})
    assert "n = 1" in there["AE.py"]


def test_but_not_where_it_defines_nothing_and_another_defines_all(tmp_path: Path) -> None:
    intake, there = take(tmp_path, {"AE.ipynb": notebook("n = 1"), "other.py": CODE.encode()})
    assert "class Autoencoder" in there["AE.py"]
    assert "AE.ipynb could be AE.ipynb as well, but other.py defines more of what is asked for" in intake.notices[0]


def test_what_is_imported_is_not_missed(tmp_path: Path) -> None:
    row = FileRow(name="vae.py", kind="code", defines=("VAE",))
    for first in (b"from work import VAE", b"from work import *"):
        folder = tmp_path / first.decode()[-3:].replace("*", "star")
        intake, there = take(folder, {"vae.py": first, "work.py": b"class VAE: pass"}, row)
        assert there["vae.py"].encode() == first
        assert intake.notices == ("work.py was taken in too: vae.py imports it.",)


# ---------------------------------------------------------------- which assignment

RUBRIC = """title = "t"
course = "c"
seed = "s"
items = []

[[files]]
name = "{name}"
kind = "script"
defines = ["{defines}"]

[[parts]]
id = "p"
title = "p"
points = 0
"""


def test_an_assignment_is_recognised_by_what_is_defined_where_no_name_fits(tmp_path: Path) -> None:
    for name, defines in {"one": "Autoencoder", "two": "myVAE"}.items():
        text = RUBRIC.format(name=f"{name}.ipynb", defines=defines)
        folder_of(tmp_path / "rubrics" / name, {"rubric.toml": text.encode(), "probes.py": b""})
        (tmp_path / "reference" / name).mkdir(parents=True)
    both = notebook(CODE, "class myVAE: pass")
    assert assignments.recognise(folder_of(tmp_path / "a", {"hw.ipynb": notebook(CODE)}), tmp_path) == "one"
    assert assignments.recognise(folder_of(tmp_path / "b", {"two.py": CODE.encode()}), tmp_path) == "two"
    with pytest.raises(AssignmentUnknown, match="fits one and two"):
        assignments.recognise(folder_of(tmp_path / "c", {"hw.ipynb": both}), tmp_path)
    with pytest.raises(AssignmentUnknown, match="holds no file of any assignment"):
        assignments.recognise(folder_of(tmp_path / "d", {"hw.ipynb": notebook("x = 1")}), tmp_path)


def test_only_a_script_has_an_ending_of_its_own_and_definitions() -> None:
    with pytest.raises(ValueError, match=r"ends in .ipynb or .py"):
        FileRow(name="vae.txt", kind="script")
    with pytest.raises(ValueError, match="only code"):
        FileRow(name="vae.pt", kind="weights", defines=("VAE",))
