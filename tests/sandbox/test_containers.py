"""The ladder where namespaces, or Landlock, or root are refused: what is chosen there, and that it holds."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from worlds import WORLDS, inside

from grading.sandbox.inside import confine

VISIT = Path(__file__).with_name("visit.py")
CHOSEN = {
    "root": "bubblewrap",
    "container": "landlock",
    "old container": "uid",
    "user": "bubblewrap",
    "user without namespaces": "landlock",
    "user without anything": None,
}
EVERY_DAY = ("container", "old container", "user without namespaces")


def visited(world: str) -> dict[str, Any]:
    """What visit.py finds there."""
    if os.geteuid() != 0:
        pytest.skip("only root can make these worlds")
    command = inside(world, (sys.executable, "-B", str(VISIT)))
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "world", [pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.slow) for name in WORLDS]
)
def test_the_best_that_works_is_chosen_and_holds(world: str) -> None:
    if CHOSEN[world] == "landlock" and confine.landlock_version() < confine.SCOPES:
        pytest.skip("the kernel of this machine has no Landlock, or an older one")
    found = visited(world)
    if CHOSEN[world] is None:
        assert "no sandbox works here" in found["refused"] and "--sandbox none" in found["refused"]
        assert all(found["missing"].values())
        return
    promises = found["promises"]
    assert found["chosen"] == CHOSEN[world], found["missing"]
    assert found["works"] == 3.0
    assert found["uid"] == ("other-user" in promises)
    assert found["network"] == "refused" and found["signal"] == "refused" and found["survivors"] == 0
    assert (found["read"] == []) == ("private-files" in promises)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "backend"), [("user", "bubblewrap"), ("user without namespaces", "landlock")])
def test_the_conformance_suite_holds_for_an_ordinary_user(world: str, backend: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make these worlds")
    suites = [str(VISIT.with_name(name)) for name in ("test_sandbox_conformance.py", "test_channels.py")]
    place = Path(tempfile.mkdtemp(prefix="conformance-"))
    place.chmod(0o777)
    try:
        pytest_there = (sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", backend, *suites)
        command = inside(world, (*pytest_there, "--basetemp", str(place / "tests")))
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, cwd="/tmp")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])  # type: ignore[index]
    assert passed > 80
