"""One item: who is asked what, whose fault it is where it goes wrong, and what share it earns."""

import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from grading import assets
from grading.assignments import Assignment, judge
from grading.budget import Budget
from grading.checks.compare import Disagreement
from grading.credit import rounded, share_with_doubt
from grading.errors import (
    AnswerError,
    Crashed,
    DataMissing,
    GraderError,
    NotDone,
    NotMeasured,
    SubmissionError,
    TimedOut,
    Unrepeatable,
)
from grading.intake import explain_mismatch
from grading.intake.modules import module_of
from grading.metrics.setting import Setting
from grading.records import NO_TIME, Evidence, Outcome, Status, Verdict
from grading.rubric import Item
from grading.sandbox.inside.loading import NOT_HANDED_IN
from grading.subjects import Reference, Submission, generator

NOTHING = Evidence(())
FLAGGED = "it costs nothing, and staff are told: {}"


@dataclass(frozen=True)
class Judged:
    """What became of one item, before it is turned into points."""

    status: Status
    share: float | None
    verdicts: tuple[Verdict, ...] = ()
    evidence: Evidence = NOTHING
    printed: str = ""


@dataclass(frozen=True)
class Bench:
    """What every item of one submission is judged with."""

    student: Submission
    reference: Reference
    assignment: Assignment
    quick: bool
    train: bool
    tell: Callable[[str, float], None]


def wanted(item: Item) -> float:
    """The most seconds that an item takes. Sampling keeps to its own budget; what it has begun by then may end."""
    return 2 * item.seconds if item.metric else 0.0 if item.manual else item.seconds


def judged(item: Item, number: int, bench: Bench, budget: Budget, before: Mapping[str, Outcome]) -> Judged:
    """One item, in the time that the submission has left for it."""
    if item.manual and not item.metric:
        return Judged(Status.MANUAL, None)
    ended = [before[name] for name in item.needs if name in before]
    failed = [outcome.title for outcome in ended if outcome.status in (Status.FAILED, Status.SKIPPED)]
    if failed:
        return Judged(Status.SKIPPED, 0.0, (Verdict(0.0, f"not judged, because {', '.join(failed)} failed"),))
    allowed = budget.allowance(number)
    if allowed < min(1.0, wanted(item)):
        return Judged(Status.UNSCORED, None, (Verdict(0.0, NO_TIME),))
    seconds = min(item.seconds, allowed)
    with bench.student.item(item.id, seconds, allowed):
        found = _judged_now(item, bench, seconds, hurried=allowed < wanted(item))
        if item.manual:
            found = Judged(Status.MANUAL, None, found.verdicts, found.evidence)
        return replace(found, printed=bench.student.printed())


def _judged_now(item: Item, bench: Bench, seconds: float, hurried: bool) -> Judged:
    """What a submission does wrong is its verdict; everything else is ours, and costs no mark.

    hurried: the rows before have left less time than the item may take; running out of it is then held against nobody
    """
    try:
        return _checked(item, bench) if item.check else _measured(item, bench, seconds)
    except Disagreement as error:
        return _failed(item, error.verdict)
    except TimedOut as error:
        return Judged(Status.UNSCORED, None, (Verdict(0.0, NO_TIME),)) if hurried else _failed(item, _said(error))
    except Unrepeatable as error:
        return _left_to_a_human(str(error), bug="not-repeatable")
    except (NotMeasured, DataMissing) as error:
        return _left_to_a_human(str(error))
    except NotDone as error:
        return _failed(item, Verdict(0.0, str(error), bug="not-done"))
    except Crashed as error:
        return _failed(item, Verdict(0.0, _by_handed_in_name(_explained(item, bench.student, error), bench)))
    except SubmissionError as error:
        return _failed(item, _said(error))
    except GraderError as error:
        return _ours(str(error))
    except Exception:  # the boundary: a mistake of ours must end neither the grading nor a student's mark
        return _ours(traceback.format_exc(limit=-4))


def _left_to_a_human(why: str, bug: str = "") -> Judged:
    return Judged(Status.MANUAL, None, (Verdict(0.0, f"left to a human: {why}", bug=bug),))


def _said(error: SubmissionError) -> Verdict:
    return Verdict(0.0, str(error))


def _checked(item: Item, bench: Bench) -> Judged:
    _weights_are_there(item, bench)
    check = judge(item.check, "checks")
    check(bench.student, bench.reference, generator(bench.assignment.rubric.seed, item.id))
    return Judged(Status.PASSED, 1.0, (Verdict(1.0, _first_line(check)),))


