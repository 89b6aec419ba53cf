"""Which backend to use: the best that works here, or the one that was named. Never a silent step down."""

from grading.errors import SandboxError, StaffError
from grading.sandbox.backend import Backend
from grading.sandbox.bubblewrap import Bubblewrap
from grading.sandbox.landlock import Landlock
from grading.sandbox.other_user import OtherUser
from grading.sandbox.unconfined import Unconfined

LADDER: tuple[Backend, ...] = (Bubblewrap(), Landlock(), OtherUser())
BY_NAME: dict[str, Backend] = {backend.name: backend for backend in (*LADDER, Unconfined())}


def require_minimum(backend: Backend, minimum: str) -> None:
    """Raises StaffError where a course asks for more than this backend. `minimum`: a name on the ladder, or nothing."""
    names = [rung.name for rung in LADDER]
    accepted = names[: names.index(minimum) + 1] if minimum else []
    if minimum and backend.name not in accepted:
        raise StaffError(
            f"this assignment's rubric accepts no sandbox below {minimum!r}, and this is {backend.name!r}; "
            "see `python -m grading doctor` for what is missing"
        )


def passed_over(backend: Backend) -> dict[str, str]:
    """The better rungs that cannot be used here, by name, with the reason of each."""
    above = LADDER[: LADDER.index(backend)] if backend in LADDER else ()
    return {rung.name: reason for rung in above if (reason := rung.missing())}


def choose(name: str | None) -> Backend:
    """The backend of that name, or the first of the ladder that works.

    Raises StaffError for a name that is not a backend, SandboxError where nothing works (with what to install).
    """
    if name is not None:
        if name not in BY_NAME:
            raise StaffError(f"no sandbox is called {name!r}; there are: {', '.join(BY_NAME)}")
        if reason := BY_NAME[name].missing():
            raise SandboxError(reason)
        return BY_NAME[name]
    reasons: dict[str, str] = {}
    for backend in LADDER:  # one after the other: finding out about the lower ones takes time
        reasons[backend.name] = backend.missing()
        if not reasons[backend.name]:
            return backend
    raise SandboxError(
        "no sandbox works here, and student code is not run without one.\n"
        + "\n".join(f"  {name}: {reason}" for name, reason in reasons.items())
        + "\nIf you trust this code as your own, say so with --sandbox none."
    )
