"""Whatever comes back over the wire, it is judged: no answer makes a row unscored, and none shows where the grader lies.

Every check of every rubric is asked with the reference's answers, one of which is altered in one place. A few examples of each
run every day, ELBOGRADE_FUZZ of them with `make fuzz`.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_values import altered, over_the_wire

from grading import assignments, judging
from grading.grade import reference_of
from grading.judging import Bench, judged_now
from grading.records import Status
from grading.rubric import Item
from grading.sandbox.box import Limits
from grading.sandbox.host import Host
from grading.sandbox.inside.blame import described
from grading.sandbox.inside.frames import frame
from grading.subjects import Submission
from grading.twin import Twin

FUZZ = os.environ.get("ELBOGRADE_FUZZ")
EXAMPLES = int(FUZZ or "6")
CHECKS = [(name, item) for name in assignments.ids() for item in assignments.load(name).rubric.items if item.check]
OWN = {name for name in dir(Submission) if not name.startswith("__")}
HERE = str(Path(__file__).parents[1])


class Remembering:
    """The reference in a box, each of whose answers is asked for once."""

    def __init__(self, student: Submission) -> None:
        self.student, self.known = student, dict[Any, Any]()

    def ask(self, probe: str, number: int, seed: str | None, args: dict[str, Any]) -> Any:
        key = (probe, number if seed is None else seed, hashlib.sha256(frame(args)).digest())
        if key not in self.known:
            try:
                self.known[key] = self.student.ask(probe, args, seed), None
            except Exception as error:
                self.known[key] = None, error
        answer, error = self.known[key]
        if error is not None:
            raise error
        return answer


class Altered:
    """The same, but one answer is another: that of the `at`-th question, and those to the same probe from then on, or not."""

    def __init__(self, remembering: Remembering, at: int, change: Callable[[Any], Any], on: bool = False) -> None:
        self.remembering, self.at, self.change, self.number, self.last = remembering, at, change, 0, ""
        self.on, self.kept = on, dict[str, Any]()

    def answered(self) -> str:
        return self.last

    def __getattr__(self, name: str) -> Any:
        if name in OWN:
            return getattr(self.remembering.student, name)

        def ask(*, seed: str | None = None, seconds: float | None = None, **args: Any) -> Any:
            self.last = ""
            self.number += 1
            answer = self.remembering.ask(name, self.number, seed, args)
            if self.number == self.at:
                answer = over_the_wire(self.change(answer))
                self.kept = {name: answer} if self.on else {}
            answer = self.kept.get(name, answer)
            self.last = described(answer)
            return answer

        return ask


@pytest.fixture(scope="module")
def bench_of(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bench]]:
    """For each assignment that is asked for: its reference in a box, and what judges it."""
    with ExitStack() as stack:

        @cache
        def made(name: str) -> Bench:
            assignment, folder = assignments.load(name), tmp_path_factory.mktemp(name)
            reference = reference_of(assignment, folder / "reference")
            twin = Twin(host, assignment, reference, folder / "twin", Limits())
            student = stack.enter_context(twin.submission())
            return Bench(student, reference, assignment, True, False, lambda what, share: None, twin)

        yield made


@pytest.mark.parametrize(
    ("name", "item"),
    [
        pytest.param(name, item, id=f"{name}-{item.id}", marks=[pytest.mark.slow] if item.slow else [])
        for name, item in CHECKS
    ],
)
def test_no_answer_makes_a_row_unscored(
    name: str, item: Item, bench_of: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, became, stumbles = bench_of(name), Counter[str](), Counter[str]()
    unusable = judging._unusable

    def noted(item: Item, bench: Bench, said: str, returned: str, trace: str = "") -> judging.Judged:
        places = re.findall(r'checks/(\w+\.py)", line (\d+)', trace)
        stumbles[f"{':'.join(places[-1]) if places else ''} {said[:80]}"] += 1
        return unusable(item, bench, said, returned, trace)

    monkeypatch.setattr(judging, "_unusable", noted)
    with bench.student.item(item.id, 600.0):
        remembering = Remembering(bench.student)
        first = Altered(remembering, 0, lambda answer: answer)
        outcome = judged_now(item, with_student(bench, first), 600.0, hurried=False)
        assert outcome.status in (Status.PASSED, Status.MANUAL), outcome

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=FUZZ is None,
            suppress_health_check=list(HealthCheck),
        )
        @given(at=st.integers(1, max(1, min(first.number, 40))), on=st.booleans(), data=st.data())
        def fuzzed(at: int, on: bool, data: st.DataObject) -> None:
            student = Altered(remembering, at, lambda answer: data.draw(altered(answer)), on)
            outcome = judged_now(item, with_student(bench, student), 600.0, hurried=False)
            became[str(outcome.status)] += 1
            said = " ".join(f"{each.message} {each.actual} {each.expected}" for each in outcome.verdicts)
            assert outcome.status is not Status.UNSCORED, said
            assert HERE not in said and "Traceback" not in said, said

        fuzzed()
    print(name, item.id, dict(became), dict(stumbles))


def with_student(bench: Bench, student: Altered) -> Bench:
    return replace(bench, student=cast(Submission, student))
