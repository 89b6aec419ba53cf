"""What everybody in a course may see of one another."""

import dataclasses
from typing import Any

import pytest
from report_hostile import hostile
from report_reading import follows, strict_json
from report_samples import ordinary, row

from grading import assignments
from grading.records import Evidence, Measurement, Outcome, Status
from grading.report.gradescope import dump, results
from grading.report.leaderboard import leaderboard

ACCURACY = Measurement("accuracy", "accuracy", 0.8412, 0.8, 0.9, 100, "%")
LOSS = Measurement("negative_elbo", "loss", 103.25, 103.0, 103.5, 1000, "nats")


def places(*outcomes: Outcome) -> list[dict[str, object]]:
    return leaderboard(dataclasses.replace(ordinary(), outcomes=outcomes))


def measured(name: str = "accuracy", status: Status = Status.PASSED, **more: Any) -> Outcome:
    evidence = more.pop("evidence", Evidence((ACCURACY, LOSS)))
    return row("a", "p", "Images", status, 4, 4.0, evidence=evidence, leaderboard=name, **more)


def test_the_measurement_that_the_rubric_names_is_there_as_it_is_read() -> None:
    assert places(measured()) == [{"name": "Images (%)", "value": 84.12, "order": "desc"}]
    assert places(measured("negative_elbo")) == [{"name": "Images (nats)", "value": 103.25, "order": "asc"}]


@pytest.mark.parametrize("visibility", ["hidden", "after_due_date", "after_published", "odd"])
def test_a_row_that_is_hidden_does_not_appear(visibility: str) -> None:
    assert places(measured(visibility=visibility)) == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, Status.MANUAL, Status.UNSCORED])
def test_images_that_were_refused_or_not_judged_lead_no_board(status: Status) -> None:
    assert places(measured(status=status)) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_only_numbers_appear(value: float) -> None:
    odd = Evidence((dataclasses.replace(ACCURACY, value=value),))
    assert places(measured(evidence=odd)) == [] == places(measured("nothing"))


def test_it_is_part_of_results_only_where_there_is_one() -> None:
    report = dataclasses.replace(ordinary(), outcomes=(measured(),))
    content = strict_json(dump(results(report)))
    follows(content, "results.schema.json")
    assert [place["value"] for place in content["leaderboard"]] == [84.12]
    assert "leaderboard" not in results(ordinary())
    odd = tuple(dataclasses.replace(outcome, leaderboard="b", visibility="visible") for outcome in hostile().outcomes)
    follows(strict_json(dump(results(dataclasses.replace(hostile(), outcomes=odd)))), "results.schema.json")


@pytest.mark.parametrize("name", assignments.ids())
def test_every_assignment_with_a_metric_worth_points_has_one(name: str) -> None:
    items = assignments.load(name).rubric.items
    assert [item.id for item in items if item.leaderboard]
