"""grade(id, submission) -> Report: the only file that knows the order of things."""

import importlib.metadata
import platform
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

import grading
from grading import assets
from grading.assignments import Assignment, judge
from grading.checks.compare import Disagreement
from grading.credit import points, share_with_doubt
from grading.errors import AnswerError, Crashed, GraderError, NotDone, StaffError, SubmissionError
from grading.intake import explain_mismatch, take_in
from grading.metrics.setting import Setting
from grading.records import Evidence, Outcome, Report, Status, Verdict
from grading.rubric import Item, require
from grading.sandbox.box import Limits
from grading.sandbox.host import Host
from grading.subjects import Reference, Submission, generator

JUDGE_THREADS = 2
NOTHING = Evidence(())
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "hypothesis", "safetensors")


@dataclass(frozen=True)
class Options:
    """How to grade, beyond what the rubric says."""

    only: tuple[str, ...] = ()  # ids of items; empty: all
    quick: bool = False  # fewer samples; not a mark
    more_to_come: bool = False  # another submission follows: warm the next box up meanwhile
    announce: Callable[[Item, int, int], None] = lambda item, number, count: None
    finished: Callable[[Outcome], None] = lambda outcome: None


@dataclass(frozen=True)
class _Judged:
    """What became of one item, before it is turned into points."""

    status: Status
    share: float | None
    verdicts: tuple[Verdict, ...] = ()
    evidence: Evidence = NOTHING


def grade(assignment: Assignment, path: Path, host: Host, options: Options = Options()) -> Report:
    """Grades one submission.

    Raises IntakeError where it cannot be taken in, StaffError where the rubric or the options cannot be followed.
    """
    torch.set_num_threads(JUDGE_THREADS)
    begun, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    rubric = assignment.rubric
    items = _chosen(rubric.items, options.only)
    with tempfile.TemporaryDirectory(prefix="elbograde-") as folder, _deterministic():
        expected = [row.expected() for row in rubric.files]
        taken = take_in(path, expected, Path(folder) / "submission")
        _add_starters(assignment, Path(folder) / "submission")
        student = Submission(
            host, Path(folder) / "submission", assignment.probes, rubric.seed, Limits(), options.more_to_come
        )
        try:
            notes = student.examine_weights(expected, Path(folder) / "weights")
            outcomes = _all(items, student, assignment, options)
        finally:
            student.close()
    return Report(
        assignment.id,
        f"{rubric.course}. {rubric.title}",
        path.resolve().name,
        started,
        time.monotonic() - begun,
        host.backend.name,
        host.backend.confined,
        tuple(outcomes),
        taken.files,
        (*taken.notices, *notes),
        _versions(),
        rubric.seed,
        _partial(options),
    )


