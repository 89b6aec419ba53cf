"""Training in the sandbox: what is trained, when it is not, and what is measured of it."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from grading import assets, rubric
from grading.checks.compare import Disagreement
from grading.errors import Crashed, DataMissing, NotDone, NotMeasured, TimedOut, WeightsError
from grading.metrics import training
from grading.metrics.setting import Setting

RUBRIC = rubric.load(Path(__file__).parents[2] / "rubrics/csci2271_a3/rubric.toml")
ITEM = next(row for row in RUBRIC.items if row.id == "a.vae_training")


class Learner:
    """Decodes everything as the same grey, from weights or after a training."""

    slow = False  # in the third epoch
    kept: ClassVar = {"weight": torch.zeros(3)}

    def __init__(self, weights: bool = False, fits: bool = True, error: Exception | None = None) -> None:
        self.handed_in, self.fits, self.error, self.epochs, self.asked = weights, fits, error, 0, []

    def weights(self, name: str) -> SimpleNamespace:
        if not self.handed_in:
            raise WeightsError(f"{name} was not handed in")
        with tempfile.NamedTemporaryFile(suffix=".safetensors", delete=False) as file:
            file.write(save(self.kept))
        return SimpleNamespace(path=Path(file.name))

    def close(self) -> None:
        """There is no box."""

    def state(self, model: str) -> dict[str, Any]:
        return {"names": list(self.kept), "values": list(self.kept.values())}

    def load_state(self, model: str, names: list[str], values: list[Tensor]) -> int:
        assert dict(zip(names, values, strict=True)).keys() == self.kept.keys()
        return len(names)

    def state_shapes(self, file: str) -> dict[str, list[int]]:
        raise Crashed("RuntimeError: no model either")

    def begin_training(self, model: str) -> float:
        if self.error:
            raise self.error
        return 1.0

    def training_images(self, images: Tensor, labels: Tensor) -> int:
        self.asked.append(tuple(images.shape))
        return len(images)

    def train_epoch(self, model: str, seconds: float) -> float:
        self.epochs += 1
        if self.slow and self.epochs == 3:
            raise TimedOut(f"no answer within {seconds} s")
        return 500.0 - self.epochs

    def encode(self, model: str, x: Tensor, classes: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.handed_in and not self.fits and not self.epochs:
            raise Crashed("RuntimeError: state_dict")
        assert (classes is None) == (model == "vae")
        return torch.zeros(len(x), 15), torch.zeros(len(x), 15)

    def decode(self, model: str, z: Tensor, classes: Tensor | None) -> Tensor:
        return torch.full((len(z), 784), 0.5)


def setting(**changes: Any) -> Setting:
    told: list[str] = []
    made = Setting(
        ITEM.sampling,
        ITEM.ramp,
        assets.load("mnist"),
        600.0,
        False,
        "tests",
        tell=lambda what, share: told.append(what),
    )
    return replace(made, **changes)


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "labelled_images", lambda name, train: (torch.zeros(8, 1, 28, 28), torch.zeros(8)))


def test_weights_that_were_handed_in_are_measured_and_nothing_is_trained() -> None:
    student = Learner(weights=True)
    found = training.vae(student, setting())
    assert student.epochs == 0
    assert found.named("negative_elbo").value == pytest.approx(784 * math.log(2), rel=1e-5)
    assert "weights from vae.pt" in found.named("negative_elbo").note
    assert len(found.pictures) == 1


@pytest.mark.parametrize("weights", [False, True])
def test_without_weights_that_fit_ten_epochs_are_trained(weights: bool) -> None:
    student = Learner(weights=weights, fits=False)
    told: list[tuple[str, float]] = []
    found = training.cvae(student, setting(tell=lambda what, share: told.append((what, share))))
    assert student.epochs == 10
    assert "trained here for 10 epochs" in found.named("negative_elbo").note
    assert "490.0" in found.named("negative_elbo").note  # as loss_function has it
    assert told[-1][1] == 1.0
    assert "epoch 10 of 10" in told[-1][0]
    assert len(found.pictures) == 2


def test_images_that_are_kept_in_the_weights_are_counted() -> None:
    student = Learner(weights=True)
    student.kept = {"memory": assets.load("mnist").images[:7].flatten(1)}  # type: ignore[misc]
    assert training.vae(student, setting()).named("stored").value == 7
    assert training.vae(Learner(), setting()).named("stored").value == 0


def test_training_that_was_not_asked_for_is_left_to_a_human() -> None:
    with pytest.raises(NotMeasured, match="--no-train"):
        training.vae(Learner(), setting(train=False))


def test_code_that_is_not_done_is_told_before_anything_else() -> None:
    with pytest.raises(NotDone):
        training.vae(Learner(error=NotDone("still to do")), setting(train=False))


def test_missing_data_are_not_the_students_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, train: bool) -> None:
        raise DataMissing("MNIST is not under data")

    monkeypatch.setattr(training, "labelled_images", missing)
    with pytest.raises(DataMissing):
        training.vae(Learner(), setting())


def test_a_training_that_takes_too_long_here_is_left_to_a_human() -> None:
    student = Learner()
    student.slow = True
    with pytest.raises(NotMeasured, match="epoch 3 of 10"):
        training.vae(student, setting())


def test_an_epoch_is_not_begun_that_would_end_too_late() -> None:
    student = Learner()
    with pytest.raises(NotMeasured, match="epoch 1 of 10"):
        training.vae(student, setting(seconds=0.0))


def test_a_decoder_that_gives_too_few_pixels_is_a_disagreement() -> None:
    student = Learner(weights=True)
    student.decode = lambda model, z, classes: torch.zeros(len(z), 700)  # type: ignore[method-assign]
    with pytest.raises(Disagreement, match="decoder"):
        training.vae(student, setting())
