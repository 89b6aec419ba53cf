"""The reference, handed in as a submission is: where a check stumbles over an answer, it tells whose fault that is."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grading.assignments import Assignment, judge
from grading.intake import Intake, add_starters, take_in
from grading.rubric import Item
from grading.sandbox.box import Limits
from grading.sandbox.host import Host
from grading.seeds import generator
from grading.subjects import Reference, Submission


class Twin:
    """The right answers, given in the same surroundings as the student's: the same box, starters, weights and seeds.

    Nothing is made of it before it is asked for, which honest submissions hardly ever need.
    """

    def __init__(self, host: Host, assignment: Assignment, reference: Reference, folder: Path, limits: Limits) -> None:
        self._host, self._assignment, self._reference = host, assignment, reference
        self._folder, self._limits = folder, limits
        self._told: dict[str, str] = {}
        self._taken: Intake | None = None

    def stumbles(self, item: Item) -> str:
        """What an item's check raises over the reference's answers; "" where it raises nothing."""
        if item.id not in self._told:
            self._told[item.id] = self._asked(item)
        return self._told[item.id]

    def _asked(self, item: Item) -> str:
        try:
            with self.submission() as student, student.item(item.id, item.seconds):
                check = judge(item.check, "checks")
                check(student, self._reference, generator(self._assignment.rubric.seed, item.id))
        except Exception:  # whatever it is, it is ours
            return traceback.format_exc(limit=-4)
        return ""

    @contextmanager
    def submission(self) -> Iterator[Submission]:
        """The reference in a box. Raises GradingError where it cannot be taken in."""
        rubric, files = self._assignment.rubric, self._folder / "files"
        expected = [row.expected() for row in rubric.files]
        if self._taken is None:
            self._taken = take_in(self._assignment.reference, expected, files)
            add_starters(rubric.starters, self._assignment.stub, files)
        student = Submission(self._host, files, self._assignment.probes, rubric.seed, self._limits)
        try:
            student.examine_weights(expected, self._folder / "weights", self._taken)
            yield student
        finally:
            student.close()
