"""The first choice: bubblewrap, which builds a private file system, network and process tree out of namespaces."""

import os
import shutil
import site
import subprocess
import sys
from functools import cache
from pathlib import Path

from grading.sandbox.backend import ENVIRONMENT, NOBODY, PROMISES, Launch

HERE = Path(__file__).parent
GRADER = HERE.parent
WORKER_FILES = ("worker.py", "torchvision_operators.py")
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
PROJECT_ROOMS = ("reference", "rubrics", "student_stub", "tests")
SCRATCH_BYTES = 1 << 30


class Bubblewrap:
    """Private mounts, network and processes; another user id when started as root."""

    name = "bubblewrap"
    confined = True
    promises = PROMISES

    def missing(self) -> str:
        """Why bubblewrap cannot be used here; empty where it can."""
        if shutil.which("bwrap") is None:
            return "bubblewrap is not installed: apt-get install bubblewrap (or dnf install bubblewrap)"
        return _refusal()

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as process 1 of a new box that shows Python, the libraries and the submission."""
        uid = NOBODY if os.geteuid() == 0 else 0
        command = (
            *_walls(),
            *_libraries(),
            *_worker(box),
            "--chdir",
            "/tmp",
            sys.executable,
            "-I",
            "-B",
            "/worker/worker.py",
            "/box",
            str(control),
            str(uid),
        )
        return Launch(command, ENVIRONMENT)


def _walls() -> tuple[str, ...]:
    """Everything unshared. As root the worker gives up its user id by itself, which needs two capabilities until then."""
    kinds = ("pid", "net", "ipc", "uts", "cgroup-try")
    walls = ["bwrap", *(f"--unshare-{kind}" for kind in kinds), "--die-with-parent", "--new-session", "--as-pid-1"]
    walls += ["--cap-drop", "ALL"]
    if os.geteuid() == 0:
        walls += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        walls += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    walls += ["--hostname", "box", "--proc", "/proc", "--dev", "/dev"]
    for place in ("/dev/shm", "/tmp"):  # bubblewrap's own /dev/shm is for root, and as large as half the memory
        walls += ["--size", str(SCRATCH_BYTES), "--perms", "1777", "--tmpfs", place]
    return tuple(walls)


def _libraries() -> tuple[str, ...]:
    """The system's and Python's own folders, read-only; where this project lies among them it is covered."""
    folders = [Path(name) for name in SYSTEM]
    pythons = [Path(sys.base_prefix), Path(sys.prefix), *map(Path, site.getsitepackages())]
    folders += [path for path in pythons if not any(path != other and path.is_relative_to(other) for other in pythons)]
    shown: list[str] = []
    for folder in dict.fromkeys(folders):
        if folder.is_symlink():
            shown += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.exists():
            shown += [*_way_to(folder), "--ro-bind", str(folder), str(folder)]
    for secret in (GRADER, *(GRADER.parent / name for name in PROJECT_ROOMS)):
        if secret.is_dir() and any(secret.is_relative_to(folder) for folder in folders):
            shown += ["--tmpfs", str(secret)]
    return tuple(shown)


def _way_to(folder: Path) -> list[str]:
    """The folders above it, empty but open to other users (bubblewrap would make them for root alone)."""
    above = [parent for parent in reversed(folder.parents) if parent != Path("/") and parent not in map(Path, SYSTEM)]
    return [word for parent in above for word in ("--perms", "0755", "--dir", str(parent))]


def _worker(box: Path) -> tuple[str, ...]:
    mounts: list[str] = ["--ro-bind", str(box), "/box"]
    for name in WORKER_FILES:
        mounts += ["--ro-bind", str(HERE / name), f"/worker/{name}"]
    return tuple(mounts)


@cache
def _refusal() -> str:
    """Tries it once: an unprivileged container has the program but may not use it."""
    trial = subprocess.run(
        [*_walls(), *_libraries(), "/bin/true"], capture_output=True, text=True, timeout=30, check=False
    )
    if trial.returncode == 0:
        return ""
    return f"bubblewrap is installed but may not create namespaces here: {trial.stderr.strip()[:200]}"
