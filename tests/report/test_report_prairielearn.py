"""PrairieLearn's results.json: its form, its size, and what students do not read there."""

import dataclasses
from typing import Any

import pytest
from report_hostile import hostile
from report_pictures import static
from report_reading import follows, strict_json
from report_samples import ordinary, row

from grading.records import Evidence, Outcome, Picture, Report, Status, Verdict
from grading.report.prairielearn import TOTAL, dump, results


def told(report: Report) -> Any:
    return strict_json(dump(results(report)))


def with_rows(*outcomes: Outcome) -> Report:
    return dataclasses.replace(ordinary(), outcomes=outcomes)


@pytest.mark.parametrize(
    "report", [ordinary(), hostile(), with_rows(), dataclasses.replace(ordinary(), confined=False)]
)
def test_it_follows_the_schema_and_is_small_enough(report: Report) -> None:
    content = told(report)
    follows(content, "prairielearn.schema.json")
    assert len(dump(results(report)).encode()) <= TOTAL


def test_the_score_is_the_share_of_what_was_judged_and_ends_at_1() -> None:
    half = (row("a", "p", "t", Status.PASSED, 4, 4.0), row("b", "p", "t", Status.FAILED, 4, 0.0))
    waiting = row("c", "p", "t", Status.MANUAL, 9, None)
    extra = row("d", "p", "t", Status.PASSED, 6, 6.0, bonus=True)
    assert told(with_rows(*half, waiting))["score"] == 0.5
    assert told(with_rows(*half, extra))["score"] == 1.0
    assert told(with_rows(*half))["gradable"] is True


@pytest.mark.parametrize("outcomes", [(), (row("c", "p", "t", Status.UNSCORED, 9, None),)])
def test_where_nothing_was_judged_the_attempt_does_not_count(outcomes: tuple[Outcome, ...]) -> None:
    content = told(with_rows(*outcomes))
    assert (content["gradable"], content["score"]) == (False, 0)
    assert content["format_errors"][0] == "Nothing could be graded. This is not counted as an attempt."


def test_what_is_hidden_counts_and_is_not_shown() -> None:
    hidden = row("a", "p", "the secret", Status.FAILED, 4, 0.0, visibility="hidden")
    content = told(with_rows(hidden, row("b", "p", "open", Status.PASSED, 4, 4.0)))
    assert content["score"] == 0.5
    assert [test["name"] for test in content["tests"]] == ["1.2 open"]
    assert "secret" not in dump(results(with_rows(hidden)))


def test_a_row_says_what_is_wrong_and_what_printed_stays_with_staff() -> None:
    verdict = Verdict(0.0, "the sign is turned\nmore", "kl-sign", "1", "-1", "print(1)")
    failed = row("a", "p", "KL", Status.FAILED, 4, 0.0, verdicts=(verdict,), stdout="tensor(3.14)")
    (test,) = told(with_rows(failed))["tests"]
    assert (test["points"], test["max_points"], test["message"]) == (0, 4, "the sign is turned")
    assert "your code gave:\n-1" in test["output"] and "3.14" not in dump(results(with_rows(failed)))


def test_how_the_grader_broke_is_not_told_to_students() -> None:
    assert "secret_judge" not in dump(results(ordinary()))


def test_pictures_are_shown_until_there_is_no_room() -> None:
    assert [len(test["images"]) for test in told(ordinary())["tests"]][5] == 2
    heavy = Evidence((), (Picture("noise", static(250)),) * 3)
    many = [row(f"i{n}", "p", "t", Status.PASSED, 1, 1.0, evidence=heavy) for n in range(30)]
    assert len(dump(results(with_rows(*many))).encode()) <= TOTAL
