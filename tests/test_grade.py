"""The order of things: whose fault costs a mark, what is skipped, how long an item may take."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from grading import assignments
from grading.checks import gaussian
from grading.errors import DataMissing, NotMeasured, StaffError
from grading.grade import Options, grade
from grading.records import Report, Status
from grading.rubric import Sampling
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


def test_a_row_for_a_human_shows_what_was_measured_beside_it(host: Host, tmp_path: Path) -> None:
    measured = {"check": "", "manual": True, "metric": "parameters.count", "sampling": Sampling(file="vae.pt")}
    shutil.copyfile(ASSIGNMENT.reference / "vae.pt", tmp_path / "vae.pt")
    row = graded(with_items(**measured), submitted(tmp_path), host).outcomes[1]
    assert (row.status, row.points) == (Status.MANUAL, None)
    assert row.evidence.named("parameters").value > 1000


def test_a_row_for_a_human_says_why_nothing_was_measured(host: Host, tmp_path: Path) -> None:
    measured = {"check": "", "manual": True, "metric": "parameters.count", "sampling": Sampling(file="vae.pt")}
    row = graded(with_items(**measured), submitted(tmp_path), host).outcomes[1]
    assert (row.status, row.points) == (Status.MANUAL, None)
    assert "vae.pt was not handed in" in row.verdicts[0].message


@pytest.mark.parametrize("error", [NotMeasured("no time here"), DataMissing("no cats here")])
def test_what_was_not_measured_is_left_to_a_human(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def unmeasured(*everything: object) -> None:
        """Cannot be measured here."""
        raise error

    unmeasured.__module__ = gaussian.__name__
    monkeypatch.setattr(gaussian, "reparameterization", unmeasured)
    row = graded(with_items(), submitted(tmp_path), host).outcomes[1]
    assert (row.status, row.points) == (Status.MANUAL, None)
    assert f"left to a human: {error}" in row.verdicts[0].message


def test_probes_that_cannot_be_loaded_cost_no_mark(host: Host, tmp_path: Path) -> None:
    probes = tmp_path / "probes.py"
    probes.write_text(
        "import sys\nif 'grading' not in sys.modules:\n    import no_such_library\n" + ASSIGNMENT.probes.read_text()
    )
    (tmp_path / "handed_in").mkdir()
    broken = replace(with_items(), probes=probes)
    for row in graded(broken, submitted(tmp_path / "handed_in"), host).outcomes:
        assert (row.status, row.points) == (Status.UNSCORED, None)
        assert "no_such_library" in row.verdicts[0].message


def test_an_item_has_one_deadline_for_all_its_questions(host: Host, tmp_path: Path) -> None:
    folder = submitted(
        tmp_path, "return mu + torch.exp", "__import__('time').sleep(1.2)\n        return mu + torch.exp"
    )
    begun = time.monotonic()
    report = graded(with_items(seconds=3.0), folder, host)
    assert report.outcomes[1].points == 0
    assert "no answer within" in (said := report.outcomes[1].verdicts[0].message)
    assert ", when handed mu [" in said
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
