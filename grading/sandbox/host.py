"""Where boxes come from: one for every submission, and the next one already warming up."""

from types import TracebackType

from grading.sandbox.backend import Backend
from grading.sandbox.box import Box


class Host:
    """Hands out fresh boxes. A box is never used for two submissions."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._spare: Box | None = Box(backend)

    def take(self, another: bool = False) -> Box:
        """A box that is warm, or warming up; with `another`, the next one is started meanwhile."""
        box, self._spare = self._spare or Box(self.backend), None
        if another:
            self._spare = Box(self.backend)
        return box

    def __enter__(self) -> "Host":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spare is not None:
            self._spare.close()
