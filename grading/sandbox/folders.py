"""What a backend without a file system of its own puts into the folder of a box."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from grading.sandbox.backend import ENVIRONMENT, Launch
from grading.sandbox.libraries import opened
from grading.sandbox.users import User

HERE = Path(__file__).parent
WORKER_FILES = ("worker.py", "confine.py", "torchvision_operators.py")


def launched(box: Path, control: int, walls: Mapping[str, object], user: User | None) -> Launch:
    """A worker on a copy of its files in `box`, with a place to write that belongs to `user`."""
    scratch = lay_out(box, user)
    command = (sys.executable, "-I", "-B", str(box / "worker" / "worker.py"), str(box), str(control))
    places = {"HOME": str(scratch), "TMPDIR": str(scratch), "MPLCONFIGDIR": str(scratch / "matplotlib")}
    started = (*command, json.dumps(walls))
    return Launch(opened(started) if user else started, {**ENVIRONMENT, **places}, user, scratch)


def lay_out(box: Path, user: User | None) -> Path:
    """Lays the worker's files and an empty folder to write in into a box; returns that folder."""
    (box / "worker").mkdir(mode=0o755)
    for name in WORKER_FILES:
        shutil.copyfile(HERE / name, box / "worker" / name)
    scratch = box / "scratch"
    scratch.mkdir(mode=0o700)
    if user:
        os.chown(scratch, user.uid, user.uid)
    return scratch
