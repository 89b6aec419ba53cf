"""The true reason why weights are not used reaches every row that needed them, and weights that can be used are."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from grading import assignments
from grading.grade import Options, grade
from grading.records import Report
from grading.sandbox.host import Host

A5 = assignments.load("cmput328_a5")
A9 = assignments.load("cmput328_a9")
CSCI = assignments.load("csci2271_a3")
IFT = assignments.load("ift6135_a3")


def state(assignment: assignments.Assignment, name: str) -> Any:
    return torch.load(assignment.reference / name, weights_only=True)


def graded(
    assignment: assignments.Assignment, folder: Path, host: Host, rows: tuple[str, ...], weights: Mapping[str, Any]
) -> Report:
    """The reference's code with these weights, by the paths that they are handed in by."""
    for row in assignment.rubric.files:
        if row.kind in ("code", "script") and (assignment.reference / row.name).exists():
            shutil.copy(assignment.reference / row.name, folder)
    for name, content in weights.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            torch.save(content, folder / name)
    return grade(assignment, folder, host, Options(rows, quick=True, more_to_come=True, train=False))


def told(report: Report) -> list[str]:
    return [outcome.verdicts[0].message for outcome in report.outcomes]


class Whole(torch.nn.Module):
    """A model as a whole, with the tensors of a state dict."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            *path, last = name.split(".")
            owner: torch.nn.Module = self
            for part in path:
                if part not in owner._modules:
                    owner.add_module(part, torch.nn.Module())
                owner = owner._modules[part]  # type: ignore[assignment]
            owner.register_parameter(last, torch.nn.Parameter(tensor.float()))


REFUSED = {
    "wider": (lambda tensors: {**tensors, next(iter(tensors)): torch.zeros(7, 7)}, "Shapes differ: "),
    "a key too many": (
        lambda tensors: {**tensors, "extra.weight": torch.zeros(2)},
        "it holds 1 key that the model has not",
    ),
    "refused": (lambda tensors: b"\x93NUMPY123456789", "is a NumPy array. Save it again with torch.save("),
    "empty": (lambda tensors: b"", "is empty (0 bytes)"),
}


@pytest.mark.parametrize("how", ["a key too many", "refused"])
def test_why_weights_that_nobody_asked_for_are_not_used(how: str, host: Host, tmp_path: Path) -> None:
    """Such a row is a human's, who hears the reason; training again is not asked for here."""
    made, reason = REFUSED[how]
    report = graded(CSCI, tmp_path, host, ("a.vae_training",), {"vae.pt": made(state(CSCI, "vae.pt"))})
    [message] = told(report)
    assert reason in message and "was not handed in" not in message
    assert report.outcomes[0].points is None


@pytest.mark.slow
@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.parametrize(
    ("which", "item", "file"),
    [(IFT, "q1.validation_loss", "model.pt"), (A9, "vae.loss", "vae.pt"), (CSCI, "a.vae_training", "vae.pt")],
)
def test_why_weights_are_not_used_elsewhere(
    which: assignments.Assignment, item: str, file: str, how: str, host: Host, tmp_path: Path
) -> None:
    made, reason = REFUSED[how]
    [message] = told(graded(which, tmp_path, host, (item,), {file: made(state(which, file))}))
    assert reason in message and "was not handed in" not in message


def test_a_row_without_a_file_of_its_own_hears_it_too(host: Host, tmp_path: Path) -> None:
    """`vae.forward` runs the student's own loader."""
    report = graded(A5, tmp_path, host, ("vae.load", "vae.accuracy"), {"vae.pt": b"\x93NUMPY123456789"})
    assert all("is a NumPy array" in message for message in told(report))


def test_two_that_could_be_it_are_the_reason(host: Host, tmp_path: Path) -> None:
    files = {"a/vae.pt": state(A5, "vae.pt"), "b/vae.pt": {"other": torch.ones(2)}}
    [message] = told(graded(A5, tmp_path, host, ("vae.load",), files))
    assert message == "several files could be vae.pt: a/vae.pt, b/vae.pt. Keep one of them."


