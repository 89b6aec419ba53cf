"""The order of things: whose fault costs a mark, what is skipped, how long an item may take."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from grading import assignments
from grading.checks import gaussian
from grading.errors import StaffError
from grading.grade import Options, grade
from grading.records import Report, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("cmput328_a5")


def with_items(**changes: Any) -> assignments.Assignment:
    """The assignment with the two first items only, and the second one changed."""
    forward, reparameterize = ASSIGNMENT.rubric.items[:2]
    items = (forward, reparameterize.model_copy(update=changes))
    return replace(ASSIGNMENT, rubric=ASSIGNMENT.rubric.model_copy(update={"items": items}))


def submitted(folder: Path, old: str = "", new: str = "") -> Path:
    source = (ASSIGNMENT.reference / "A5_vae_submission.py").read_text()
    (folder / "A5_vae_submission.py").write_text(source.replace(old, new) if old else source)
    return folder


def graded(assignment: assignments.Assignment, folder: Path, host: Host) -> Report:
    return grade(assignment, folder, host, Options(more_to_come=True))


def test_a_mistake_of_the_graders_costs_no_mark(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*everything: object) -> None:
        """Does not work."""
        raise ZeroDivisionError("ours")

    broken.__module__ = gaussian.__name__
    monkeypatch.setattr(gaussian, "reparameterization", broken)
    forward, judged = graded(with_items(), submitted(tmp_path), host).outcomes
    assert forward.status == Status.PASSED
    assert (judged.status, judged.points) == (Status.UNSCORED, None)
    assert "it costs no mark" in judged.verdicts[0].message
    assert "ZeroDivisionError: ours" in judged.verdicts[0].message


def test_what_depends_on_a_failed_item_is_skipped_and_says_so(host: Host, tmp_path: Path) -> None:
    folder = submitted(tmp_path, "return self.decoder(torch.cat([z, embedded], dim=1)), mu, logvar", "return mu")
    report = graded(with_items(needs=("vae.forward",)), folder, host)
    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.SKIPPED]
    assert report.outcomes[1].points == 0
    assert "VAE.forward" in report.outcomes[1].verdicts[0].message


def test_a_row_for_a_human_has_no_score_and_is_in_no_total(host: Host, tmp_path: Path) -> None:
    report = graded(with_items(check="", manual=True), submitted(tmp_path), host)
    assert (report.outcomes[1].status, report.outcomes[1].points) == (Status.MANUAL, None)
    assert (report.points, report.max_points) == (5, 5)


def test_an_item_has_one_deadline_for_all_its_questions(host: Host, tmp_path: Path) -> None:
    folder = submitted(
        tmp_path, "return mu + torch.exp", "__import__('time').sleep(1.2)\n        return mu + torch.exp"
    )
    begun = time.monotonic()
    report = graded(with_items(seconds=3.0), folder, host)
    assert report.outcomes[1].points == 0
    assert "no answer within" in report.outcomes[1].verdicts[0].message
    assert time.monotonic() - begun < 30


def test_grading_leaves_the_processes_own_generator_alone(host: Host, tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    graded(with_items(), submitted(tmp_path), host)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_unknown_item_names_the_nearest(host: Host, tmp_path: Path) -> None:
    with pytest.raises(StaffError, match=r"did you mean vae\.forward"):
        grade(ASSIGNMENT, submitted(tmp_path), host, Options(only=("vae.forwards",)))


def test_the_record_says_how_it_was_made(host: Host, tmp_path: Path) -> None:
    report = graded(with_items(), submitted(tmp_path), host)
    assert report.confined
    assert report.backend == host.backend.name
    assert dict(report.versions)["torch"].startswith("2.")
    assert {file.name for file in report.files} == {"A5_vae_submission.py"}
    assert any("vae.pt is missing" in notice for notice in report.notices)


def test_a_file_that_is_missing_is_told_in_plain_words(host: Host, tmp_path: Path) -> None:
    (missing,) = grade(
        ASSIGNMENT, submitted(tmp_path), host, Options(("diffusion.schedule",), more_to_come=True)
    ).outcomes
    assert (missing.status, missing.points) == (Status.FAILED, 0)
    assert missing.verdicts[0].message == "A5_diffusion_submission.py was not handed in"
