"""Grades what lies in /autograder/submission, and keeps results.json valid whatever happens meanwhile."""

import os
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from grading import assignments
from grading.assignments import Assignment
from grading.autograder import container
from grading.autograder.board import Board
from grading.autograder.metadata import Metadata, read
from grading.autograder.settings import Settings
from grading.autograder.watch import ended_in_time, spent
from grading.errors import GraderError, IntakeError
from grading.grade import Options, grade, not_graded
from grading.records import Outcome, Report, Status, Verdict
from grading.report.wording import still_to_come
from grading.rubric import Item
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose

RESERVED = 20.0  # seconds before the end that are kept for what a metric works out after its samples, and for closing
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz")
OURS = (
    "The autograder could not grade this submission, or not all of it. This is not your fault, and nothing is counted "
    "against you for it; what went wrong is in the output that course staff can read."
)
REFUSED = "Nothing could be judged, because the submission could not be taken in. After a correction, hand it in again."
Say = Callable[[str], None]


def run(root: Path, settings: Settings, say: Say) -> Report:
    """Grades the submission under `root`; returns what results.json tells at the end."""
    metadata = read(root / "submission_metadata.json")
    board = Board(root / "results" / "results.json", metadata, _nothing_yet(settings))
    with ended_in_time(board, settings.seconds - spent(), say):
        try:
            return _graded(root, settings, metadata, board, say)
        except Exception:  # the boundary: a mistake of ours must leave valid results that say so
            say(traceback.format_exc())
            return board.close(OURS)


def _graded(root: Path, settings: Settings, metadata: Metadata, board: Board, say: Say) -> Report:
    if settings.secret:
        os.environ.setdefault("ELBOGRADE_SECRET", settings.secret)
    assignment = assignments.load(settings.assignment)
    first = _first(assignment, settings)
    board.show(first)
    memory, share = container.memory_bytes(), container.processors()
    for note in _notes(assignment, settings, metadata, memory):
        board.note(note)
        say(f"note: {note}")
    backend = container.Threaded(choose(settings.sandbox or None), container.threads(share))
    say(f"{memory / 1e9:.3g} GB of memory, processors: {share:g}, sandbox {backend.name}")
    try:
        with Host(backend) as host:
            report = _whole(
                grade(assignment, handed_in(root / "submission"), host, _options(settings, memory, board, say))
            )
    except IntakeError as error:
        say(f"refused: {error}")
        report = _refused(replace(first, backend=backend.name, confined=backend.confined), str(error))
    board.show(report)
    _tell_staff(report, say)
    return report


def handed_in(folder: Path) -> Path:
    """What students handed in; where that is one archive that the platform did not unpack, the archive."""
    if not folder.is_dir():
        raise GraderError(f"the platform has laid out no {folder}")
    there = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if len(there) == 1 and there[0].name.lower().endswith(ARCHIVES) and there[0].is_file():
        return there[0]
    return folder


def _options(settings: Settings, memory: int, board: Board, say: Say) -> Options:
    def announce(item: Item, number: int, count: int) -> None:
        say(f"{spent():6.1f} s  {number + 1}/{count}  {item.id}")

    left = settings.seconds - spent()
    left = max(left - min(RESERVED, 0.1 * settings.seconds), 1.0)
    again = min(Options().again, 0.1 * left)
    return Options(
        only=settings.only,
        seconds=left - again,
        again=again,
        limits=container.limits(memory),
        announce=announce,
        refreshed=lambda report: board.show(_whole(report)),
    )


def _nothing_yet(settings: Settings) -> Report:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(settings.assignment, settings.assignment, "submission", started, 0.0, "", True, ())


def _first(assignment: Assignment, settings: Settings) -> Report:
    """All rows, none of them judged."""
    rows = not_graded(assignment, Options(only=settings.only))
    return replace(_nothing_yet(settings), title=assignment.rubric.heading, outcomes=rows, seed=assignment.rubric.seed)


def _whole(report: Report) -> Report:
    """The rows that the settings name are the whole of this autograder's assignment."""
    return replace(report, partial_run="")


def _refused(first: Report, why: str) -> Report:
    rows = tuple(_failed(outcome) for outcome in first.outcomes)
    return replace(first, outcomes=rows, notices=(why, REFUSED))


def _failed(outcome: Outcome) -> Outcome:
    if outcome.status is Status.MANUAL:
        return outcome
    verdict = Verdict(0.0, "Not judged: the submission could not be taken in. The top of the page says why.")
    if not outcome.max_points:
        return replace(outcome, status=Status.SHOWN, verdicts=(verdict,))
    return replace(outcome, status=Status.FAILED, points=0.0, verdicts=(verdict,))


def _notes(assignment: Assignment, settings: Settings, metadata: Metadata, memory: int) -> list[str]:
    """What staff should know before they look at marks."""
    notes, expected = [], _expected(assignment, settings)
    if metadata.total_points is not None and not any(abs(metadata.total_points - most) < 0.01 for most in expected):
        either = " or, with the rows that are left to a human, ".join(f"{most:g}" for most in expected)
        notes.append(f"the assignment on the site has {metadata.total_points:g} points, and this rubric has {either}")
    if memory < container.WANTED_BYTES:
        notes.append(
            f"the container has {memory / 1e9:.2g} GB of memory: set it to at least 2 GB, or large models will not fit"
        )
    return notes


def _expected(assignment: Assignment, settings: Settings) -> list[float]:
    """What the rows that are judged here are worth, and what all are."""
    rows = [item for item in assignment.rubric.items if not settings.only or item.id in settings.only]
    regular = [item for item in rows if not item.bonus]
    judged = sum(item.points for item in regular if not item.manual)
    return sorted({judged, sum(item.points for item in regular)})


def _tell_staff(report: Report, say: Say) -> None:
    for outcome in report.outcomes:
        if outcome.status is Status.UNSCORED and not still_to_come(outcome):
            say(f"not judged: {outcome.item}\n" + "\n".join(verdict.message for verdict in outcome.verdicts))