def _add_starters(assignment: Assignment, files: Path) -> None:
    """Puts the files that students were given beside what they handed in; their own copy of one stays."""
    for row in assignment.rubric.files:
        if row.kind == "starter" and not (files / row.name).exists():
            (files / row.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(assignment.stub / row.name, files / row.name)


def _chosen(items: tuple[Item, ...], only: tuple[str, ...]) -> list[Item]:
    for name in only:
        try:
            require(name, (item.id for item in items), "--only")
        except StaffError as error:
            raise StaffError(str(error)) from None
    return [item for item in items if not only or item.id in only]


def _all(items: list[Item], student: Submission, assignment: Assignment, options: Options) -> list[Outcome]:
    outcomes: dict[str, Outcome] = {}
    reference = Reference(assignment.reference, assignment.probes, assignment.rubric.seed)
    titles = {part.id: part.title for part in assignment.rubric.parts}
    for number, item in enumerate(items):
        options.announce(item, number, len(items))
        begun = time.monotonic()
        # Sampling keeps to its own budget; what it has begun by then may end.
        with student.item(item.id, item.seconds, 2 * item.seconds if item.metric else None):
            judged = _judge(item, student, reference, assignment, options, outcomes)
            printed = student.printed()
        outcome = _outcome(item, titles[item.part], judged)
        outcomes[item.id] = replace(outcome, stdout=printed, seconds=time.monotonic() - begun)
        options.finished(outcomes[item.id])
    return list(outcomes.values())


def _judge(
    item: Item,
    student: Submission,
    reference: Reference,
    assignment: Assignment,
    options: Options,
    before: dict[str, Outcome],
) -> _Judged:
    """One item. What a submission does wrong is its verdict; everything else is ours, and costs no mark."""
    ended = [before[name] for name in item.needs if name in before]
    failed = [outcome.title for outcome in ended if outcome.status in (Status.FAILED, Status.SKIPPED)]
    if item.manual:
        return _Judged(Status.MANUAL, None)
    if failed:
        return _Judged(Status.SKIPPED, 0.0, (Verdict(0.0, f"not judged, because {', '.join(failed)} failed"),))
    try:
        if item.sampling.file:
            student.weights(item.sampling.file)  # says why, where there are none
        if item.check:
            check = judge(item.check, "checks")
            check(student, reference, generator(assignment.rubric.seed, item.id))
            return _Judged(Status.PASSED, 1.0, (Verdict(1.0, _first_line(check)),))
        return _measured(item, student, assignment, options)
    except Disagreement as error:
        return _failed(item, error.verdict)
    except NotDone as error:
        return _failed(item, Verdict(0.0, str(error), bug="not-done"))
    except Crashed as error:
        return _failed(item, Verdict(0.0, _explained(item, student, error)))
    except SubmissionError as error:
        return _failed(item, Verdict(0.0, str(error)))
    except GraderError as error:
        return _ours(str(error))
    except Exception:  # the boundary: a mistake of ours must end neither the grading nor a student's mark
        return _ours(traceback.format_exc(limit=-4))


def _first_line(check: Callable[..., object]) -> str:
    """What the check makes sure of, as its docstring says it first."""
    return (check.__doc__ or "").strip().splitlines()[0]


def _failed(item: Item, verdict: Verdict) -> _Judged:
    """A row that went wrong; where the handout does not ask for the weights it rests on, a human's to judge."""
    if item.sampling.without == "manual":
        told = replace(verdict, message=f"not measured, so left to a human: {verdict.message}")
        return _Judged(Status.MANUAL, None, (told,))
    if not item.points:
        return _Judged(Status.SHOWN, None, (verdict,))
    return _Judged(Status.PARTIAL if verdict.share > 0 else Status.FAILED, verdict.share, (verdict,))


def _ours(what: str) -> _Judged:
    message = f"the grader could not judge this item; it costs no mark. For staff: {what}"
    return _Judged(Status.UNSCORED, None, (Verdict(0.0, message),))


def _explained(item: Item, student: Submission, error: Crashed) -> str:
    """The crash; where weights do not fit the model, what the two have in common and what to do."""
    said, file = f"the code raised an exception: {error}", item.sampling.file
    if not file or "state_dict" not in str(error):
        return said
    manifest = student.weights(file)
    try:
        model = {name: tuple(shape) for name, shape in student.state_shapes(file=file).items()}
    except AnswerError:
        return said
    told = explain_mismatch({name: shape for name, shape, _ in manifest.tensors}, model) or " ".join(manifest.notes)
    return f"{file} does not fit the model. {told}" if told else said


def _measured(item: Item, student: Submission, assignment: Assignment, options: Options) -> _Judged:
    setting = Setting(
        item.sampling,
        item.ramp,
        assets.load(assignment.rubric.assets),
        item.seconds,
        options.quick,
        assignment.rubric.seed,
    )
    evidence = _rounded(judge(item.metric, "metrics")(student, setting))
    if item.ramp is None or not item.score_by:
        return _Judged(Status.SHOWN, None, (), evidence)
    shut = [gate for gate in (row.gate() for row in item.gates) if not gate.open(evidence.named(gate.measurement))]
    if shut:
        verdicts = tuple(Verdict(0.0, gate.because, bug=f"gate-{gate.measurement}") for gate in shut)
        return _Judged(Status.FAILED, 0.0, verdicts, evidence)
    found = evidence.named(item.score_by)
    share = share_with_doubt(item.ramp, found)
    status = Status.PASSED if share == 1 else Status.PARTIAL if share else Status.FAILED
    told = (
        f"{found.value:.1%} (95 %: {found.low:.1%} to {found.high:.1%}, n = {found.n}); "
        f"full marks at {item.ramp.full:.0%}, none below {item.ramp.zero:.0%}"
    )
    return _Judged(status, share, (Verdict(share, told),), evidence)


def _rounded(evidence: Evidence) -> Evidence:
    """Measurements to nine digits: the last ones of float64 depend on where linear algebra finds its numbers in memory."""
    rounded = [
        replace(each, value=_digits(each.value), low=_digits(each.low), high=_digits(each.high))
        for each in evidence.measurements
    ]
    return replace(evidence, measurements=tuple(rounded))


def _digits(value: float) -> float:
    return float(f"{value:.9g}")


def _outcome(item: Item, part: str, judged: _Judged) -> Outcome:
    earned = None if judged.share is None else points(judged.share, item.points)
    return Outcome(
        item.id,
        part,
        item.title,
        judged.status,
        item.points,
        earned,
        judged.verdicts,
        judged.evidence,
        assumed=item.assumed,
        cite=item.cite,
        visibility=item.visibility,
        bonus=item.bonus,
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
