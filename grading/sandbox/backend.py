"""What every sandbox backend offers, and which there are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NOBODY = 65534


@dataclass(frozen=True)
class Launch:
    """How to start a worker: its command line, environment, and the folder of the box as the worker sees it."""

    command: tuple[str, ...]
    environment: dict[str, str]


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
        """Which of PROMISES it keeps."""

    def missing(self) -> str:
        """Why it cannot be used here and what to do about it; empty where it can."""

    def launch(self, box: Path, control: int) -> Launch:
        """How to start a worker on the files in `box`, with its control socket at file descriptor `control`."""


PROMISES = (
    "other-user",  # student code runs under another user id
    "no-network",
    "private-files",  # it sees the submission and the libraries, nothing else
    "private-processes",  # it sees and can signal only its own processes
    "nothing-survives",  # whatever it started is gone when a session ends
)

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
}
