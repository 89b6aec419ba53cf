"""Every wrong answer loses exactly what is written beside it, and the report names its bug."""

from pathlib import Path
from typing import Any

import pytest
from conftest import scored
from edited import HERE, cases, edited

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome
from grading.sandbox.host import Host

MUTANTS = [(path.name, case) for path in sorted((HERE / "mutants").iterdir()) for case in cases("mutants", path.name)]


def items_to_judge(assignment: assignments.Assignment, case: dict[str, Any]) -> tuple[str, ...]:
    """The affordable items of the tasks that the edited file belongs to, and whatever the case says it loses."""
    tasks = {item.split(".")[0] for item in case["loses"]}
    neighbours = {item for item in scored(assignment) if item.split(".")[0] in tasks}
    return tuple(item.id for item in assignment.rubric.items if item.id in neighbours.union(case["loses"]))


@pytest.mark.parametrize(
    ("name", "case"), MUTANTS, ids=lambda value: value["name"] if isinstance(value, dict) else value
)
def test_a_mutant_loses_exactly_what_it_should(name: str, case: dict[str, Any], host: Host, tmp_path: Path) -> None:
    assignment = assignments.load(name)
    folder = edited(assignment, tmp_path / "mutant", case)
    report = grade(assignment, folder, host, Options(items_to_judge(assignment, case), quick=True, more_to_come=True))
    lost = [outcome.item for outcome in report.outcomes if outcome.points is not None and not full(outcome)]
    assert lost == case["loses"], [verdict for outcome in report.outcomes for verdict in outcome.verdicts]
    named = {verdict.bug for outcome in report.outcomes for verdict in outcome.verdicts}
    assert case["bug"] in {bug.split(" (")[0] for bug in named}, named


def full(outcome: Outcome) -> bool:
    return outcome.points == outcome.max_points


def test_there_are_enough_of_them() -> None:
    for name in assignments.ids():
        assert len([case for owner, case in MUTANTS if owner == name]) >= 14, name
