"""Which backend is used: the best, or the one named; never one that nobody asked for."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.errors import SandboxError, StaffError
from grading.sandbox import bubblewrap, ladder, landlock
from grading.sandbox.backend import PROMISES, Launch
from grading.sandbox.bubblewrap import Bubblewrap
from grading.sandbox.landlock import Landlock
from grading.sandbox.other_user import OtherUser
from grading.sandbox.unconfined import Unconfined


@dataclasses.dataclass(frozen=True)
class Standing:
    """A backend that works, or does not."""

    name: str
    reason: str = ""
    confined: bool = True
    promises: tuple[str, ...] = tuple(PROMISES)

    def missing(self) -> str:
        return self.reason

    def launch(self, box: object, control: int) -> Launch:
        raise AssertionError("nothing is started here")


def rungs(monkeypatch: pytest.MonkeyPatch, *backends: Standing) -> None:
    monkeypatch.setattr(ladder, "LADDER", backends)
    monkeypatch.setattr(ladder, "BY_NAME", {backend.name: backend for backend in (*backends, Unconfined())})


def test_an_unknown_name_is_told_the_names_there_are() -> None:
    with pytest.raises(StaffError, match=r"'bubblewarp'.*bubblewrap, landlock, uid, none"):
        ladder.choose("bubblewarp")


@pytest.mark.parametrize("name", ["", "None", "NONE"])
def test_nothing_that_only_looks_like_none_is_none(name: str) -> None:
    with pytest.raises(StaffError):
        ladder.choose(name)


def test_the_first_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rungs(monkeypatch, Standing("first", "broken"), Standing("second"), Standing("third"))
    assert ladder.choose(None).name == "second"


def test_where_nothing_works_it_stops_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    rungs(monkeypatch, Standing("one", "one is not installed: get one"), Standing("two", "two may not be used"))
    with pytest.raises(SandboxError) as told:
        ladder.choose(None)
    for words in ("one: one is not installed: get one", "two: two may not be used", "--sandbox none"):
        assert words in str(told.value)


def test_a_named_backend_that_does_not_work_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    rungs(monkeypatch, Standing("first"), Standing("second", "second is broken"))
    with pytest.raises(SandboxError, match="second is broken"):
        ladder.choose("second")


def test_none_is_had_only_by_name() -> None:
    assert ladder.choose("none").name == "none"
    assert all(backend.confined and backend.promises for backend in ladder.LADDER)
    assert not ladder.BY_NAME["none"].confined and not ladder.BY_NAME["none"].promises


def test_bubblewrap_that_is_not_installed_says_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    assert "apt-get install bubblewrap" in Bubblewrap().missing()
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        ladder.choose("bubblewrap")


def test_bubblewrap_that_may_not_make_namespaces_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := Bubblewrap().missing():
        pytest.skip(reason)
    monkeypatch.setattr(bubblewrap, "_walls", lambda: ("sh", "-c", "echo no permission >&2; exit 1", "--"))
    bubblewrap._refusal.cache_clear()
    try:
        assert "may not create namespaces here: no permission" in Bubblewrap().missing()
    finally:
        bubblewrap._refusal.cache_clear()


def test_no_rung_does_without_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose system calls have other numbers."""
    if reason := Bubblewrap().missing():
        pytest.skip(reason)
    landlock.trial.cache_clear()
    monkeypatch.setattr(landlock, "TRIAL", "import platform; platform.machine = lambda: 'riscv64'; " + landlock.TRIAL)
    try:
        for backend in (Bubblewrap(), Landlock(), OtherUser(private=())):
            assert "no system call filter for riscv64" in backend.missing() or os.geteuid() != 0
    finally:
        landlock.trial.cache_clear()


def test_promises_are_known_ones() -> None:
    for backend in ladder.BY_NAME.values():
        assert set(backend.promises) <= set(PROMISES)


def test_a_step_down_is_told_with_its_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    best, second, third = Standing("best", "not installed"), Standing("second"), Standing("third")
    rungs(monkeypatch, best, second, third)
    assert ladder.passed_over(ladder.choose(None)) == {"best": "not installed"}
    assert ladder.passed_over(third) == {"best": "not installed"}
    assert ladder.passed_over(Unconfined()) == {}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_another_user_is_no_wall_where_others_can_read_the_grader(open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run code as another user")
    room = open_folder / "rubrics"
    room.mkdir(mode=0o755)
    assert f"other users can read {room}" in OtherUser(private=(room,)).missing()
    room.chmod(0o700)
    assert "can read" not in OtherUser(private=(room,)).missing()
    room.chmod(0o755)
    open_folder.chmod(0o700)
    assert "can read" not in OtherUser(private=(room,)).missing()
