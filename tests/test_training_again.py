"""Training in the real sandbox, on few images: from a submission without weights to a measured row."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from grading import assets, assignments
from grading.errors import DataMissing
from grading.grade import Options, grade
from grading.metrics import diffusion_training, training
from grading.records import Outcome, Report, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("csci2271_a3")
NO_DATA = DataMissing("MNIST is not under data and cannot be downloaded")


def few_digits(name: str, train: bool) -> tuple[Tensor, Tensor]:
    known = assets.load(name)
    return (known.images[:512] * 255).round().to(torch.uint8), known.labels[:512]


def handed_in(folder: Path, old: str = "", new: str = "") -> Path:
    """The reference's code without its weights, perhaps with an edit in vae.py."""
    for name in ("vae.py", "diffusion.py"):
        shutil.copyfile(ASSIGNMENT.reference / name, folder / name)
    source = (folder / "vae.py").read_text()
    assert source.count(old) == 1 or not old
    (folder / "vae.py").write_text(source.replace(old, new))
    return folder


def graded(folder: Path, host: Host, *items: str, train: bool = True) -> Report:
    return grade(ASSIGNMENT, folder, host, Options(items, quick=True, more_to_come=True, train=train))


def row(report: Report) -> Outcome:
    (found,) = report.outcomes
    return found


@pytest.mark.parametrize("item", ["a.vae_training", pytest.param("a.cvae_training", marks=pytest.mark.slow)])
def test_a_model_is_trained_and_its_loss_measured(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    monkeypatch.setattr(training, "labelled_images", few_digits)
    found = row(graded(handed_in(tmp_path), host, item))
    loss = found.evidence.named("negative_elbo")
    assert found.status is Status.FAILED, "40 steps are too few, and that is what the row says"
    assert 180 < loss.value < 400, "an untrained model is at 543 nats"
    assert "trained here for 10 epochs" in loss.note
    assert len(found.evidence.pictures) == 2
    assert row(graded(handed_in(tmp_path), host, item)).evidence.named("negative_elbo") == loss


@pytest.mark.parametrize(
    ("loss", "where"), [("* torch.nan", "a first step"), ("* (torch.nan if mu.abs().max() > 1 else 1)", "an epoch")]
)
def test_a_training_that_diverges_fails_in_words(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str, where: str
) -> None:
    monkeypatch.setattr(training, "labelled_images", few_digits)
    right = "return (reconstruction + divergence) / len(mu)"
    found = row(graded(handed_in(tmp_path, right, f"{right} {loss}"), host, "a.vae_training"))
    assert (found.status, found.points) == (Status.FAILED, 0)
    assert f"the loss of {where} holds nan or inf" in found.verdicts[0].message


def test_without_the_data_set_or_without_leave_the_row_waits_for_a_human(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str, train: bool) -> None:
        raise NO_DATA

    monkeypatch.setattr(training, "labelled_images", missing)
    without_data = row(graded(handed_in(tmp_path), host, "a.vae_training"))
    without_leave = row(graded(handed_in(tmp_path), host, "a.vae_training", train=False))
    for found, words in ((without_data, "MNIST is not under data"), (without_leave, "--no-train")):
        assert (found.status, found.points) == (Status.MANUAL, None)
        assert words in found.verdicts[0].message


@pytest.mark.slow
def test_a_diffusion_model_is_trained_and_drawn(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faces(side: int) -> Tensor:
        return torch.randint(
            0, 256, (600, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )

    monkeypatch.setattr(diffusion_training, "cat_images", faces)
    items = tuple(f"figures.{name}" for name in ("loss", "distance", "forward", "backward"))
    loss, distance, forward, backward = graded(handed_in(tmp_path), host, *items).outcomes
    assert {found.status for found in (loss, distance, forward, backward)} == {Status.MANUAL}
    assert loss.evidence.named("loss").value < 0.8, "an untrained model is at 0.8"
    assert "100 of 100 steps" in loss.evidence.named("loss").note
    assert distance.evidence.named("frechet").n == 64
    assert len(forward.evidence.pictures) == len(backward.evidence.pictures) == 1
