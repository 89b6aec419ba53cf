"""Which sandboxes work on this machine, what each keeps student code from, and what to do about the others."""

from dataclasses import dataclass

from grading.sandbox.backend import PROMISES, Backend
from grading.sandbox.ladder import LADDER


@dataclass(frozen=True)
class Finding:
    """One rung of the ladder, as it stands on this machine."""

    name: str
    missing: str  # why it cannot be used here; "" where it can
    keeps: tuple[str, ...]  # in words
    leaves: tuple[str, ...]  # what it does not keep, in words
    chosen: bool


def examine(ladder: tuple[Backend, ...] = LADDER) -> tuple[Finding, ...]:
    """Every rung, from the best down; the first one that works is chosen where nothing else is asked for."""
    reasons = [backend.missing() for backend in ladder]
    working = [number for number, reason in enumerate(reasons) if not reason]
    return tuple(
        _finding(backend, reason, number in working[:1])
        for number, (backend, reason) in enumerate(zip(ladder, reasons, strict=True))
    )


def _finding(backend: Backend, reason: str, chosen: bool) -> Finding:
    keeps = tuple(told for promise, told in PROMISES.items() if promise in backend.promises)
    leaves = tuple(told for promise, told in PROMISES.items() if promise not in backend.promises)
    return Finding(backend.name, reason, keeps, leaves, chosen)
