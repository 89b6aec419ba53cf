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
    Crashed,
    DataMissing,
    GraderError,
    Lacking,
    NotDone,
    NotMeasured,
    SubmissionError,
    TimedOut,
    Unrepeatable,
    Unusable,
)
from grading.intake.modules import module_of
from grading.metrics.fitting import unfit
from grading.metrics.setting import Setting
from grading.records import NO_TIME, Evidence, Outcome, Status, Verdict, starved
from grading.rubric import Item
from grading.sandbox.inside.loading import NOT_HANDED_IN
from grading.seeds import generator
from grading.subjects import Reference, Submission
from grading.twin import Twin

NOTHING = Evidence(())
RAISED = "the code raised an exception"
FLAGGED = "it costs nothing, and staff are told: {}"


@dataclass(frozen=True)
class Judged:
    """What became of one item, before it is turned into points."""

    status: Status
    share: float | None
    verdicts: tuple[Verdict, ...] = ()
    evidence: Evidence = NOTHING
    printed: str = ""

    def cut_short(self) -> bool:
        """Whether the rows before left it too little time."""
        return self.share is None and starved(self.verdicts)


@dataclass(frozen=True)
class Bench:
    """What every item of one submission is judged with."""

    student: Submission
    reference: Reference
    assignment: Assignment
    quick: bool
    train: bool
    tell: Callable[[str, float], None]
    twin: Twin


def wanted(item: Item) -> float:
    """The most seconds that an item takes. Sampling keeps to its own budget; what it has begun by then may end."""
    return 2 * item.seconds if item.metric else 0.0 if item.manual else item.seconds


def judged(item: Item, number: int, bench: Bench, budget: Budget, before: Mapping[str, Outcome]) -> Judged:
    """One item, in the time that the submission has left for it.

    One that was cut short before, and is again with nothing in its way, is a human's: it may be slow, or be meant to be.
    """
    if item.manual and not item.metric:
        return Judged(Status.MANUAL, None)
    ended = [before[name] for name in item.needs if name in before]
    failed = [outcome.title for outcome in ended if outcome.status in (Status.FAILED, Status.SKIPPED)]
    if failed:
        return Judged(Status.SKIPPED, 0.0, (Verdict(0.0, f"not judged, because {', '.join(failed)} failed"),))
    allowed = budget.allowance(number)
    if allowed < min(1.0, wanted(item)):
        if item.id in before and before[item.id].cut_short():
            return _left_to_a_human("the rows before used up the submission's time, and what it was given beyond that")
        return Judged(Status.UNSCORED, None, (Verdict(0.0, NO_TIME),))
    seconds = min(item.seconds, allowed)
    with bench.student.item(item.id, seconds, allowed):
        found = judged_now(item, bench, seconds, hurried=allowed < wanted(item))
        if found.cut_short() and item.id in before:
            again = f"asked again in a fresh process, it gave no answer within {allowed:.0f} s either"
            found = _left_to_a_human(f"the rows before used up the submission's time; {again}")
        if item.manual:
            found = Judged(Status.MANUAL, None, found.verdicts, found.evidence)
        return replace(found, printed=bench.student.printed())


def judged_now(item: Item, bench: Bench, seconds: float, hurried: bool) -> Judged:
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
    except Lacking as error:
        return _left_to_a_human(str(error))
    except NotDone as error:
        return _failed(item, Verdict(0.0, str(error), bug="not-done"))
    except Unusable as error:
        if not (told := _explained(item, bench, error)).startswith(RAISED):
            return _failed(item, Verdict(0.0, told))
        return _unusable(item, bench, error.said, error.returned)
    except Crashed as error:
        return _failed(item, Verdict(0.0, _by_handed_in_name(_explained(item, bench, error), bench)))
    except SubmissionError as error:
        return _failed(item, _said(error))
    except GraderError as error:
        return _ours(str(error))
    except Exception as error:  # the boundary: a mistake of ours must end neither the grading nor a student's mark
        said = f"{type(error).__name__}: {error}"
        return _unusable(item, bench, said, bench.student.answered(), traceback.format_exc(limit=-4))


def _unusable(item: Item, bench: Bench, said: str, returned: str, trace: str = "") -> Judged:
    """Something of ours stumbled. With an answer of the code's in hand, over which no right one stumbles, it is the answer.

    said: by the exception;  returned: what the code had answered, in words; "" where it had answered nothing
    """
    if not item.check and trace:  # nobody can tell: there is no right answer to hold against a measurement
        told = f"what came back could not be measured ({said}): {returned}"
        return _left_to_a_human(told) if returned else _ours(trace)
    if item.check and (stumbled := bench.twin.stumbles(item)):
        return _ours(trace or stumbled)
    if not returned and trace:
        return _ours(trace)
    if not returned:
        return _left_to_a_human(f"the question could not be put to this code ({said})")
    wanted = _first_line(judge(item.check, "checks")) if item.check else ""
    told = f"what came back could not be used: {returned}" + (f". What is wanted: {wanted}" if wanted else "")
    return _failed(item, Verdict(0.0, told, actual=returned, expected=wanted))


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


def _explained(item: Item, bench: Bench, error: Crashed) -> str:
    """The crash; where weights do not fit the model, what the two have in common and what to do."""
    said, file = f"{RAISED}: {error}", item.sampling.file
    if str(error).startswith("FileNotFoundError: "):
        return _missing(str(error).removeprefix("FileNotFoundError: "), bench) or said
    if not file or "state_dict" not in str(error):
        return said
    return unfit(bench.student, file, error)


def _missing(said: str, bench: Bench) -> str:
    """Why a file was not there that the code, or a probe, looked for; "" where it is none that is asked for."""
    for row in bench.assignment.rubric.files:
        module = module_of(row.name) if row.kind == "script" else row.name
        if said == f"{module}{NOT_HANDED_IN}":
            told = bench.student.why_missing(row.name)
            return said if told == f"{row.name}{NOT_HANDED_IN}" else told
        names = "|".join(map(re.escape, (row.name, *row.aliases)))
        if row.kind == "weights" and re.search(rf"['/]({names})'", said) and not bench.student.has_weights(row.name):
            return bench.student.why_missing(row.name)
    return said if said.endswith(NOT_HANDED_IN) else ""


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
    if taking := [row for row in shut if not row.flag and not row.human]:
        verdicts = tuple(Verdict(0.0, row.because, bug=f"gate-{row.measurement}") for row in taking)
        return Judged(Status.FAILED, 0.0, verdicts, evidence)
    flags = tuple(Verdict(1.0, FLAGGED.format(row.because), bug=f"flag-{row.measurement}") for row in shut if row.flag)
    found = evidence.named(item.score_by)
    share = share_with_doubt(item.ramp, found)
    if share and (waiting := next((row for row in shut if row.human), None)):  # where a mark is at stake
        return replace(_left_to_a_human(waiting.because, f"gate-{waiting.measurement}"), evidence=evidence)
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
