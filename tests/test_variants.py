"""Right answers that look unusual keep full marks.

Every day unusual answers in other functions and classes share a submission. The slow tests ask about each of them alone,
and so about those that share with few others, and about those that are `slow`: they import what takes seconds, row by row.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from conftest import scored
from edited import HERE, Case, cases, edit_other_definitions, edited, grouped

from grading import assignments
from grading.grade import Options, grade
from grading.sandbox.host import Host

NAMES = [path.name for path in sorted((HERE / "variants").iterdir())]
LEAST = 7  # unusual answers that are worth a submission of every day
QUICK = {name: [case for case in cases("variants", name) if not case.get("slow")] for name in NAMES}
TOGETHER = [
    (name, group)
    for name in NAMES
    for group in grouped(QUICK[name], partial(edit_other_definitions, name))
    if len(group) >= LEAST
]
ALONE = [(name, [case]) for name in NAMES for case in cases("variants", name)]


def called(value: object) -> str:
    """The names of a group, for the test's id."""
    return value if isinstance(value, str) else f"{value[0]['name']} and {len(value) - 1} more"  # type: ignore[index]


def judge(name: str, together: Sequence[Case], host: Host, folder: Path) -> None:
    assignment = assignments.load(name)
    keeps = tuple(prefix for case in together for prefix in case["keeps"])
    kept = tuple(item for item in scored(assignment) if item.startswith(keeps))
    assert kept
    report = grade(assignment, edited(assignment, folder, together), host, Options(kept, quick=True, more_to_come=True))
    for outcome in report.outcomes:
        assert outcome.points in (None, outcome.max_points), outcome.verdicts
        assert outcome.status != "unscored", outcome.verdicts


@pytest.mark.parametrize(("name", "together"), TOGETHER, ids=called)
def test_variants_keep_full_marks(name: str, together: list[Case], host: Host, tmp_path: Path) -> None:
    judge(name, together, host, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alone"), ALONE, ids=called)
def test_a_variant_keeps_full_marks(name: str, alone: list[Case], host: Host, tmp_path: Path) -> None:
    judge(name, alone, host, tmp_path)


def test_there_are_enough_of_them() -> None:
    for name in assignments.ids():
        assert len(cases("variants", name)) >= 12, name
