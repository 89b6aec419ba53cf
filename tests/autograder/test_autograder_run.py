"""What results.json says whatever becomes of the grading."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grading import assignments
from grading.assignments import Assignment
from grading.autograder import run as running
from grading.autograder.run import handed_in, run
from grading.autograder.settings import Settings
from grading.errors import GraderError, IntakeError, SandboxError
from grading.grade import Options
from grading.records import Report, Status
from grading.sandbox.host import Host

SCHEMA = json.loads((assignments.ROOT / "tests/report/results.schema.json").read_text())
SETTINGS = Settings(assignment="ift6135_a3", seconds=600)
ROWS = sum(not item.manual for item in assignments.load("ift6135_a3").rubric.items)
# A grader that judges two rows and then hangs, as a program of its own.
HANGS = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
import test_autograder_run as here
here.running.choose, here.running.Host = here.trusting, here.NoHost
here.running.grade, here.running.spent = here.hanging, lambda: 0.0
here.run(Path(sys.argv[1]), here.Settings(assignment="ift6135_a3", seconds=float(sys.argv[2])), print)
"""


class NoHost:
    """Starts nothing."""

    def __init__(self, backend: object) -> None:
        pass

    def __enter__(self) -> "NoHost":
        return self

    def __exit__(self, *error: object) -> None:
        pass


def trusting(name: str | None) -> Any:
    return dataclasses.make_dataclass("Backend", ["name", "confined"])("plain", True)


def judged(first: Report, count: int) -> Report:
    rows = first.outcomes
    done = [dataclasses.replace(row, status=Status.PASSED, points=row.max_points, verdicts=()) for row in rows[:count]]
    return dataclasses.replace(first, outcomes=(*done, *rows[count:]))


def two_rows(assignment: Assignment, options: Options) -> Report:
    report = judged(running._first(assignment, SETTINGS), 2)
    options.refreshed(report)
    return report


def hanging(assignment: Assignment, path: Path, host: Host, options: Options) -> Report:
    two_rows(assignment, options)
    subprocess.Popen(["sleep", "300"])
    time.sleep(300)
    raise AssertionError


def laid_out(folder: Path) -> Path:
    for room in ("submission", "results"):
        (folder / room).mkdir()
    return folder


def told(root: Path) -> Any:
    content = json.loads((root / "results" / "results.json").read_text())
    jsonschema.validate(content, SCHEMA)
    return content


def ran(root: Path, patch: pytest.MonkeyPatch, grade: Any) -> tuple[Any, str]:
    """results.json and what staff read, where grade() does this."""
    said: list[str] = []
    patch.setattr(running, "choose", trusting)
    patch.setattr(running, "Host", NoHost)
    patch.setattr(running, "grade", grade)
    run(laid_out(root), SETTINGS, said.append)
    return told(root), "\n".join(said)


def scores(content: Any) -> list[float]:
    return [test["score"] for test in content["tests"] if "score" in test]


def test_a_mistake_of_ours_is_nobody_elses_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> Report:
        raise SandboxError("the secret reason")

    content, staff = ran(tmp_path, monkeypatch, broken)
    assert "This is not your fault" in content["output"] and "is none" in content["output"]
    assert content["score"] == 0 and scores(content) == []
    assert "the secret reason" in staff and "secret reason" not in str(content)


def test_what_was_judged_before_a_mistake_of_ours_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(assignment: Assignment, path: Path, host: Host, options: Options) -> Report:
        two_rows(assignment, options)
        raise RuntimeError

    content, _ = ran(tmp_path, monkeypatch, breaks)
    assert scores(content) == [6, 6] and "This is not your fault" in content["output"]


def test_what_cannot_be_taken_in_earns_nothing_and_the_student_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*args: object) -> Report:
        raise IntakeError("submission holds no files. Hand in q1_vae.py.")

    content, staff = ran(tmp_path, monkeypatch, refuses)
    assert "Hand in q1_vae.py." in content["output"] and "Hand in q1_vae.py." in staff
    rubric = assignments.load("ift6135_a3").rubric
    assert scores(content) == [0.0] * sum(bool(item.points) and not item.manual for item in rubric.items)
    assert {test["status"] for test in content["tests"] if "score" in test} == {"failed"}


def test_an_assignment_that_is_not_there_is_a_mistake_of_ours(tmp_path: Path) -> None:
    run(laid_out(tmp_path), Settings(assignment="nothing"), print)
    assert "This is not your fault" in told(tmp_path)["output"]


def test_a_course_that_grades_some_rows_only_grades_the_whole_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def partly(assignment: Assignment, path: Path, host: Host, options: Options) -> Report:
        return dataclasses.replace(two_rows(assignment, options), partial_run="--only x")

    assert "not a mark" not in ran(tmp_path, monkeypatch, partly)[0]["output"]


def started(root: Path, seconds: float) -> subprocess.Popen[str]:
    code = HANGS.format(here=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(laid_out(root)), str(seconds)],
        cwd=assignments.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_when_the_time_runs_out_what_was_judged_is_kept_and_nothing_goes_on(tmp_path: Path) -> None:
    process = started(tmp_path, 5)
    stdout, _ = process.communicate(timeout=60)
    content = told(tmp_path)
    assert process.returncode == 0, stdout
    assert scores(content) == [6, 6]
    assert f"The time ran out after 2 of {ROWS} rows." in content["output"] and "The time ran out" in stdout


def test_a_run_that_is_told_to_stop_keeps_what_was_judged(tmp_path: Path) -> None:
    process = started(tmp_path, 300)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not ((tmp_path / "results/results.json").exists() and scores(told(tmp_path))):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 0, stdout
    assert scores(told(tmp_path)) == [6, 6]
    assert f"stopped from outside after 2 of {ROWS} rows" in told(tmp_path)["output"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("work.zip",), "work.zip"),
        (("Work.TAR.GZ", ".DS_Store"), "Work.TAR.GZ"),
        (("work.zip", "a.py"), ""),
        (("a.py",), ""),
        ((), ""),
    ],
)
def test_an_archive_that_was_not_unpacked_is_what_was_handed_in(
    names: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_text("")
    assert handed_in(tmp_path) == tmp_path / wanted


def test_a_platform_that_lays_out_no_submission_is_not_the_students_fault(tmp_path: Path) -> None:
    with pytest.raises(GraderError, match="laid out no"):
        handed_in(tmp_path / "nowhere")
