"""Each way in which an attack is not held, on gradings that are made up."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from grading import redteam
from grading.errors import IntakeError
from grading.records import Outcome, Report, Status, Verdict
from grading.redteam import Attack, Target
from grading.report.write import Also, write_all
from grading.sandbox.backend import Launch


class Idle:
    """A backend whose worker does nothing, for gradings that are made up."""

    name, confined, promises = "idle", True, ()

    def missing(self) -> str:
        """Always there."""
        return ""

    def launch(self, box: Path, control: int) -> Launch:
        """A process that ends at once."""
        return Launch((sys.executable, "-I", "-S", "-c", "pass"), {})


def row(item: str, points: float | None, status: Status, said: str = "", **more: Any) -> Outcome:
    return Outcome(item, "a part", item, status, 5.0, points, (Verdict((points or 0) / 5, said),), **more)


def reported(*outcomes: Outcome, **more: Any) -> Report:
    return Report("a", "A", "s", "2026-01-01T00:00:00+00:00", 1.0, "idle", True, outcomes, **more)


HELD = reported(row("bad", 0.0, Status.FAILED, "LOOT<nothing>"), row("good", 5.0, Status.PASSED))


def tried_once(monkeypatch: pytest.MonkeyPatch, does: Callable[[Target], Report], **more: Any) -> tuple[str, ...]:
    """Why an attack is not held whose grading comes to this."""
    targets: list[Target] = []

    def lay(target: Target) -> Path:
        targets.append(target)
        return target.folder

    monkeypatch.setattr("grading.redteam.trial.grade", lambda *everything: does(targets[-1]))
    attack = replace(Attack("an_attack", (1,), "do harm", lay, ("bad",), ("good",)), **more)
    (finding,) = redteam.tried([attack], Idle())
    assert finding.held == (not finding.reasons)
    assert not targets[-1].folder.exists()
    return finding.reasons


def test_an_attack_that_comes_to_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried_once(monkeypatch, lambda target: HELD, say="nothing") == ()


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (reported(row("bad", 2.5, Status.PARTIAL), HELD.outcomes[1]), "it earned 2.5 of 5 points for bad"),
        (reported(row("bad", None, Status.UNSCORED, "ours"), HELD.outcomes[1]), "should have earned nothing, and is unscored"),
        (reported(row("bad", 0.0, Status.FAILED, "LOOT<the rubric>"), HELD.outcomes[1]), "it found: the rubric"),
        (reported(row("bad", 0.0, Status.FAILED, "x" * 200_000), HELD.outcomes[1]), "more than anybody could read"),
        (reported(row("bad", 0.0, Status.FAILED, "other words"), HELD.outcomes[1]), "do not say"),
        (reported(HELD.outcomes[0], row("good", 4.0, Status.PARTIAL)), "good was honest and got 4 of 5"),
        (reported(HELD.outcomes[0], row("good", None, Status.UNSCORED)), "good was honest and got no score"),
    ],
)  # fmt: skip
def test_what_the_report_tells(report: Report, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = tried_once(monkeypatch, lambda target: report, say="nothing")
    assert told in " ".join(reasons)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("results.json", '{"tests": [], "output": "", "score": NaN}', "is not JSON"),
        ("results.json", '{"tests": [{"output": "", "score": "100"}], "output": ""}', "breaks its schema"),
        ("results.json", '{"tests": [], "output": "<script>alert(1)</script>"}', "active HTML: script"),
        ("report.json", "{}", "report.json breaks its schema"),
        ("report.html", "<img src=x onerror=alert(1)>", "active HTML: img with onerror"),
        ("report.html", "\x1b[2J", "escape sequences"),
        ("report.html", "\u202e", "characters that steer who shows it: U+202E"),
        ("junit.xml", "\u2066", "junit.xml holds characters that steer who shows it: U+2066"),
        ("prairielearn.json", "\x9b", "prairielearn.json holds characters that steer who shows it: U+009B"),
    ],
)
def test_results_that_are_no_results(name: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(report: Report, folder: Path, also: tuple[Also, ...]) -> tuple[Path, ...]:
        paths = write_all(report, folder, also)
        (folder / name).write_text(text)
        return paths

    monkeypatch.setattr("grading.redteam.aftermath.write_all", spoilt)
    assert told in " ".join(tried_once(monkeypatch, lambda target: HELD))


def test_a_process_that_survives_is_seen_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(30)"
    daemons = [f"elbograde-daemon-{number}" for number in range(2)]

    def mischief(target: Target) -> Report:
        for name in daemons:
            subprocess.run([sys.executable, "-I", "-S", "-c", command, name], check=True)
        return HELD

    assert tried_once(monkeypatch, mischief) == ("2 of its processes survive",)
    assert not [p for p in psutil.process_iter(["cmdline"]) if set(daemons) & set(p.info["cmdline"] or [])]


def test_memory_of_the_graders_own_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def mischief(target: Target) -> Report:
        assert bytearray(200 << 20)
        return HELD

    (reason,) = tried_once(monkeypatch, mischief, memory_bytes=100 << 20)
    assert re.fullmatch(r"the grader's own process grew by [12]\d\d MiB", reason)
    assert tried_once(monkeypatch, mischief, memory_bytes=1 << 30) == ()


def test_time_of_the_graders_own_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (reason,) = tried_once(monkeypatch, lambda target: HELD, longest=0.0)
    assert reason.startswith("it kept the grader for")


def of_a_class(target: Target) -> Path:
    """Another submission."""
    (target.folder / "other").mkdir()
    return target.folder / "other"


def graded_in_company(monkeypatch: pytest.MonkeyPatch, does: Callable[[Path], Report]) -> str:
    """Why an attack beside an honest submission is not held, where grading a path comes to this."""
    monkeypatch.setattr("grading.redteam.company.grade", lambda assignment, path, *rest: does(path))
    return " ".join(tried_once(monkeypatch, lambda target: HELD, before=(of_a_class,)))


def test_what_neighbours_spoil_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = reported(HELD.outcomes[1])

    def only(name: str, report: Report, error: Exception | None = None) -> Callable[[Path], Report]:
        def does(path: Path) -> Report:
            if error is not None and (path.name == "other") == (name == "other"):
                raise error
            return report

        return does

    assert graded_in_company(monkeypatch, only("", honest)) == ""
    assert graded_in_company(monkeypatch, only("other", honest, IntakeError("no"))) == ""
    assert "the honest one was not graded: no" in graded_in_company(
        monkeypatch, only("last", honest, IntakeError("no"))
    )
    assert "lost marks" in graded_in_company(monkeypatch, only("", HELD))
    assert "broke the grading of other" in graded_in_company(monkeypatch, only("other", honest, ValueError("x")))
    monkeypatch.setattr("grading.redteam.company.places", lambda paths, home: (home / "a", home / "A"))
    assert "one place" in graded_in_company(monkeypatch, only("", honest))


PLACES = {
    "the machine's temporary folder": lambda target: Path("/tmp") / f"{target.marker}-1",
    "the project": lambda target: target.root / "out" / target.marker,
    "the grader's temporary folder": lambda target: target.temporary / "left",
    "beside the results": lambda target: target.out / "left",
    "another submission": lambda target: target.neighbour / "answers.py",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_file_outside_the_box_is_seen_and_taken_away(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = []

    def mischief(target: Target) -> Report:
        touched.append(PLACES[place](target))
        touched[-1].parent.mkdir(exist_ok=True)
        touched[-1].write_text("pwned")
        return HELD

    (reason,) = tried_once(monkeypatch, mischief)
    assert reason == f"files outside its box: {touched[0]}"
    assert not touched[0].exists()


def test_results_that_change_afterwards_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, sys, time; os.fork() and os._exit(0); time.sleep(1); open(sys.argv[1], 'w').write('{}')"

    def mischief(target: Target) -> Report:
        subprocess.run([sys.executable, "-I", "-S", "-c", code, str(target.out / "results.json")], check=True)
        return HELD

    assert tried_once(monkeypatch, mischief) == ("the results were changed after they were written",)


def test_a_mark_that_changes_from_time_to_time_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [reported(row("luck", points, Status.PARTIAL)) for points in (1.0, 1.0, 2.0)]
    reasons = tried_once(monkeypatch, lambda target: reports.pop(), attacked=(), beside=(), free=("luck",), times=3)
    assert reasons == ("the same submission earned different marks: 2, 1, 1",)


@pytest.mark.parametrize(
    ("refused", "says", "told"),
    [
        (False, "a bomb", "the whole submission was refused: a bomb"),
        (True, "nonsense", "with other words"),
        (True, "", ""),
    ],
)
def test_a_refusal_is_right_where_it_was_expected(
    refused: bool, says: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(target: Target) -> Report:
        raise IntakeError(says or "as a zip bomb does")

    reasons = tried_once(monkeypatch, refuse, refused=refused, say="bomb")
    assert told in " ".join(reasons) and bool(reasons) == bool(told)
    assert "should have been refused" in " ".join(tried_once(monkeypatch, lambda target: HELD, refused=True))


def test_an_attack_that_ends_the_grading_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(target: Target) -> Report:
        raise ZeroDivisionError("in the grader")

    assert "it ended the grading" in tried_once(monkeypatch, broken)[0]
