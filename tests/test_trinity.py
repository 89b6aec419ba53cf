"""For every assignment: the reference earns everything, the stub nothing, and nothing breaks on the way."""

import json
from collections.abc import Sequence

import pytest
from conftest import affordable

from grading import assignments
from grading.grade import Options, grade
from grading.records import Report, Status
from grading.report.record import record
from grading.rubric import Item
from grading.sandbox.host import Host

IDS = assignments.ids()


def measured(report: Report, items: Sequence[str]) -> str:
    """Everything of these rows that a regrade must not change."""
    rows = [row for row in record(report)["outcomes"] if row["item"] in items]
    assert len(rows) == len(items)
    return json.dumps([{key: row[key] for key in row if key != "seconds"} for row in rows], sort_keys=True, default=str)


@pytest.mark.parametrize("name", IDS)
def test_the_reference_earns_full_marks_and_a_regrade_changes_nothing(name: str, host: Host) -> None:
    """Every third row is judged again, without the others: what a row draws depends on none of them."""
    assignment = assignments.load(name)
    items = affordable(assignment)
    first, again = (
        grade(assignment, assignment.reference, host, Options(chosen, more_to_come=True))
        for chosen in (items, items[::3])
    )
    for outcome in first.outcomes:
        assert outcome.status in (Status.PASSED, Status.SHOWN, Status.MANUAL), (outcome.item, outcome.verdicts)
        assert outcome.points in (None, outcome.max_points), (outcome.item, outcome.verdicts)
    assert measured(first, items[::3]) == measured(again, items[::3])


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_a_regrade_of_every_row_changes_nothing(name: str, host: Host) -> None:
    assignment = assignments.load(name)
    items = affordable(assignment)
    first, again = (grade(assignment, assignment.reference, host, Options(items)) for _ in range(2))
    assert measured(first, items) == measured(again, items)


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_the_whole_reference_earns_full_marks(name: str, host: Host) -> None:
    assignment = assignments.load(name)
    report = grade(assignment, assignment.reference, host)
    judged = [item for item in assignment.rubric.items if not item.manual]
    assert report.points == sum(item.points for item in judged)
    assert report.max_points == sum(item.points for item in judged if not item.bonus)


def for_a_human(item: Item) -> bool:
    """Whether the stub, which has no weights, leaves the item to a human: one that needs others is not judged at all."""
    return item.manual or (item.sampling.without == "manual" and not item.needs)


@pytest.mark.parametrize("name", IDS)
def test_the_stub_earns_nothing_and_nothing_breaks(name: str, host: Host) -> None:
    assignment = assignments.load(name)
    report = grade(assignment, assignment.stub, host)
    assert report.points == 0
    judged = [item for item in assignment.rubric.items if not for_a_human(item)]
    assert report.max_points == sum(item.points for item in judged if not item.bonus)
    statuses = {outcome.status for outcome in report.outcomes}
    assert Status.UNSCORED not in statuses
    code = [outcome for outcome in report.outcomes if outcome.points is not None and not outcome.evidence.measurements]
    assert any(verdict.bug == "not-done" for outcome in code for verdict in outcome.verdicts)
