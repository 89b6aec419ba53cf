"""Every wrong answer loses exactly what is written beside it, and the report names its bug.

Every day several wrong answers share a submission: those that edit other lines and lose other items. Asked are the rows
that their files are about. The slow tests ask every row about each of them alone, and so about those that share with few
others.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import scored
from edited import HERE, Case, cases, edit_other_lines, edited, grouped

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome
from grading.sandbox.host import Host

NAMES = [path.name for path in sorted((HERE / "mutants").iterdir())]


def apart(one: Case, other: Case) -> bool:
    """Whether neither touches what the other edits or loses, and neither is said to hide the other, or to be alone."""
    if one.get("alone") or other.get("alone"):
        return False
    hides = other["name"] in one.get("apart_from", ()) or one["name"] in other.get("apart_from", ())
    return not hides and edit_other_lines(one, other) and not set(one["loses"]) & set(other["loses"])


LEAST = 10  # wrong answers that are worth a submission of every day
TOGETHER = [(name, group) for name in NAMES for group in grouped(cases("mutants", name), apart) if len(group) >= LEAST]
ALONE = [(name, [case]) for name in NAMES for case in cases("mutants", name)]


def called(value: object) -> str:
    """The names of a group, for the test's id."""
    return value if isinstance(value, str) else f"{value[0]['name']} and {len(value) - 1} more"  # type: ignore[index]


def judge(name: str, together: Sequence[Case], host: Host, folder: Path, rows: Sequence[str] = ("",)) -> None:
    """rows: how the ids of the items begin that are asked, beside those that are lost."""
    assignment = assignments.load(name)
    loses = {item: case["bug"] for case in together for item in case["loses"]}
    asked = [item for item in scored(assignment) if item.startswith(tuple(rows))]
    wanted = tuple(item.id for item in assignment.rubric.items if item.id in loses or item.id in asked)
    report = grade(
        assignment, edited(assignment, folder, together), host, Options(wanted, quick=True, more_to_come=True)
    )
    lost = {
        outcome.item: bugs(outcome) for outcome in report.outcomes if outcome.points is not None and not full(outcome)
    }
    told = [
        (outcome.item, outcome.verdicts)
        for outcome in report.outcomes
        if (outcome.item in loses) != (outcome.item in lost)
    ]
    assert list(lost) == [item for item in wanted if item in loses], told
    for case in together:
        assert case["bug"] in set().union(*(lost[item] for item in case["loses"])), (case["name"], lost)


def bugs(outcome: Outcome) -> set[str]:
    return {verdict.bug.split(" (")[0] for verdict in outcome.verdicts}


def full(outcome: Outcome) -> bool:
    return outcome.points == outcome.max_points


@pytest.mark.parametrize(("name", "together"), TOGETHER, ids=called)
def test_mutants_lose_exactly_what_they_should(name: str, together: list[Case], host: Host, tmp_path: Path) -> None:
    judge(name, together, host, tmp_path, [row for case in together for row in case["rows"]])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "alone"), ALONE, ids=lambda value: value if isinstance(value, str) else value[0]["name"]
)
def test_a_mutant_loses_exactly_what_it_should(name: str, alone: list[Case], host: Host, tmp_path: Path) -> None:
    judge(name, alone, host, tmp_path)


def test_there_are_enough_of_them() -> None:
    for name in assignments.ids():
        assert len(cases("mutants", name)) >= 14, name
