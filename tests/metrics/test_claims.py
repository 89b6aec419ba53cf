"""What a notebook claims is shown as a claim."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from grading import rubric
from grading.errors import IntakeError
from grading.intake import take_in
from grading.metrics.claims import commented, printed
from grading.records import ExpectedFile, Measurement
from grading.rubric import ClaimRow

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


# ---------------------------------------------------------------- comments

NUMBER = r"(?P<value>\d+[.,]?\d*)"
ROWS = (
    ClaimRow(name="vae", title="VAE", pattern=rf"(?i)(?<!c)vae\b[^\d\n]{{0,20}}?{NUMBER}"),
    ClaimRow(name="cvae", title="CVAE", pattern=rf"(?i)cvae\b[^\d\n]{{0,20}}?{NUMBER}"),
    ClaimRow(name="accuracy", title="accuracy", pattern=rf"(?i)accuracy[^\d\n]*{NUMBER}", unit="%"),
)


class HandedIn:
    """Has handed in one file, which was taken in as the row's."""

    def __init__(self, folder: Path, text: str | bytes, name: str = "A9_vae.py", row: str = "A9_vae.py") -> None:
        (folder / "work").mkdir()
        (folder / "work" / name).write_bytes(text.encode() if isinstance(text, str) else text)
        take_in(folder / "work", (ExpectedFile(row, "script"),), folder / "taken")
        self.folder, self.row = folder / "taken", row

    def file(self, name: str) -> Path:
        if not (self.folder / name).exists():
            raise IntakeError(f"{name} was not handed in")
        return self.folder / name

    def claims(self) -> tuple[Measurement, ...]:
        return commented(self, SimpleNamespace(sampling=SimpleNamespace(file=self.row, claims=ROWS))).measurements


@pytest.mark.parametrize(
    "text",
    [
        "# Name: A\n# VAE: 0.685, CVAE: 0.72\nimport torch\nmodel = train()\n",
        "#!/usr/bin/env python\n\n\n#   VAE loss = 0.685\n#CVAE - 0,72\nx = 1\n",
        '"""Part 1.\n\nVAE: 0.685\nCVAE: 0.72\n"""\nimport torch\n',
        "import torch\n'''VAE 0.685\nCVAE 0.72'''\ndef broken(:\n",
        "# vae (0.685)\r\n# Cvae (0.72)\r\n",
    ],
)
def test_numbers_in_the_comments_are_shown_as_claims(tmp_path: Path, text: str) -> None:
    found = HandedIn(tmp_path, text).claims()
    assert [(each.name, each.value, each.unit) for each in found] == [("vae_1", 0.685, ""), ("cvae_2", 0.72, "")]
    assert all(each.title.startswith("claimed, not measured: ") for each in found)


def test_the_note_quotes_the_line(tmp_path: Path) -> None:
    (found,) = HandedIn(tmp_path, "# Name:\n#   VAE:   0.685  \n").claims()
    assert found.note == "line 2 says: VAE: 0.685"
    assert (found.value, found.low, found.high, found.n) == (0.685, 0.685, 0.685, 1)


@pytest.mark.parametrize(
    ("said", "value"),
    [("69.5 %", 0.695), ("0.695", 0.695), ("69.5", 0.695), ("1.0", 1.0), ("69,5", 0.695), ("70", 0.7)],
)
def test_percent_and_shares_are_the_same(tmp_path: Path, said: str, value: float) -> None:
    (found,) = HandedIn(tmp_path, f"# Auxiliary test accuracy on the CIFAR test set: {said}\n").claims()
    assert found.value == pytest.approx(value) and found.unit == "%"


@pytest.mark.parametrize(
    "text",
    [
        "# VAE:\n# CVAE:\nx = 1\n",
        "vae = 0.7\nx = 1  # VAE: 0.7\nprint('VAE: 0.7')\ntext = '''\nVAE: 0.7\n'''\n",
        "# a\n" * 60 + "# VAE: 0.7\n",
        "# " + "x" * 1000 + " VAE: 0.7\n",
        b"\xff\xfe\x00# VAE: 0.7\n",
        "",
    ],
)
def test_where_nothing_is_said_nothing_is_shown(tmp_path: Path, text: str | bytes) -> None:
    assert HandedIn(tmp_path, text).claims() == ()


def test_what_is_said_is_fit_to_be_shown(tmp_path: Path) -> None:
    (found,) = HandedIn(tmp_path, "# VAE: 0.7 \x1b[31m <b>\u202e" + "x" * 500 + "\n").claims()
    assert len(found.note) < 130 and "\x1b" not in found.note and "\u202e" not in found.note
    assert (
        len(HandedIn(tmp_path / "a", "# " + "VAE: 0.7 " * 100).claims()) == 20
        if (tmp_path / "a").mkdir() is None
        else 0
    )


@pytest.mark.parametrize("row", ["A9_vae.py", "A9_vae.ipynb"])
def test_of_a_notebook_markdown_and_comments_count(tmp_path: Path, row: str) -> None:
    cells = [
        ("markdown", "# A9\n\n**VAE**: 0.685"),
        ("code", "!pip install x\n# CVAE: 0.72\nx = 'VAE: 1'"),
        ("raw", ""),
    ]
    written = [{"cell_type": kind, "source": source.splitlines(True), "outputs": []} for kind, source in cells]
    content = json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": written})
    found = HandedIn(tmp_path, content, "A9_vae.ipynb", row).claims()
    assert [each.note for each in found] == ["cell 1 says: **VAE**: 0.685", "cell 2 says: CVAE: 0.72"]


def test_a_script_for_a_notebook_is_read_as_one(tmp_path: Path) -> None:
    (found,) = HandedIn(tmp_path, "# VAE: 0.685\n", "A9_vae.py", "A9_vae.ipynb").claims()
    assert found.note == "line 1 says: VAE: 0.685"


def test_a_file_that_was_not_handed_in_is_named(tmp_path: Path) -> None:
    student = HandedIn(tmp_path, "# VAE: 0.685\n")
    student.row = "A9_acgan.py"
    with pytest.raises(IntakeError, match=r"A9_acgan\.py was not handed in"):
        student.claims()
