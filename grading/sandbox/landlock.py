"""The second choice: Landlock for files, a filter for system calls and, as root, a user id of its own."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from grading.sandbox.backend import Launch
from grading.sandbox.folders import HERE, launched
from grading.sandbox.inside import confine
from grading.sandbox.libraries import folders, opened, secrets, without
from grading.sandbox.users import RANGE, User, new_user

# What torch and Python look at to find out about the machine. Without the processor's features other kernels are chosen.
MACHINE = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/sys/devices/system/cpu", "/etc/localtime")
TRIAL = f"import sys; sys.path.append(sys.argv[1]); from {HERE.name}.confine import try_out; try_out()"
TRIED = User(RANGE.stop, RANGE.stop + 1)  # never given to a box
PROMISES = (
    *("no-network", "private-files", "private-processes", "own-signals", "nothing-survives"),
    "no-channel-between-boxes",
)


class Landlock:
    """No privilege needed, so that it serves in containers where namespaces may not be made."""

    name = "landlock"
    confined = True

    @property
    def promises(self) -> tuple[str, ...]:
        """As root, student code has a user id of its own as well."""
        return ("other-user", *PROMISES) if os.geteuid() == 0 else PROMISES

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        version = confine.landlock_version()
        if not version:
            return "this kernel has no Landlock (Linux 5.13 or newer, not switched off by lsm= on its command line)"
        if os.geteuid() != 0 and version < confine.SCOPES:
            return f"without root it needs Landlock {confine.SCOPES} (Linux 6.12); this kernel has {version}"
        return trial(json.dumps(_walls(Path("/nonexistent"), TRIED if os.geteuid() == 0 else None)))

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as it is; every session of it puts up the walls before it touches the submission."""
        user = new_user() if os.geteuid() == 0 else None
        return launched(box, control, _walls(box, user), user)


def _walls(box: Path, user: User | None) -> dict[str, object]:
    shown = [*without(folders(), secrets()), *map(Path, MACHINE), *(box / name for name in ("submission", "probes.py"))]
    places = {"read": [*map(str, shown), str(box / "worker")], "write": [str(box / "scratch")]}
    return {"landlock": places, "seccomp": True, **ids(user)}


def ids(user: User | None) -> dict[str, int]:
    """Who to become, for the worker."""
    return {"uid": user.uid, "executioner": user.executioner} if user else {}


@cache
def trial(walls: str) -> str:
    """Puts the walls up once; returns what did not work, or nothing."""
    command = opened((sys.executable, "-I", "-B", "-c", TRIAL, str(HERE.parent), walls))
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode == 0:
        return ""
    return f"it does not work here: {(tried.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}"
