"""No sandbox at all, for a course that trusts the code it grades. Exists only under its own name, never as a fallback."""

from pathlib import Path

from grading.sandbox.backend import Launch
from grading.sandbox.folders import launched


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
        return launched(box, control, {}, None)
