"""One attack after the other: handed in, graded, and looked at afterwards."""

import shutil
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from grading import assignments
from grading.assignments import Assignment
from grading.errors import IntakeError
from grading.grade import Options, grade
from grading.records import Report
from grading.redteam import aftermath
from grading.redteam.attack import Attack, Target
from grading.redteam.bait import laid_out, private, temporary_files_in
from grading.redteam.verdict import judged, refusal, still_graded
from grading.sandbox.backend import Backend
from grading.sandbox.host import Host


@dataclass(frozen=True)
class Finding:
    """What became of one attack."""

    attack: Attack
    reasons: tuple[str, ...]  # why it was not held; empty where it was
    graded: str  # what was graded all the same
    seconds: float

    @property
    def held(self) -> bool:
        """Whether it came to nothing."""
        return not self.reasons


@dataclass(frozen=True)
class Camp:
    """Where one attack is tried: a private folder, and a box that warms up in it."""

    target: Target
    host: Host
    children: frozenset[int]  # the processes that were started for it


def tried(
    attacks: Sequence[Attack], backend: Backend, begins: Callable[[Attack], None] = lambda attack: None
) -> Generator[Finding, None, None]:
    """Tries the attacks in turn, each in a box of its own, while the next box warms up."""
    with laid_out() as bait, aftermath.adopting_orphans():
        ours = aftermath.children()
        waiting = [_camp(bait, 0, backend)] if attacks else []
        try:
            for number, attack in enumerate(attacks, 1):
                if attack.refused:  # it needs no box, unless it is taken in after all
                    camp = Camp(private(bait, number), waiting[-1].host, frozenset())
                else:
                    camp = waiting.pop()
                    waiting += [_camp(bait, number, backend)] if number < len(attacks) else []
                begins(attack)
                yield _finding(attack, camp, ours.union(*(other.children for other in waiting)))
        finally:
            for camp in waiting:
                _close(camp)


def _camp(bait: Target, number: int, backend: Backend) -> Camp:
    target, before = private(bait, number), aftermath.children()
    with temporary_files_in(target.temporary):
        host = Host(backend)
    return Camp(target, host, aftermath.children() - before)


def _close(camp: Camp) -> None:
    with camp.host:
        shutil.rmtree(camp.target.folder, ignore_errors=True)


def _finding(attack: Attack, camp: Camp, spared: frozenset[int]) -> Finding:
    begun, reports, reasons = time.monotonic(), list[Report](), list[str]()
    submission = attack.lay(camp.target)
    before = aftermath.files(camp.target)
    try:
        with nullcontext() if attack.refused else camp.host, temporary_files_in(camp.target.temporary):
            for turn in range(attack.times):
                reports.append(_graded(attack, submission, camp.host, turn + 1 < attack.times))
                reasons += aftermath.flaws(reports[-1], camp.target)
    except IntakeError as error:
        reasons += refusal(attack, str(error))
    except Exception:  # the boundary: whatever ends the grading is what the attack has achieved
        reasons.append(f"it ended the grading: {traceback.format_exc(limit=-1).strip()}")
    reasons += [*judged(attack, reports), *_left_behind(reports, camp.target, before, spared)]
    return Finding(attack, tuple(dict.fromkeys(reasons)), still_graded(attack, reports), time.monotonic() - begun)


def _graded(attack: Attack, submission: Path, host: Host, again: bool) -> Report:
    assignment = hurried(assignments.load(attack.assignment), attack)
    asked = (*attack.attacked, *attack.beside, *attack.free)
    return grade(assignment, submission, host, Options(asked, attack.quick, again, limits=attack.limits))


def hurried(assignment: Assignment, attack: Attack) -> Assignment:
    """The assignment, with the seconds that the attack's own items are given."""
    if attack.seconds is None:
        return assignment
    less = {"seconds": attack.seconds}
    rubric = assignment.rubric
    items = tuple(item.model_copy(update=less) if item.id in attack.attacked else item for item in rubric.items)
    return replace(assignment, rubric=rubric.model_copy(update={"items": items}))


def _left_behind(
    reports: Sequence[Report], target: Target, before: aftermath.Files, spared: frozenset[int]
) -> Iterator[str]:
    """Processes, files and changed results; they are taken away, so that no later attack is blamed for them."""
    alive = aftermath.survivors(spared)
    if alive:
        yield f"{len(alive)} of its processes survive"
    aftermath.end(alive)
    if reports and not aftermath.as_written(reports[-1], target):
        yield "the results were changed after they were written"
    if strays := aftermath.strays(target, before):
        yield f"files outside its box: {', '.join(strays[:3])}{' …' if len(strays) > 3 else ''}"
    for path in aftermath.marks(target):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    shutil.rmtree(target.folder, ignore_errors=True)