USABLE = {
    "under a name": lambda tensors: {"model_state_dict": tensors, "epoch": 3},
    "under two names": lambda tensors: {"checkpoint": {"net": tensors, "epoch": 3}},
    "beside a number": lambda tensors: {**tensors, "epoch": 3},
    "as a whole": Whole,
}
PLACES = ("model.pt", "checkpoints/model.pt", "model_best.pth", "out/model_final_epoch60.pt")


@pytest.mark.parametrize(("how", "place"), list(zip(USABLE, PLACES, strict=True))[1::2])
def test_weights_that_can_be_used_are(how: str, place: str, host: Host, tmp_path: Path) -> None:
    report = graded(IFT, tmp_path, host, ("q1.validation_loss",), {place: USABLE[how](state(IFT, "model.pt"))})
    [outcome] = report.outcomes
    assert outcome.points == outcome.max_points, (outcome.verdicts, report.notices)


@pytest.mark.slow
@pytest.mark.parametrize("how", USABLE)
@pytest.mark.parametrize(
    ("which", "item", "file"),
    [(CSCI, "a.vae_training", "vae.pt"), (A9, "vae.loss", "vae.pt"), (IFT, "q2.quality", "eps_model.pkl")],
)
def test_weights_that_can_be_used_are_elsewhere(
    which: assignments.Assignment, item: str, file: str, how: str, host: Host, tmp_path: Path
) -> None:
    report = graded(which, tmp_path, host, (item,), {f"checkpoints/{file}": USABLE[how](state(which, file))})
    [outcome] = report.outcomes
    assert outcome.evidence.measurements, outcome.verdicts


def test_code_finds_weights_where_it_left_them(host: Host, tmp_path: Path) -> None:
    """A loader that names its own file and folder."""
    source = (A5.reference / "A5_vae_submission.py").read_text()
    assert source.count('"vae.pt"') == 1
    (tmp_path / "hw").mkdir()
    (tmp_path / "hw" / "A5_vae_submission.py").write_text(source.replace('"vae.pt"', '"checkpoints/vae_best.pt"'))
    (tmp_path / "hw" / "checkpoints").mkdir()
    shutil.copy(A5.reference / "vae.pt", tmp_path / "hw" / "checkpoints" / "vae_best.pt")
    report = grade(A5, tmp_path, host, Options(("vae.load",), quick=True, more_to_come=True))
    assert report.outcomes[0].points == report.outcomes[0].max_points, report.outcomes[0].verdicts


@pytest.mark.parametrize(
    ("opened", "weights", "message"),
    [
        ("vae.pt", {"vae.pt": b""}, "vae.pt is empty"),
        ("lib/vae.pt", {"vae.pt": b""}, "vae.pt is empty"),
        ("cvae.pt", {"vae.pt": b""}, "No such file or directory: 'cvae.pt'"),
        ("best_vae.pt", {"vae.pt": {"w": torch.ones(2)}}, "No such file or directory: 'best_vae.pt'"),
    ],
)
def test_only_the_file_that_was_looked_for_is_spoken_of(
    opened: str, weights: Mapping[str, Any], message: str, host: Host, tmp_path: Path
) -> None:
    source = (A5.reference / "A5_vae_submission.py").read_text()
    right = "def kl_loss(self"
    assert source.count(right) == 1
    head, tail = source.split(right)
    signature, rest = tail.split(":\n", 1)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "A5_vae_submission.py").write_text(
        f"{head}{right}{signature}:\n        torch.load({opened!r})\n{rest}"
    )
    for name, content in weights.items():
        if isinstance(content, bytes):
            (tmp_path / "work" / name).write_bytes(content)
        else:
            torch.save(content, tmp_path / "work" / name)
    report = grade(A5, tmp_path / "work", host, Options(("vae.kl_loss",), quick=True, more_to_come=True))
    assert message in told(report)[0]
