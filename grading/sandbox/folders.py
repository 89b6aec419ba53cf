"""What a backend without a file system of its own puts into the folder of a box."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from grading.sandbox import inside
from grading.sandbox.backend import ENVIRONMENT, INSIDE, Launch, started
from grading.sandbox.libraries import opened
from grading.sandbox.users import User

HERE = Path(inside.__file__).parent


def launched(box: Path, control: int, walls: Mapping[str, object], user: User | None) -> Launch:
    """A worker on a copy of its files in `box`, with a place to write that belongs to `user`."""
    scratch = lay_out(box, user)
    command = started(sys.executable, str(box / "worker"), str(box), control, walls)
    places = {"HOME": str(scratch), "TMPDIR": str(scratch), "MPLCONFIGDIR": str(scratch / "matplotlib")}
    return Launch(opened(command) if user else command, {**ENVIRONMENT, **places}, user, scratch)


def lay_out(box: Path, user: User | None) -> Path:
    """Lays the worker's files and an empty folder to write in into a box; returns that folder."""
    (box / "worker" / INSIDE).mkdir(parents=True)
    for file in HERE.glob("*.py"):
        shutil.copyfile(file, box / "worker" / INSIDE / file.name)
    for path in (box / "worker", *(box / "worker").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    scratch = box / "scratch"
    scratch.mkdir(mode=0o700)
    if user:
        os.chown(scratch, user.uid, user.uid)
    return scratch
