"""One attack after the other: handed in, graded, and looked at afterwards."""

import random
import re
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
from grading.redteam import aftermath, company
from grading.redteam.attack import Attack, Target
from grading.redteam.bait import Camp, laid_out, private, temporary_files_in
from grading.redteam.verdict import judged, refusal, still_graded
from grading.sandbox.backend import Backend
from grading.sandbox.host import Host

OF_TIME = re.compile(r"used up the submission's time|no answer within|it kept the grader for")
SEED = 0  # of what varies in the attacks, unless another is asked for


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

    @property
    def of_time(self) -> bool:
        """Whether all that was wrong is that something took long, which a busy machine is enough for."""
        return bool(self.reasons) and all(OF_TIME.search(reason) for reason in self.reasons)


def tried(
    attacks: Sequence[Attack],
    backend: Backend,
    begins: Callable[[Attack], None] = lambda attack: None,
    seed: int = SEED,
) -> Generator[Finding, None, None]:
    """Tries the attacks in turn, each in a box of its own, while the next box warms up.

    seed: what varies in an attack is drawn with it and the attack's name, so that one alone is as it is among all
    """
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
                camp = replace(camp, target=replace(camp.target, rng=random.Random(f"{seed} {attack.name}")))
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
    earlier = [lay(camp.target) for lay in attack.before]
    submission = attack.lay(camp.target)
    before = aftermath.files(camp.target)
    memory = aftermath.Memory()
    try:
        with nullcontext() if attack.refused else camp.host, temporary_files_in(camp.target.temporary):
            reasons += company.spoilt(attack, [*earlier, submission], camp) if earlier else []
            for turn in range(attack.times):
                reports.append(_graded(attack, submission, camp.host, turn + 1 < attack.times))
                reasons += aftermath.flaws(reports[-1], camp.target)
    except IntakeError as error:
        reasons += refusal(attack, str(error))
    except Exception:  # the boundary: whatever ends the grading is what the attack has achieved
        reasons.append(f"it ended the grading: {traceback.format_exc(limit=-1).strip()}")
    seconds = time.monotonic() - begun
    reasons += [*judged(attack, reports), *_burnt(attack, memory.grown(), seconds)]
    reasons += _left_behind(reports, camp.target, before, spared)
    return Finding(attack, tuple(dict.fromkeys(reasons)), still_graded(attack, reports), seconds)


def _graded(attack: Attack, submission: Path, host: Host, again: bool) -> Report:
    assignment = hurried(assignments.load(attack.assignment), attack)
    asked = (*attack.attacked, *attack.beside, *attack.free)
    options = Options(asked, attack.quick, again, seconds=attack.altogether, again=attack.again, limits=attack.limits)
    return grade(assignment, submission, host, options)


def _burnt(attack: Attack, grown: int, seconds: float) -> Iterator[str]:
    """Time and memory of the grader's own, beyond what the attack may cost."""
    if grown > attack.memory_bytes:
        yield f"the grader's own process grew by {grown >> 20:,} MiB"
    if seconds > attack.longest:
        yield f"it kept the grader for {seconds:.0f} s"


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
