"""What a notebook claims is shown as a claim."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from grading import rubric
from grading.errors import IntakeError
from grading.metrics.claims import printed

RUBRIC = rubric.load(Path(__file__).parents[2] / "rubrics/csci2271_a3/rubric.toml")
SETTING = SimpleNamespace(sampling=next(row for row in RUBRIC.items if row.id == "a.notebook").sampling)


class Student:
    """Has handed in a notebook whose cells printed this."""

    def __init__(self, folder: Path, *texts: str) -> None:
        outputs = [[{"output_type": "stream", "name": "stdout", "text": text}] for text in texts]
        cells = [{"cell_type": "code", "id": str(i), "source": "", "outputs": each} for i, each in enumerate(outputs)]
        (folder / "notebook.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells}))
        self.folder = folder

    def file(self, name: str) -> Path:
        return self.folder / "notebook.ipynb"


def test_the_last_loss_of_every_run_is_shown_as_a_claim(tmp_path: Path) -> None:
    runs = ["".join(f"Train Epoch: {i} \tLoss: {base - i}.25\n" for i in range(10)) for base in (118, 112)]
    found = printed(Student(tmp_path, *runs), SETTING).measurements
    assert [measurement.value for measurement in found] == [109.25, 103.25]
    assert all("claimed, not measured" in measurement.title for measurement in found)
    assert "cell 2 printed: Train Epoch: 9 Loss: 103.25" in found[1].note


def test_a_loss_of_nan_is_shown_as_no_number(tmp_path: Path) -> None:
    (found,) = printed(Student(tmp_path, "Train Epoch: 9 \tLoss: nan\n"), SETTING).measurements
    assert math.isnan(found.value)


def test_a_notebook_without_outputs_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="without outputs"):
        printed(Student(tmp_path), SETTING)
