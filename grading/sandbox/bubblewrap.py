"""The first choice: bubblewrap, which builds a private file system, network and process tree out of namespaces."""

import json
import os
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import psutil

from grading.sandbox.backend import ENVIRONMENT, INSIDE, PROMISES, Launch, started
from grading.sandbox.folders import HERE
from grading.sandbox.landlock import trial
from grading.sandbox.libraries import SYSTEM, folders, secrets
from grading.sandbox.users import RANGE, new_user

SOCKETS = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6]  # what the network of a box's own is for; AF_VSOCK has none
SCRATCH_BYTES, SCRATCH_SHARE = 1 << 30, 8  # held in memory: an eighth of it at most


class Bubblewrap:
    """Private mounts, network and processes; another user id when started as root."""

    name = "bubblewrap"
    confined = True
    promises = tuple(PROMISES)

    def missing(self) -> str:
        """Why bubblewrap cannot be used here; empty where it can."""
        if shutil.which("bwrap") is None:
            return "bubblewrap is not installed: apt-get install bubblewrap (or dnf install bubblewrap)"
        return _refusal() or trial(json.dumps({"seccomp": True, "sockets": SOCKETS}))

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as process 1 of a new box that shows Python, the libraries and the submission."""
        user = new_user() if os.geteuid() == 0 else None
        walls = {"uid": user.uid if user else 0, "at_start": True, "sockets": SOCKETS}
        command = (
            *_walls(),
            *_libraries(),
            *_worker(box),
            *("--remount-ro", "/"),  # what lies between the mounts belongs to whoever started bubblewrap
            *("--chdir", "/tmp"),
            *started(sys.executable, "/worker", "/box", control, walls),
        )
        return Launch(command, ENVIRONMENT, user)


def _walls() -> tuple[str, ...]:
    """Everything unshared. As root the worker gives up its user id by itself, which needs two capabilities until then."""
    kinds = ("pid", "net", "ipc", "uts", "cgroup-try")
    walls = ["bwrap", *(f"--unshare-{kind}" for kind in kinds), "--die-with-parent", "--new-session", "--as-pid-1"]
    walls += ["--cap-drop", "ALL"]
    if os.geteuid() == 0:
        walls += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        walls += ["--unshare-user", "--uid", str(RANGE.start), "--gid", str(RANGE.start)]
    walls += ["--hostname", "box", "--proc", "/proc", "--dev", "/dev"]
    room = min(SCRATCH_BYTES, psutil.virtual_memory().total // SCRATCH_SHARE)
    for place in ("/dev/shm", "/tmp"):  # bubblewrap's own /dev/shm is for root, and as large as half the memory
        walls += ["--size", str(room), "--perms", "1777", "--tmpfs", place]
    return tuple(walls)


def _libraries() -> tuple[str, ...]:
    """The system's and Python's own folders, read-only; where this project lies among them it is covered."""
    shown: list[str] = []
    for folder in folders():
        if folder.is_symlink():
            shown += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.exists():
            shown += [*_way_to(folder), "--ro-bind", str(folder), str(folder)]
    for secret in secrets():
        shown += ["--tmpfs", str(secret)]
    return tuple(shown)


def _way_to(folder: Path) -> list[str]:
    """The folders above it, empty but open to other users (bubblewrap would make them for root alone)."""
    above = [parent for parent in reversed(folder.parents) if parent != Path("/") and parent not in map(Path, SYSTEM)]
    return [word for parent in above for word in ("--perms", "0755", "--dir", str(parent))]


def _worker(box: Path) -> tuple[str, ...]:
    return ("--ro-bind", str(box), "/box", "--ro-bind", str(HERE), f"/worker/{INSIDE}")


@cache
def _refusal() -> str:
    """Tries it once: an unprivileged container has the program but may not use it."""
    trial = subprocess.run(
        [*_walls(), *_libraries(), "/bin/true"], capture_output=True, text=True, timeout=30, check=False
    )
    if trial.returncode == 0:
        return ""
    return f"bubblewrap is installed but may not create namespaces here: {trial.stderr.strip()[:200]}"
