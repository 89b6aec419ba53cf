"""Which sandboxes work on this machine, what each keeps student code from, and what to do about the others."""

import os
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from grading.sandbox.backend import PROMISES, Backend
from grading.sandbox.cgroup import new_group
from grading.sandbox.ladder import LADDER

IN_A_GROUP = "memory and processes of a box are bounded by the kernel (a control group)"
WATCHED = "memory of a box is looked at four times a second, its processes are bounded for each user (no control group)"


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


def limits() -> str:
    """How memory and processes are kept in bounds here."""
    group = new_group(f"elbograde-doctor-{os.getpid()}")
    if group is None:
        return WATCHED
    group.close()
    return IN_A_GROUP


def told(findings: tuple[Finding, ...], bounds: str) -> RenderableType:
    """For a terminal: the ladder from the best rung down."""
    lines: list[RenderableType] = [Text("sandboxes, from the best down", style="bold")]
    for finding in findings:
        lines += [Text(), _heading(finding), *(_line(*row) for row in _rows(finding))]
    chosen = next((finding.name for finding in findings if finding.chosen), "")
    last = (
        f"used here, unless --sandbox says otherwise: {chosen}" if chosen else "nothing works here: nothing is graded"
    )
    return Group(*lines, Text(), Text(bounds), Text(last, style="bold green" if chosen else "bold red"))


def _heading(finding: Finding) -> Text:
    state = ("works", "green") if not finding.missing else ("cannot be used here", "yellow")
    return Text.assemble((finding.name, "bold cyan"), "  ", state)


def _rows(finding: Finding) -> list[tuple[str, str, str]]:
    """What stands below a rung's name: a sign, the text and its style."""
    if finding.missing:
        return [("→", finding.missing, "yellow")]
    kept = [("✓", line, "") for line in finding.keeps]
    return kept + [("✗", f"not: {line}", "red") for line in finding.leaves]


def _line(sign: str, text: str, style: str) -> Padding:
    return Padding(Text(f"{sign} {text}", style=style), (0, 0, 0, 2))
