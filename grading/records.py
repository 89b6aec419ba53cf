"""What crosses from one room to another. Frozen, and made of nothing but plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """How one item of the rubric ended."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"  # something it depends on failed first; no score of its own
    MANUAL = "manual"  # waits for a human; no score
    UNSCORED = "unscored"  # the grader could not judge it, and says why; no score
    SHOWN = "shown"  # measured for information, worth no points


@dataclass(frozen=True)
class Verdict:
    """What a check found, in words a student can act on."""

    share: float  # 1 right, 0 wrong, between: partly right
    message: str = ""
    bug: str = ""  # short name of the known bug that was recognised, e.g. "kl-sign"
    expected: str = ""
    actual: str = ""
    reproduce: str = ""  # a few lines of Python that show it


# What is told of rows without a score that are nobody's fault.
NOT_YET = "not graded yet"
NO_TIME = "not judged: the rows before used up the submission's time. It costs no mark; staff can grade with more time"


@dataclass(frozen=True)
class Measurement:
    """A number with its 95 % interval. `low` and `high` equal `value` where it is exact."""

    name: str  # "accuracy"
    title: str  # "accuracy by the judge classifier"
    value: float
    low: float
    high: float
    n: int  # how many samples it rests on
    unit: str = ""  # "%" (of a share in [0, 1]), "nats", "" …
    note: str = ""  # how it was obtained, why sampling stopped
    cut_short: bool = False  # the grader's time ended the sampling before the mark was decided


@dataclass(frozen=True)
class Picture:
    """An image for the report."""

    caption: str
    png: bytes


@dataclass(frozen=True)
class Evidence:
    """What a metric brings back."""

    measurements: tuple[Measurement, ...]
    pictures: tuple[Picture, ...] = ()

    def named(self, name: str) -> Measurement:
        """The measurement of that name; raises KeyError where there is none."""
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement
        raise KeyError(name)


def starved(verdicts: Sequence[Verdict]) -> bool:
    """Whether they say that there was too little time."""
    return any(verdict.message == NO_TIME for verdict in verdicts)


@dataclass(frozen=True)
class Outcome:
    """One row of the report."""

    item: str  # "vae.kl_loss"
    part: str  # title of the part it belongs to
    title: str
    status: Status
    max_points: float
    points: float | None  # None: no score (manual, unscored, skipped without score, shown)
    verdicts: tuple[Verdict, ...] = ()
    evidence: Evidence = field(default_factory=lambda: Evidence(()))
    stdout: str = ""  # what the student's code printed meanwhile, capped
    seconds: float = 0.0
    assumed: str = ""  # why the points or the rule are ours rather than the handout's
    cite: str = ""  # where the handout asks for it
    visibility: str = "visible"  # visible, hidden, after_due_date, after_published
    bonus: bool = False
    leaderboard: str = ""  # the name of the measurement that a course shows on its leaderboard

    def cut_short(self) -> bool:
        """Whether the rows before left it too little time to be judged."""
        return self.points is None and starved(self.verdicts)


@dataclass(frozen=True)
class ExpectedFile:
    """A file the rubric asks for."""

    name: str  # the handout's name
    # "code"; "script": a notebook, or a .py of its name, whose definitions are lifted out; "weights"; "notebook": read for
    # what it claims; "starter": given to students, and added where it was not handed in
    kind: str
    aliases: tuple[str, ...] = ()  # other names it may come under
    required: bool = True
    defines: tuple[str, ...] = ()  # classes and functions that tell a script where its name does not


@dataclass(frozen=True)
class FileTaken:
    """One file of the submission, as it was taken in."""

    name: str  # the name the rubric expects
    source: str  # the name it was handed in under
    size: int  # bytes
    sha256: str
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The whole record of one grading."""

    assignment: str
    title: str
    submission: str
    started: str  # ISO 8601, UTC
    seconds: float
    backend: str  # the sandbox backend's name
    confined: bool  # False: graded without a sandbox; must be said in red
    outcomes: tuple[Outcome, ...]
    files: tuple[FileTaken, ...] = ()
    notices: tuple[str, ...] = ()  # what staff should know: missing files, renamed files, clean-ups
    versions: tuple[tuple[str, str], ...] = ()
    seed: str = ""
    partial_run: str = ""  # "--only vae.kl_loss", "--quick": the totals are not a mark

    @property
    def points(self) -> float:
        """The sum of what was judged."""
        return sum(outcome.points for outcome in self.outcomes if outcome.points is not None)

    @property
    def max_points(self) -> float:
        """What could have been earned among the items that were judged, without bonus items."""
        return sum(outcome.max_points for outcome in self.outcomes if outcome.points is not None and not outcome.bonus)
