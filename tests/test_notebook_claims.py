"""What a notebook claims reaches the report as claims, without points."""

import shutil
from pathlib import Path

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("csci2271_a3")
NOTEBOOK = "variational_autoencoders.ipynb"


def row(folder: Path, host: Host) -> Outcome:
    (found,) = grade(ASSIGNMENT, folder, host, Options(("a.notebook",), more_to_come=True)).outcomes
    return found


def test_the_references_notebook_claims_a_loss_for_each_of_its_two_models(host: Host) -> None:
    found = row(ASSIGNMENT.reference, host)
    assert (found.status, found.points) == (Status.SHOWN, None)
    assert len(found.evidence.measurements) == 2
    assert all(100 < claim.value < 120 and "claimed" in claim.title for claim in found.evidence.measurements)


def test_a_notebook_that_was_not_handed_in_or_is_broken_costs_nothing(host: Host, tmp_path: Path) -> None:
    shutil.copyfile(ASSIGNMENT.reference / "vae.py", tmp_path / "vae.py")
    missing = row(tmp_path, host)
    assert (missing.status, missing.points) == (Status.SHOWN, None)
    assert "was not handed in" in missing.verdicts[0].message
    (tmp_path / NOTEBOOK).write_text('{"cells": [')
    assert "not a notebook" in row(tmp_path, host).verdicts[0].message
