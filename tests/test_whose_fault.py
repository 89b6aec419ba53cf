"""Whose fault it is: the student's, nobody's, or ours. Each submission is the reference of ift6135_a3 with one edit."""

import sys
from pathlib import Path

import pytest
from edited import edited

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome
from grading.sandbox.host import Host

Q1, Q2 = "q1_vae.py", "q2_ddpm.py"
NORMAL = "q1.log_likelihood_normal"


def judged(host: Host, folder: Path, file: str, edits: list[list[str]], *items: str) -> list[Outcome]:
    assignment = assignments.load("ift6135_a3")
    case = {"name": "it", "file": file, "edits": edits}
    report = grade(assignment, edited(assignment, folder, [case]), host, Options(items or (NORMAL,), more_to_come=True))
    for outcome in report.outcomes:
        for verdict in outcome.verdicts:
            assert "/tmp" not in verdict.message and "probes.py" not in verdict.message, verdict.message
            assert "elbograde_inside" not in verdict.message and len(verdict.message) < 1500
    return list(report.outcomes)


def at_the_top(text: str) -> list[list[str]]:
    return [["torch.manual_seed(42)\n", f"torch.manual_seed(42)\n{text}\n"]]


def in_normal(text: str) -> list[list[str]]:
    source = (assignments.load("ift6135_a3").reference / Q1).read_text()
    body = source.split("def log_likelihood_normal", 1)[1].split("# BEGIN SOLUTION\n", 1)[1].split("# END", 1)[0]
    return [[body, "    " + text.replace("\n", "\n    ") + "\n    "]]


USES = "import seaborn as sns\n"


slowly = pytest.mark.slow  # every day a few are tried together with others, by test_audit too


@pytest.mark.parametrize(
    "line",
    [
        USES,
        pytest.param("from google.colab import drive\nimport cv2, wandb.sdk\nfrom neptune import *", marks=slowly),
        pytest.param("import my_plots", marks=slowly),
        "try:\n    import seaborn\nexcept ImportError:\n    seaborn = None\nassert seaborn is None",
        "import importlib.util\nassert importlib.util.find_spec('wandb') is None",
        "try:\n    import wandb\n    wandb.init(project='vae')\nexcept Exception:\n    wandb = None\nassert wandb is None",
        pytest.param("from typing import override", marks=slowly),
        pytest.param("assert torch.cuda.is_available()", marks=slowly),
        "raise SystemExit('no GPU')",
        pytest.param("torch.set_default_dtype(torch.float64)", marks=slowly),
        pytest.param("number = int(input())", marks=slowly),
        pytest.param("import sys\nsys.argv[1]", marks=slowly),
    ],
)
def test_what_stands_around_costs_nothing(line: str, host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, at_the_top(line))
    assert row.points == row.max_points, row.verdicts


def test_a_package_that_is_used_and_not_here_is_a_humans(host: Host, tmp_path: Path) -> None:
    edits = at_the_top(USES) + in_normal("return sns.load_dataset('penguins')")
    [row] = judged(host, tmp_path, Q1, edits)
    assert row.status == "manual" and row.points is None
    assert "seaborn is not installed here" in row.verdicts[0].message


def test_a_module_that_was_not_handed_in_is_the_students(host: Host, tmp_path: Path) -> None:
    edits = at_the_top("import my_formulas") + in_normal("return my_formulas.normal(mu, logvar, z)")
    [row] = judged(host, tmp_path, Q1, edits)
    assert row.status == "failed" and "my_formulas was not handed in" in row.verdicts[0].message


def test_a_name_that_training_would_have_made_is_a_humans(host: Host, tmp_path: Path) -> None:
    edits = at_the_top("for images in open('no such file'):\n    scale = images.std()")
    edits += in_normal("return scale * mu.sum(1)")
    [row] = judged(host, tmp_path, Q1, edits)
    assert row.status == "manual" and "it needs scale" in row.verdicts[0].message


@pytest.mark.parametrize(
    "line",
    [
        "from elbograde_inside.lacking import Lacking\nraise Lacking('my dog')",
        "raise ImportError('No module named seaborn', name='seaborn')",
        "raise NameError('train_loader', name='train_loader')",
    ],
)
def test_what_code_raises_itself_it_does_not_lack(line: str, host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal(line))
    assert row.points == 0 and "raised an exception" in row.verdicts[0].message, row


def test_a_name_that_nothing_makes_is_the_students(host: Host, tmp_path: Path) -> None:
    edits = at_the_top("for images in open('no such file'):\n    scale = images.std()")
    edits += in_normal("return scael * mu.sum(1)")
    [row] = judged(host, tmp_path, Q1, edits)
    assert row.status == "failed" and "NameError" in row.verdicts[0].message


def test_torchs_own_not_implemented_is_not_still_to_do(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal("return ((z - mu) ^ 2).sum(1)"))
    assert row.status == "failed" and row.verdicts[0].bug != "not-done"
    [row] = judged(host, tmp_path / "b", Q1, in_normal("raise NotImplementedError"))
    assert row.verdicts[0].bug == "not-done"


@pytest.mark.parametrize("answer", ["'nothing'", "{'mean': mu}", "lambda: mu", "[[1, [2, [mu]]]]", "object()", "set()"])
def test_an_answer_that_cannot_be_used_is_told_as_it_is(answer: str, host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal(f"return {answer}"))
    assert row.status == "failed" and "Traceback" not in row.verdicts[0].message
    assert "grader" not in row.verdicts[0].message


def test_moments_that_are_no_pair(host: Host, tmp_path: Path) -> None:
    source = (assignments.load("ift6135_a3").reference / Q2).read_text()
    line = next(row for row in source.split("\n") if "def q_xt_x0" in row)
    rows = ("q2.q_xt_x0", "q2.q_sample", "q2.p_sample")
    for number, answer in enumerate(("5", "None", "(x0,)", "x0[:, 0]", "{'mean': x0}")):
        edits = [[line, f"{line}\n        return {answer}"]]
        outcomes = judged(host, tmp_path / str(number), Q2, edits, *rows)
        assert [outcome.status for outcome in outcomes] == ["failed", "passed", "passed"], outcomes


def test_a_signal_without_a_name(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal("import os\nos.kill(os.getpid(), 40)"))
    assert row.status == "failed" and "signal 40" in row.verdicts[0].message


def test_syntax_of_a_newer_python_is_no_mistake(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal('print(f"{"of"} {mu.shape}")\nreturn mu.sum(1)'))
    assert "SyntaxError" not in row.verdicts[0].message


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads it")
def test_syntax_of_a_newer_python_that_cannot_be_rewritten_is_a_humans(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal('print(t"{mu}")\nreturn mu.sum(1)'))
    assert row.status == "manual" and "newer Python" in row.verdicts[0].message


def test_a_syntax_error_is_one(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, in_normal("return mu..sum(1)"))
    assert row.status == "failed" and "SyntaxError" in row.verdicts[0].message


@pytest.mark.slow
def test_training_for_hours_on_import_costs_nothing(host: Host, tmp_path: Path) -> None:
    [row] = judged(host, tmp_path, Q1, at_the_top("total = 0\nwhile True:\n    total += 1"))
    assert row.points == row.max_points, row.verdicts
