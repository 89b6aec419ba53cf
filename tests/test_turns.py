"""Several submissions in one run: whatever becomes of one, the others are graded, and it is told of each."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grading import __main__, grade
from grading.assignments import ROOT
from grading.places import LONGEST, places, refuse_unwritable, safe

SOURCE = ROOT / "reference" / "cmput328_a5" / "A5_vae_submission.py"
HONEST = ("one", "two", "three", "four", "five", "six", "seven")


def handed_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(SOURCE, folder)
    return folder


def graded(*words: object) -> tuple[int, str]:
    """The exit code and all that was said, on one line."""
    done = CliRunner().invoke(__main__.app, ["grade", "--only", "vae.kl_loss", *map(str, words)])
    return done.exit_code, " ".join(done.output.split())


def totals(out: Path) -> dict[str, float]:
    """The points of every submission that has results."""
    return {path.parent.name: json.loads(path.read_text())["points"] for path in out.glob("*/report.json")}


def test_three_poisoned_of_ten_cost_the_other_seven_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cannot be recognised, one is an archive that is refused, over one the judge breaks."""
    paths = [handed_in(tmp_path / name) for name in HONEST]
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "climbs.zip", "w") as archive:
        archive.write(SOURCE, "../A5_vae_submission.py")
    breaks = handed_in(tmp_path / "breaks [/red]\x1b[31m")

    def breaking(assignment: object, path: Path, *rest: object) -> object:
        if path == breaks:
            raise UnicodeError("punycode \x1b[2J")
        return grade.grade(assignment, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(__main__, "grade", breaking)
    mixed = [tmp_path / "empty", *paths[:3], breaks, *paths[3:], tmp_path / "climbs.zip"]
    code, said = graded("--out", tmp_path / "out", *mixed)
    assert code == 2
    assert totals(tmp_path / "out") == dict.fromkeys(HONEST, 5.0)
    assert "10 submissions: 7 graded, 3 not graded" in said
    _, end = said.split("10 submissions")
    for words in ("empty – not graded: empty holds no file", "– not graded: the grader broke: UnicodeError: punycode"):
        assert words in end
    assert "climbs.zip – not graded:" in end and "\x1b[2J" not in said
    assert "Traceback" in said and end.count("5 / 5") == 7


def test_what_cannot_be_recognised_for_a_panic_in_a_library_ends_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """As what is written in Rust raises it."""

    def breaking(path: Path) -> str:
        if path.name == "first":
            raise Panic("slice index")
        return "cmput328_a5"

    monkeypatch.setattr("grading.assignments.recognise", breaking)
    first, second = handed_in(tmp_path / "first"), handed_in(tmp_path / "second")
    code, said = graded("--quiet", "--out", tmp_path / "out", first, second)
    assert (code, totals(tmp_path / "out")) == (2, {"second": 5.0})
    assert "first – not graded: the grader broke: Panic: slice index" in said


def test_submissions_of_one_name_have_results_each(tmp_path: Path) -> None:
    paths = [handed_in(tmp_path / group / name) for group, name in (("a", "smith"), ("b", "smith"), ("c", "Smith"))]
    code, said = graded("--out", tmp_path / "out", *paths)
    assert code == 0
    assert totals(tmp_path / "out") == {"smith": 5.0, "smith-2": 5.0, "Smith-3": 5.0}
    assert "3 submissions: 3 graded, 0 not graded" in said


def test_older_results_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    (tmp_path / "out" / "empty").mkdir(parents=True)
    (tmp_path / "out" / "empty" / "report.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    code, said = graded("--out", tmp_path / "out", handed_in(tmp_path / "one"), tmp_path / "empty")
    assert code == 2 and "is older)" in said


# ---------------------------------------------------------------- where results go

NAMES = {
    "smith.zip": "smith",
    "smith.tar.gz": "smith",
    "...zip": "submission",
    "..": "submission",
    ".hidden": "hidden",
    "--out": "out",
    "-rf .zip": "rf",
    "a/b\\c": "a_b_c",
    "two\nlines\x1b[31m": "two_lines__31m",
    "exe\u202efdp": "exe_fdp",
    "bytes\udcff": "bytes_",
    "李小龍": "李小龍",
    "नमस्ते": "नमस्ते",
    "Mu\u0308ller": "M\u00fcller",
    "": "submission",
    "a. ": "a",
}


@pytest.mark.parametrize(("name", "made"), NAMES.items())
def test_names_are_made_safe(name: str, made: str) -> None:
    assert safe(name) == made


def test_long_names_are_cut_within_a_letter_of_no_script() -> None:
    for name in ("x" * 300, "李" * 100, "नमस्ते" * 40):
        assert 0 < len(safe(name).encode()) <= LONGEST
        assert safe(name).strip() and name.startswith(safe(name))


def test_no_two_folders_are_alike_and_none_is_elsewhere() -> None:
    names = ["a", "A", "a.zip", "a-2", "ａ", "...zip", "..tar.gz", "long" * 60, "long" * 60 + "er"]
    made = places([Path("/in") / str(number) / name for number, name in enumerate(names)], Path("out"))
    assert len({str(path).casefold() for path in made}) == len(names)
    assert {path.parent for path in made} == {Path("out")}
    assert places([Path("/in/...zip")], None) == (Path("out/submission"),)
    assert places([Path("/in/a")], Path("here")) == (Path("here"),)


@pytest.mark.parametrize("out", ["file", "file/below", "loop", "x" * 300, "taken", "/proc/nowhere/out", "/sys/out"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_graded(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("nowhere")
    (tmp_path / "taken" / "report.json").mkdir(parents=True)
    monkeypatch.setattr(__main__, "choose", lambda name: sys.exit("it went on"))
    code, said = graded("--out", tmp_path / out, handed_in(tmp_path / "one"))
    assert code == 2 and "the results cannot go to" in said


def test_looking_whether_a_place_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "new" / "deeper", ("report.json",))
    assert not list(tmp_path.iterdir())
