"""The red team: what is held, and that it can tell what is not."""

import os
import random
import re
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grading import redteam
from grading.__main__ import app
from grading.errors import RubricError, StaffError
from grading.redteam import Finding, side_by_side
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
    assert tried | set(SUITE.untried) == {*range(1, 73)}
    assert not tried & set(SUITE.untried)
    assert len(tried) >= 69


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
def test_all_are_held(best: Backend) -> None:
    for finding in found(best):
        assert finding.held, (finding.attack.name, finding.reasons)


def laid(name: str, seed: str, folder: Path) -> dict[str, bytes]:
    """What an attack hands in: the files, by their paths."""
    folder.mkdir()
    target = redteam.Target(folder, "marker", "secret", 1, 2, rng=random.Random(seed))
    BY_ATTACK[name].lay(target)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes().replace(bytes(folder), b"") for path in files}


@pytest.mark.parametrize("name", ["nosy", "sleeps_everywhere", "ends_by_real_time_signals", "weights_of_fewer_bytes"])
def test_what_varies_is_drawn_with_the_seed(name: str, tmp_path: Path) -> None:
    first, again, other = (laid(name, seed, tmp_path / place) for seed, place in (("0", "a"), ("0", "b"), ("1", "c")))
    assert first.keys() == again.keys() and all(first[path] == again[path] for path in first if path.endswith(".py"))
    assert first.keys() != other.keys() and set(first.values()) != set(other.values())


def test_attacks_of_every_seed_can_be_written(tmp_path: Path) -> None:
    small = [each for each in SUITE.attacks if set(each.rows) & {59, 60, 64, 65}]
    for seed in range(3):
        for attack in small:
            for path, content in laid(attack.name, f"{seed} {attack.name}", tmp_path / f"{seed} {attack.name}").items():
                assert not re.search(rb"@(WORD|FROM)", content) or not path.endswith(".py"), (attack.name, path)


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


def test_the_command_draws_a_seed_and_tells_it() -> None:
    done = CliRunner().invoke(app, ["redteam", "--only", "tar_link", "--seed", "random"])
    assert done.exit_code == 0 and re.search(r"seed: \d+", done.output), done.output
    assert CliRunner().invoke(app, ["redteam", "--only", "tar_link", "--seed", "x"]).exit_code == 2


def test_the_command_names_the_nearest_attack() -> None:
    done = CliRunner().invoke(app, ["redteam", "--only", "tar_lnik"])
    assert done.exit_code == 2
    with pytest.raises(RubricError, match="did you mean tar_link"):
        redteam.named(SUITE.attacks, ["tar_lnik"])
    assert {attack.name for attack in redteam.named(SUITE.attacks, ["14"])} >= {"walks_the_frames"}


def test_without_attacks_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StaffError, match="no attacks here"):
        redteam.suite(tmp_path)


@pytest.mark.parametrize(
    ("reasons", "times"),
    [
        (("vae.forward was honest and got no score: the rows before used up the submission's time",), 2),
        (("it kept the grader for 300 s", "vae.forward was honest and got 0 of 5: no answer within 6 s"), 2),
        (("it earned 5 of 5 points for vae.forward",), 1),
        (("it kept the grader for 300 s", "1 of its processes survive"), 1),
    ],
)
def test_only_what_takes_long_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch, reasons: tuple[str, ...], times: int
) -> None:
    asked = list[str]()

    def tried(attacks: list[redteam.Attack], *_: object) -> Generator[Finding, None, None]:
        for attack in attacks:
            asked.append(attack.name)
            yield Finding(attack, reasons if len(asked) == 1 else (), "", 0.0)

    monkeypatch.setattr("grading.redteam.watching.tried", tried)
    (finding,) = redteam.watched([BY_ATTACK["nosy"]], choose("none"), 0, Console(quiet=True))
    assert asked == ["nosy"] * times
    assert finding.held is (times == 2)


def test_side_by_side_all_are_tried_and_told_in_their_order() -> None:
    names = ("zip_twice", "nosy", "tar_link")
    attacks = [BY_ATTACK[name] for name in names]
    findings = redteam.watched(attacks, choose(None), 0, Console(quiet=True), jobs=2)
    assert [finding.attack.name for finding in findings] == [*names]
    assert all(finding.held for finding in findings), findings


def test_what_an_ended_helper_never_told_of_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "_share", os.abort)  # it is given more than it takes: the process ends at once
    attacks = [BY_ATTACK[name] for name in ("zip_twice", "tar_link")]
    findings = list(side_by_side.tried_in(2, attacks, "none", 0, lambda attack: None))
    assert {finding.reasons for finding in findings} == {(side_by_side.ENDED,)}
    assert {finding.attack.name for finding in findings} == {"zip_twice", "tar_link"}


def test_after_its_minutes_no_other_attack_is_begun() -> None:
    attacks = [BY_ATTACK[name] for name in ("zip_twice", "tar_link", "nosy")]
    tried = {
        redteam.watched(attacks, choose("none"), seed, Console(quiet=True), 1, 0.0)[0].attack.name for seed in range(9)
    }
    assert len(tried) > 1, "which one is tried is drawn with the seed"
    done = CliRunner().invoke(
        app, ["redteam", "--only", "tar_link", "--only", "zip_twice", "--minutes", "0", "--jobs", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "1 attacks of 1 rows tried, 1 held" in " ".join(done.output.split())
    assert "1 attacks were left out after 0 minutes" in " ".join(done.output.split())
