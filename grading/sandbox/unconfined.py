"""No sandbox at all, for a course that trusts the code it grades. Exists only under its own name, never as a fallback."""

import sys
from pathlib import Path

from grading.sandbox.backend import ENVIRONMENT, Launch

WORKER = Path(__file__).parent / "worker.py"


class Unconfined:
    """A plain child process: resource limits and deadlines hold, nothing else does."""

    name = "none"
    confined = False
    promises: tuple[str, ...] = ()

    def missing(self) -> str:
        """Always there."""
        return ""

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as a child of this process, under the same user."""
        return Launch((sys.executable, "-I", "-B", str(WORKER), str(box), str(control), "0"), ENVIRONMENT)
