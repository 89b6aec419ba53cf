"""grade(id, submission) -> Report: the only file that knows the order of things."""

import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

import grading
from grading.assignments import Assignment
from grading.budget import Budget
from grading.credit import points
from grading.errors import IntakeError, RubricError, StaffError
from grading.intake import Intake, add_starters, apart, take_in
from grading.intake.wording import shown
from grading.judging import Bench, Judged, judged, wanted
from grading.records import NOT_YET, Outcome, Report, Status, Verdict
from grading.rubric import Item, require
from grading.sandbox.backend import THREADS
from grading.sandbox.box import Limits
from grading.sandbox.host import Host
from grading.sandbox.ladder import require_minimum
from grading.subjects import Reference, Submission
from grading.twin import Twin

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "hypothesis", "safetensors")


@dataclass(frozen=True)
class Options:
    """How to grade, beyond what the rubric says."""

    only: tuple[str, ...] = ()  # ids of items; empty: all
    quick: bool = False  # fewer samples; not a mark
    more_to_come: bool = False  # another submission follows: warm the next box up meanwhile
    train: bool = True  # what was not handed in as weights is trained again, where the rubric says so
    seconds: float | None = None  # for the whole submission; None: what the rubric gives it
    again: float = 60.0  # seconds beyond those for rows that the ones before left no time for
    limits: Limits = field(default_factory=Limits)
    announce: Callable[[Item, int, int], None] = lambda item, number, count: None
    tell: Callable[[str, float], None] = lambda what, share: None  # how far a long item has come
    refreshed: Callable[[Report], None] = lambda report: None  # after every item, with what is known so far


def grade(assignment: Assignment, path: Path, host: Host, options: Options = Options()) -> Report:
    """Grades one submission.

    Raises IntakeError where it cannot be taken in, StaffError where the rubric or the options cannot be followed.
    """
    torch.set_num_threads(min(THREADS, len(os.sched_getaffinity(0))))
    rubric = assignment.rubric
    require_minimum(host.backend, rubric.sandbox)
    items = _chosen(rubric.items, options.only)
    budget = Budget(options.seconds or rubric.seconds, [wanted(item) for item in items])
    with tempfile.TemporaryDirectory(prefix="elbograde-") as folder, _deterministic():
        files = Path(folder) / "submission"
        expected = [row.expected() for row in rubric.files]
        taken = apart(take_in, path, expected, files, what=shown(path.name))
        add_starters(rubric.starters, assignment.stub, files)
        sheet = _Sheet(assignment, path, host, options, items, taken)
        reference = reference_of(assignment, Path(folder) / "reference" / assignment.id)
        student = Submission(host, files, assignment.probes, rubric.seed, options.limits, options.more_to_come)
        try:
            sheet.notices = (*taken.notices, *student.examine_weights(expected, Path(folder) / "weights", taken))
            twin = Twin(host, assignment, reference, Path(folder) / "twin", options.limits)
            _all(sheet, budget, Bench(student, reference, assignment, options.quick, options.train, options.tell, twin))
        finally:
            student.close()
    return sheet.report()


def reference_of(assignment: Assignment, into: Path) -> Reference:
    """The reference; where it holds scripts, it is taken into the new folder `into` as a submission is, so that none is run.

    Raises RubricError where it cannot be.
    """
    rubric, folder = assignment.rubric, assignment.reference
    if any(row.kind == "script" for row in rubric.files):
        try:
            take_in(folder, [row.expected() for row in rubric.files], into)
        except IntakeError as error:
            raise RubricError(f"the reference of {assignment.id} cannot be taken in: {error}") from None
        folder = into
    return Reference(folder, assignment.probes, rubric.seed)


def not_graded(assignment: Assignment, options: Options = Options()) -> tuple[Outcome, ...]:
    """The rows of a report before anything has been judged."""
    return tuple(_not_yet(assignment, item) for item in _chosen(assignment.rubric.items, options.only))


