"""The red team: what is held, that it can tell what is not, and each way in which an attack is not held."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from grading import redteam
from grading.__main__ import app
from grading.errors import IntakeError, RubricError, StaffError
from grading.records import Outcome, Report, Status, Verdict
from grading.redteam import Attack, Finding, Target
from grading.sandbox.backend import Backend, Launch
from grading.sandbox.bubblewrap import Bubblewrap
from grading.sandbox.ladder import BY_NAME, choose

ROOT = Path(__file__).parents[2]
SUITE = redteam.suite()
BY_ATTACK = {attack.name: attack for attack in SUITE.attacks}
QUICK = ("nosy", "lying_tensor", "drips", "pickle_bomb", "tar_link")


def found(backend: Backend, *names: str) -> list[Finding]:
    return list(redteam.tried(redteam.named(SUITE.attacks, names), backend))


@pytest.fixture(scope="module")
def best() -> Backend:
    return choose(None)


# ---------------------------------------------------------------- the suite


def test_every_row_of_the_table_is_tried_or_has_a_reason() -> None:
    tried = {row for attack in SUITE.attacks for row in attack.rows}
    assert tried | set(SUITE.untried) == set(range(1, 59))
    assert not tried & set(SUITE.untried)
    assert len(tried) >= 48


def test_every_attack_says_what_it_attacks() -> None:
    assert len(BY_ATTACK) == len(SUITE.attacks)
    for attack in SUITE.attacks:
        assert attack.attacked or attack.free, attack.name
        assert not set(attack.attacked) & set(attack.beside), attack.name
        assert attack.beside or attack.times > 1, attack.name


def test_a_few_of_every_family_are_held(best: Backend) -> None:
    for finding in found(best, *QUICK):
        assert finding.held, (finding.attack.name, finding.reasons)
    assert not list(Path("/tmp").glob("elbograde-pwned-*"))


@pytest.mark.slow
def test_all_are_held_but_for_the_gaps_that_are_known(best: Backend) -> None:
    for finding in found(best):
        assert finding.held or finding.known, (finding.attack.name, finding.reasons)


@pytest.mark.slow
def test_a_known_gap_that_was_closed_is_taken_off_the_list(best: Backend) -> None:
    gaps = [attack.name for attack in SUITE.attacks if attack.gap]
    assert not [finding.attack.name for finding in found(best, *gaps) if finding.held]


# ---------------------------------------------------------------- it can fail


def test_without_a_sandbox_attacks_are_not_held() -> None:
    names = ("nosy", "leaves_files", "reads_other_processes")
    told = {finding.attack.name: " ".join(finding.reasons) for finding in found(BY_NAME["none"], *names)}
    assert "it found: the reference, the rubric" in told["nosy"]
    assert "files outside its box" in told["leaves_files"]
    assert "the secret in" in told["reads_other_processes"]
    assert not list(Path("/tmp").glob("elbograde-pwned-*"))


class Leaky(Bubblewrap):
    """Bubblewrap with a hole: `change` alters its command line."""

    def __init__(self, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        self._change = change

    def launch(self, box: Path, control: int) -> Launch:
        """The same, with the hole."""
        launch = super().launch(box, control)
        return replace(launch, command=self._change(launch.command))


def without(word: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    return lambda command: tuple(part for part in command if part != word)


def showing(folder: Path, how: str = "--ro-bind") -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def change(command: tuple[str, ...]) -> tuple[str, ...]:
        place = min(command.index(word) for word in ("--remount-ro", "--chdir") if word in command)
        above = [word for parent in reversed(folder.parents[:-1]) for word in ("--perms", "0755", "--dir", str(parent))]
        return (*command[:place], *above, how, str(folder), str(folder), *command[place:])

    return change


def namespaceless(command: tuple[str, ...]) -> tuple[str, ...]:
    """The machine's own processes, in its own /proc."""
    command = without("--as-pid-1")(without("--unshare-pid")(command))
    return showing(Path("/proc"), "--bind")(command)


HOLES = [
    ("nosy", showing(ROOT), "the reference, the rubric"),
    ("phones_home", without("--unshare-net"), "a server on this machine"),
    ("reads_other_processes", namespaceless, "the secret in cmdline of another process"),
    ("leaves_files", showing(Path("/var/tmp"), "--bind"), "files outside its box"),
]


@pytest.mark.parametrize(("name", "change", "told"), HOLES)
def test_a_hole_in_the_sandbox_is_seen(name: str, change: Callable[..., tuple[str, ...]], told: str) -> None:
    if reason := Bubblewrap().missing():
        pytest.skip(reason)
    (finding,) = found(Leaky(change), name)
    assert not finding.held
    assert told in " ".join(finding.reasons)


# ---------------------------------------------------------------- each way not to be held


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
    ],
)
def test_results_that_are_no_results(name: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from grading.report.write import write_all

    def spoilt(report: Report, folder: Path) -> tuple[Path, ...]:
        paths = write_all(report, folder)
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


# ---------------------------------------------------------------- the command


def test_the_command_tells_of_every_attack_and_of_every_row() -> None:
    done = CliRunner().invoke(app, ["redteam", "--only", "tar_link", "--only", "zip_twice"])
    assert done.exit_code == 0, done.output
    assert "2 attacks of 2 rows tried, 2 held, 0 not held" in " ".join(done.output.split())
    assert "row 31 does not apply" in done.output


def test_the_command_fails_where_an_attack_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.intake.taking.refuse_twins", lambda *everything: None)
    done = CliRunner().invoke(app, ["redteam", "--only", "zip_twins"])
    assert done.exit_code == 1, done.output
    assert "NOT HELD" in done.output


def test_the_command_names_the_nearest_attack() -> None:
    done = CliRunner().invoke(app, ["redteam", "--only", "tar_lnik"])
    assert done.exit_code == 2
    with pytest.raises(RubricError, match="did you mean tar_link"):
        redteam.named(SUITE.attacks, ["tar_lnik"])
    assert {attack.name for attack in redteam.named(SUITE.attacks, ["14"])} >= {"walks_the_frames"}


def test_without_attacks_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StaffError, match="no attacks here"):
        redteam.suite(tmp_path)
