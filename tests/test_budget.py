"""Time for a whole submission: who uses up all he may have leaves every later row its share."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from grading import assignments
from grading.assignments import Assignment
from grading.budget import Budget
from grading.errors import StaffError
from grading.grade import Options, grade
from grading.records import Report, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("cmput328_a5")


def test_with_time_enough_everybody_gets_what_he_asks_for() -> None:
    budget = Budget(1000, [60, 60, 600])
    assert [budget.allowance(number) for number in range(3)] == pytest.approx([60, 60, 600], abs=0.1)


def test_rows_that_use_all_they_may_leave_the_last_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    budget, used = Budget(100, [60.0] * 10), []
    for number in range(10):
        used.append(budget.allowance(number))
        now += used[-1]
    assert used[0] == pytest.approx(55)  # half of the time is reserved: 5 for each
    assert all(each >= 5 - 1e-9 for each in used)
    assert sum(used) == pytest.approx(100)


def test_when_the_time_is_over_nobody_gets_any(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    budget = Budget(10, [60, 60])
    now = 11.0
    assert budget.allowance(0) <= 0 and budget.left() == pytest.approx(-1)


def hanging(folder: Path) -> Path:
    source = (ASSIGNMENT.reference / "A5_vae_submission.py").read_text()
    body = "        return mu + torch.exp"
    assert source.count(body) == 1
    (folder / "A5_vae_submission.py").write_text(source.replace(body, "        while True: pass\n" + body))
    return folder


def hurried(seconds: float) -> Assignment:
    """The assignment with so many seconds for each row."""
    items = [item.model_copy(update={"seconds": seconds}) for item in ASSIGNMENT.rubric.items]
    return replace(ASSIGNMENT, rubric=ASSIGNMENT.rubric.model_copy(update={"items": items}))


def graded(folder: Path, host: Host, seconds: float, again: float = 0.0, assignment: Assignment = ASSIGNMENT) -> Report:
    only = ("vae.reparameterize", "vae.kl_loss")
    return grade(assignment, hanging(folder), host, Options(only, more_to_come=True, seconds=seconds, again=again))


def test_a_row_that_hangs_costs_no_other_row_its_time(host: Host, tmp_path: Path) -> None:
    begun = time.monotonic()
    first, second = graded(tmp_path, host, 24.0).outcomes
    assert time.monotonic() - begun < 40
    assert (first.status, first.points) == (Status.UNSCORED, None)
    assert "used up the submission's time" in first.verdicts[0].message
    assert second.status == Status.PASSED


def test_a_row_that_was_cut_short_is_asked_once_more_and_then_a_humans(host: Host, tmp_path: Path) -> None:
    first, second = graded(tmp_path, host, 4.0, again=8.0).outcomes
    assert (first.status, first.points) == (Status.MANUAL, None)
    assert re.search(
        r"asked again in a fresh process, it gave no answer within \d+ s either", first.verdicts[0].message
    )
    assert second.status == Status.PASSED


def test_a_row_that_was_left_no_time_is_judged_after_all(host: Host, tmp_path: Path) -> None:
    report = graded(tmp_path, host, 0.001, again=60.0, assignment=hurried(12.0))
    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.PASSED]
    assert "no answer within" in report.outcomes[0].verdicts[0].message


def test_without_time_nothing_is_held_against_anybody(host: Host, tmp_path: Path) -> None:
    report = graded(tmp_path, host, 0.001)
    assert {outcome.status for outcome in report.outcomes} == {Status.UNSCORED}
    assert report.max_points == 0


def test_the_report_is_refreshed_after_every_row(host: Host, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def note(report: Report) -> None:
        seen.append([outcome.verdicts[0].message if outcome.verdicts else "" for outcome in report.outcomes])

    only = ("vae.forward", "vae.kl_loss")
    (tmp_path / "A5_vae_submission.py").write_text((ASSIGNMENT.reference / "A5_vae_submission.py").read_text())
    grade(ASSIGNMENT, tmp_path, host, Options(only, more_to_come=True, refreshed=note))
    assert [[message == "not graded yet" for message in row] for row in seen] == [[False, True], [False, False]]


def test_a_course_may_ask_for_a_stronger_sandbox(host: Host, tmp_path: Path) -> None:
    strict = replace(ASSIGNMENT, rubric=ASSIGNMENT.rubric.model_copy(update={"sandbox": "bubblewrap"}))
    weak = type("Weak", (), {"name": "uid"})()
    pretending = type("Pretending", (), {"backend": weak})()
    with pytest.raises(StaffError, match=r"accepts no sandbox below 'bubblewrap', and this is 'uid'.*doctor"):
        grade(strict, tmp_path, pretending, Options())
