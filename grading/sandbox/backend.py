"""What every sandbox backend offers, and what it may promise."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grading.sandbox.inside.loading import NAME
from grading.sandbox.users import User


@dataclass(frozen=True)
class Launch:
    """How to start a worker."""

    command: tuple[str, ...]
    environment: dict[str, str]
    user: User | None = None  # who the code runs as, where that is somebody of its own
    scratch: Path | None = None  # where the code can write, where that is on a disk of this machine
    within_reach: tuple[str, ...] = ()  # other folders in which it can leave files


class Backend(Protocol):
    """A way to start a worker. One conformance suite holds for every backend, as far as its promises go."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in reports."""

    @property
    def confined(self) -> bool:
        """Whether it keeps student code away from anything at all."""

    @property
    def promises(self) -> tuple[str, ...]:
        """Which of PROMISES it keeps on this machine."""

    def missing(self) -> str:
        """Why it cannot be used here and what to do about it; empty where it can."""

    def launch(self, box: Path, control: int) -> Launch:
        """How to start a worker on the files in `box`, with its control socket at file descriptor `control`."""


THREADS = 2  # of student code
INSIDE = NAME  # what the package that runs in a box is called there
START = f"import sys; sys.path.append(sys.argv[1]); from {INSIDE}.worker import run; run()"

PROMISES = {
    "other-user": "student code runs under another user id",
    "no-network": "it reaches no network, and no program that listens on this machine",
    "private-files": "it can open the submission and the libraries, nothing else",
    "private-processes": "it sees no processes but its own",
    "own-signals": "it can end or stop no processes but its own",
    "nothing-survives": "whatever it started is gone when a session ends",
    "no-channel-between-boxes": "it leaves other submissions no keys, queues, locks, sockets or signs in the page cache",
    "bounded-scratch": "what it writes is held in memory of its own, and gone with it",
}


def started(python: str, folder: str, box: str, control: int, walls: Mapping[str, object]) -> tuple[str, ...]:
    """The command line of a worker.

    folder: what holds the package that runs in there;  box: the submission's and the probes' folder, as seen from inside
    """
    return (python, "-I", "-B", "-c", START, folder, box, str(control), json.dumps(walls))


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "OMP_NUM_THREADS": str(THREADS),
    "GOMP_SPINCOUNT": "20000",  # threads that wait soon take no processor time from others, nor from their own budget
    "MKL_NUM_THREADS": str(THREADS),
    "OPENBLAS_NUM_THREADS": str(THREADS),
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
}
