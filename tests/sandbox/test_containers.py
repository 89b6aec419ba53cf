"""The ladder where namespaces, or Landlock, or root are refused: what is chosen there, and that it holds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from worlds import WORLDS, inside

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
    found = visited(world)
    if CHOSEN[world] is None:
        assert "no sandbox works here" in found["refused"] and "--sandbox none" in found["refused"]
        assert all(found["missing"].values())
        return
    if CHOSEN[world] == "landlock" and found["missing"]["landlock"]:
        pytest.skip(found["missing"]["landlock"])
    promises = found["promises"]
    assert found["chosen"] == CHOSEN[world], found["missing"]
    assert found["works"] == 3.0
    assert found["uid"] == ("other-user" in promises)
    assert found["network"] == "refused" and found["signal"] == "refused" and found["survivors"] == 0
    assert (found["read"] == []) == ("private-files" in promises)