class _Sheet:
    """The report while it is being written: rows that were judged, and rows that are still to come."""

    def __init__(
        self, assignment: Assignment, path: Path, host: Host, options: Options, items: list[Item], taken: Intake
    ) -> None:
        self.assignment, self.options, self.items = assignment, options, items
        self._path, self._backend, self._taken = path, host.backend, taken
        self._begun, self._started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        self.notices: tuple[str, ...] = taken.notices
        self.outcomes: dict[str, Outcome] = {}

    def report(self) -> Report:
        """What is known so far."""
        rubric = self.assignment.rubric
        rows = tuple(self.outcomes.get(item.id) or _not_yet(self.assignment, item) for item in self.items)
        return Report(
            self.assignment.id,
            rubric.heading,
            self._path.resolve().name,
            self._started,
            time.monotonic() - self._begun,
            self._backend.name,
            self._backend.confined,
            rows,
            self._taken.files,
            (*self.notices, *_flags(rows)),
            _versions(),
            rubric.seed,
            _partial(self.options),
        )


def _all(sheet: _Sheet, budget: Budget, bench: Bench) -> None:
    """Every item in its turn; those that earlier ones left no time for are asked once more, in a fresh box."""
    _in_turn(sheet, sheet.items, budget, bench)
    options = sheet.options
    late = [item for item in sheet.items if sheet.outcomes[item.id].cut_short()]
    if late and options.again > 0:
        bench.student.close()
        _in_turn(sheet, late, Budget(options.again, [wanted(item) for item in late]), bench)


def _in_turn(sheet: _Sheet, items: Sequence[Item], budget: Budget, bench: Bench) -> None:
    assignment, options = sheet.assignment, sheet.options
    for number, item in enumerate(items):
        options.announce(item, number, len(items))
        begun = time.monotonic()
        outcome = _outcome(assignment, item, judged(item, number, bench, budget, sheet.outcomes))
        sheet.outcomes[item.id] = replace(outcome, seconds=time.monotonic() - begun)
        options.refreshed(sheet.report())


def _chosen(items: tuple[Item, ...], only: tuple[str, ...]) -> list[Item]:
    for name in only:
        try:
            require(name, (item.id for item in items), "--only")
        except StaffError as error:
            raise StaffError(str(error)) from None
    return [item for item in items if not only or item.id in only]


def _flags(rows: tuple[Outcome, ...]) -> tuple[str, ...]:
    """What staff should look at themselves, of rows that kept their marks."""
    every = ((row, verdict) for row in rows for verdict in row.verdicts)
    return tuple(f"{row.item}: {verdict.message}" for row, verdict in every if verdict.bug.startswith("flag-"))


def _not_yet(assignment: Assignment, item: Item) -> Outcome:
    found = Judged(Status.MANUAL, None) if item.manual else Judged(Status.UNSCORED, None, (Verdict(0.0, NOT_YET),))
    return _outcome(assignment, item, found)


def _outcome(assignment: Assignment, item: Item, found: Judged) -> Outcome:
    titles: Mapping[str, str] = {part.id: part.title for part in assignment.rubric.parts}
    return Outcome(
        item.id,
        titles[item.part],
        item.title,
        found.status,
        item.points,
        None if found.share is None else points(found.share, item.points),
        found.verdicts,
        found.evidence,
        found.printed,
        assumed=item.assumed,
        cite=item.cite,
        visibility=item.visibility,
        bonus=item.bonus,
        leaderboard=item.leaderboard,
    )


@contextmanager
def _deterministic() -> Iterator[None]:
    """torch's own generator is restored, so that grading several submissions in one process changes no draw."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _partial(options: Options) -> str:
    told = [f"--only {name}" for name in options.only] + (["--quick"] if options.quick else [])
    return " ".join(told)


def _versions() -> tuple[tuple[str, str], ...]:
    own = [("elbograde", grading.__version__), ("python", platform.python_version())]
    return (*own, *((name, importlib.metadata.version(name)) for name in PACKAGES))
