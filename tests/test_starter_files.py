"""Files that students were given need not be handed in, and weights that nobody asked for cost nothing where they are not."""

import shutil
from pathlib import Path

import pytest
import torch

from grading import assignments
from grading.grade import Options, grade
from grading.records import Outcome, Report, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("ift6135_a3")
CODE = ("q2_ddpm.py", "q2_trainer_ddpm.py")


def handed_in(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ASSIGNMENT.reference / name, folder / name)
    return folder


def graded(folder: Path, host: Host, *items: str) -> Report:
    return grade(ASSIGNMENT, folder, host, Options(items, more_to_come=True))


def only(report: Report) -> Outcome:
    [outcome] = report.outcomes
    return outcome


def test_a_trainer_finds_the_settings_it_was_given(host: Host, tmp_path: Path) -> None:
    report = graded(handed_in(tmp_path, *CODE), host, "q2.sample")
    assert only(report).status is Status.PASSED, only(report).verdicts
    assert {file.name for file in report.files} == set(CODE)
    assert not any("ddpm_utils" in notice for notice in report.notices)


def test_a_copy_of_their_own_is_used(host: Host, tmp_path: Path) -> None:
    folder = handed_in(tmp_path, *CODE)
    (folder / "ddpm_utils").mkdir()
    given = (ASSIGNMENT.reference / "ddpm_utils" / "args.py").read_text()
    (folder / "ddpm_utils" / "args.py").write_text(f"{given}\nprint('my own settings')\n")
    outcome = only(graded(folder, host, "q2.sample"))
    assert outcome.status is Status.PASSED
    assert "my own settings" in outcome.stdout


def test_a_broken_copy_of_their_own_is_no_mistake_in_the_trainer(host: Host, tmp_path: Path) -> None:
    folder = handed_in(tmp_path, *CODE)
    (folder / "ddpm_utils").mkdir()
    (folder / "ddpm_utils" / "args.py").write_text("raise RuntimeError('my own settings')\n")
    assert only(graded(folder, host, "q2.sample")).status is Status.PASSED


def test_without_weights_the_row_is_left_to_a_human(host: Host, tmp_path: Path) -> None:
    outcome = only(graded(handed_in(tmp_path, *CODE), host, "q2.quality"))
    assert (outcome.status, outcome.points) == (Status.MANUAL, None)
    assert "eps_model.pkl was not handed in" in outcome.verdicts[0].message


@pytest.mark.parametrize("item", ["q1.validation_loss"])
def test_a_pickled_module_is_left_to_a_human_and_the_way_out_is_told(host: Host, tmp_path: Path, item: str) -> None:
    torch.save(torch.nn.Linear(3, 3), tmp_path / "model.pt")
    outcome = only(graded(handed_in(tmp_path, "q1_vae.py"), host, item))
    assert (outcome.status, outcome.points) == (Status.MANUAL, None)
    assert "state_dict()" in outcome.verdicts[0].message


def test_weights_of_another_network_are_left_to_a_human_and_what_differs_is_told(host: Host, tmp_path: Path) -> None:
    torch.save({"fc1.weight": torch.zeros(400, 784)}, tmp_path / "model.pt")
    outcome = only(graded(handed_in(tmp_path, "q1_vae.py"), host, "q1.validation_loss"))
    assert (outcome.status, outcome.points) == (Status.MANUAL, None)
    assert "model.pt does not fit the model" in outcome.verdicts[0].message