def _weights_are_there(item: Item, bench: Bench) -> None:
    """Raises WeightsError, which says why, where an item cannot do without weights that are missing."""
    weights = {file.name for file in bench.assignment.rubric.files if file.kind == "weights"}
    if item.sampling.file in weights and item.sampling.without != "train":
        bench.student.weights(item.sampling.file)


def _first_line(check: Callable[..., object]) -> str:
    """What the check makes sure of, as its docstring says it first."""
    return (check.__doc__ or "").strip().splitlines()[0]


def _failed(item: Item, verdict: Verdict) -> Judged:
    """A row that went wrong; where the handout does not ask for the weights it rests on, a human's to judge."""
    if item.sampling.without == "manual":
        told = replace(verdict, message=f"not measured, so left to a human: {verdict.message}")
        return Judged(Status.MANUAL, None, (told,))
    if not item.points:
        return Judged(Status.SHOWN, None, (verdict,))
    status = Status.PASSED if verdict.share == 1 else Status.PARTIAL if verdict.share else Status.FAILED
    return Judged(status, verdict.share, (verdict,))


def _ours(what: str) -> Judged:
    message = f"the grader could not judge this item; it costs no mark. For staff: {what}"
    return Judged(Status.UNSCORED, None, (Verdict(0.0, message),))


def _explained(item: Item, student: Submission, error: Crashed) -> str:
    """The crash; where weights do not fit the model, what the two have in common and what to do."""
    said, file = f"the code raised an exception: {error}", item.sampling.file
    if str(error).startswith("FileNotFoundError: ") and str(error).endswith(NOT_HANDED_IN):
        return str(error).removeprefix("FileNotFoundError: ")
    if not file or "state_dict" not in str(error):
        return said
    manifest = student.weights(file)
    try:
        model = {name: tuple(shape) for name, shape in student.state_shapes(file=file).items()}
    except AnswerError:
        return said
    told = explain_mismatch({name: shape for name, shape, _ in manifest.tensors}, model) or " ".join(manifest.notes)
    return f"{file} does not fit the model. {told}" if told else said


def _by_handed_in_name(said: str, bench: Bench) -> str:
    """The same, but of modules that were made of notebooks it speaks by their names, and without the module's lines."""
    for row in bench.assignment.rubric.files:
        if row.kind == "script" and row.name.endswith(".ipynb"):
            said = re.sub(rf"{re.escape(module_of(row.name))}(, line \d+)?", row.name, said)
    return said


def _measured(item: Item, bench: Bench, seconds: float) -> Judged:
    _weights_are_there(item, bench)
    rubric = bench.assignment.rubric
    own = assets.load(rubric.assets)
    setting = Setting(item.sampling, item.ramp, own, seconds, bench.quick, rubric.seed, bench.train, bench.tell)
    evidence = rounded(judge(item.metric, "metrics")(bench.student, setting))
    if item.ramp is None or not item.score_by:
        return Judged(Status.SHOWN, None, (), evidence)
    shut = [row for row in item.gates if not row.gate().open(evidence.named(row.measurement))]
    if any(not row.flag for row in shut):
        verdicts = tuple(Verdict(0.0, row.because, bug=f"gate-{row.measurement}") for row in shut if not row.flag)
        return Judged(Status.FAILED, 0.0, verdicts, evidence)
    flags = tuple(Verdict(1.0, FLAGGED.format(row.because), bug=f"flag-{row.measurement}") for row in shut)
    found = evidence.named(item.score_by)
    share = share_with_doubt(item.ramp, found)
    status = Status.PASSED if share == 1 else Status.PARTIAL if share else Status.FAILED
    value, low, high, full, zero = (
        _figure(number, found.unit) for number in (found.value, found.low, found.high, item.ramp.full, item.ramp.zero)
    )
    doubt = f" (95 %: {low} to {high}, n = {found.n})" if found.low < found.high else ""
    told = f"{value}{doubt}; full marks at {full}, none at {zero}"
    return Judged(status, share, (Verdict(share, told), *flags), evidence)


def _figure(value: float, unit: str) -> str:
    """A number as people read it: 71.2 %, 108.1 nats."""
    if unit == "%":
        return f"{100 * value:.4g} %"
    counted = value.is_integer() and abs(value) >= 1_000
    return f"{value:,.0f} {unit}".strip() if counted else f"{value:.4g} {unit}".strip()
