"""Notebooks as submissions, from the hand-in to the row: what people are told speaks of what was handed in."""

import json

import pytest

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("cmu18786_hw5")
ITEMS = ("d1.autoencoder", "d2.noise", "d3.reparametrize", "d3.loss_function", "d5.quarter", "d6.nearest_code")


@pytest.fixture(scope="module")
def rows(host: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """A crash in one notebook, a damaged one, one under another name, and one that is missing."""
    folder = tmp_path_factory.mktemp("handed_in")
    vae = (ASSIGNMENT.reference / "VAE_Starter_Notebook.py").read_text()
    right = "return mu + torch.exp(logvar / 2) * torch.randn_like(mu)"
    assert vae.count(right) == 1
    (folder / "VAE_Starter_Notebook.py").write_text(vae.replace(right, "return mu + missing"))
    (folder / "Autoencoder_Starter_Notebook.ipynb").write_text('{"nbformat": 4, "cells": [')
    noise = (
        "import torch\ndef corrupt(x):\n    return (x + 0.5 * torch.randn_like(x)).clamp(0, 1)\nclass DenoiseAE: pass"
    )
    cell = {"cell_type": "code", "metadata": {}, "source": noise, "outputs": [], "execution_count": None}
    content = {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [cell]}
    (folder / "my final work.ipynb").write_text(json.dumps(content))
    report = grade(ASSIGNMENT, folder, host, Options(ITEMS, more_to_come=True))
    assert any("my final work.ipynb was taken as Denoising_Autoencoder" in notice for notice in report.notices)
    return {outcome.item: outcome for outcome in report.outcomes}


def told(outcome: Outcome) -> str:
    return outcome.verdicts[0].message


def test_a_crash_is_told_by_the_notebooks_name_and_the_line_itself(rows: dict[str, Outcome]) -> None:
    assert told(rows["d3.reparametrize"]).endswith("(VAE_Starter_Notebook.ipynb: return mu + missing)")


def test_one_mistake_costs_one_row(rows: dict[str, Outcome]) -> None:
    assert [rows[item].status for item in ("d3.loss_function", "d5.quarter")] == [Status.PASSED] * 2


def test_a_damaged_notebook_is_said_to_be_one(rows: dict[str, Outcome]) -> None:
    assert "Autoencoder_Starter_Notebook.ipynb is damaged or not a notebook" in told(rows["d1.autoencoder"])


def test_a_notebook_under_another_name_is_found_by_its_class(rows: dict[str, Outcome]) -> None:
    assert rows["d2.noise"].status is Status.PASSED, rows["d2.noise"].verdicts


def test_one_that_is_missing_is_named_as_the_handout_names_it(rows: dict[str, Outcome]) -> None:
    assert told(rows["d6.nearest_code"]) == "VQ_VAE_Notebook.ipynb was not handed in"
