"""A diffusion model's training, seen by several rows: once, as far as the time reaches, with what there is to see."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from grading import assets, rubric
from grading.errors import Crashed, DataMissing, GradingError, NotDone, NotMeasured, TimedOut, WeightsError
from grading.metrics import diffusion_training
from grading.metrics.setting import Setting
from grading.records import Measurement

RUBRIC = rubric.load(Path(__file__).parents[2] / "rubrics/csci2271_a3/rubric.toml")
SAMPLING = next(row for row in RUBRIC.items if row.id == "figures.loss").sampling


class Painter:
    """Draws images of one grey; its loss falls as it learns."""

    def __init__(
        self, weights: bool = False, fits: bool = True, steps: int = 1000, error: Exception | None = None
    ) -> None:
        self.handed_in, self.fits, self.most, self.error, self.done = weights, fits, steps, error, 0
        self.made: dict[str, Any] = {}
        self.trainings = 0

    def once(self, name: str, made: Any) -> Any:
        if name not in self.made:
            try:
                self.made[name] = made()
            except GradingError as error:
                self.made[name] = error
        if isinstance(self.made[name], GradingError):
            raise self.made[name]
        return self.made[name]

    def weights(self, name: str) -> None:
        if not self.handed_in:
            raise WeightsError(f"{name} was not handed in")

    def state_shapes(self, file: str) -> dict[str, list[int]]:
        raise Crashed("RuntimeError: no model either")

    def load_diffusion(self) -> None:
        if not self.fits:
            raise Crashed("RuntimeError: state_dict")

    def begin_diffusion(self) -> float:
        if self.error:
            raise self.error
        self.trainings += 1
        return 0.8

    def training_photographs(self, images: Tensor) -> int:
        assert images.shape[1:] == (3, 35, 35)
        return len(images)

    def train_diffusion(self, steps: int, seconds: float) -> Tensor:
        if self.done + steps > self.most:
            raise TimedOut("no answer in time")
        self.done += steps
        return torch.linspace(1, 0.5, 1000)[self.done - steps : self.done]

    def ask(self, probe: str, args: dict[str, Any], seed: str, seconds: float) -> Tensor:
        return torch.full((args["count"], 3, 32, 32), 100 + self.done // 100, dtype=torch.uint8)

    def forward_stages(self, images: Tensor, steps: list[int], seed: str) -> list[Tensor]:
        return [images * (1 - step / 50) for step in steps]

    def backward_stages(self, start: Tensor, steps: list[int], seed: str) -> list[Tensor]:
        return [start] * (len(steps) + 1)


class Looker:
    """Sees the mean grey and nothing else."""

    distance = "Fréchet distance (greys), not FID"

    def features(self, images: Tensor) -> Tensor:
        return images.float().mean((1, 2, 3), keepdim=True).flatten(1)


def compared(generated: Tensor, real: Tensor, extractor: Looker, rng: Generator) -> list[Measurement]:
    value = (generated.mean() - real.mean()).abs().item()
    return [Measurement("frechet", extractor.distance, value, value, value, len(generated))]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    def cats(side: int) -> Tensor:
        return torch.full((10, 3, side, side), 120, dtype=torch.uint8)

    monkeypatch.setattr(diffusion_training, "cat_images", cats)
    monkeypatch.setattr(diffusion_training, "best_extractor", Looker)
    monkeypatch.setattr(diffusion_training, "cached_features", lambda extractor, images: extractor.features(images))
    monkeypatch.setattr(diffusion_training, "feature_distances", compared)
    monkeypatch.setattr(diffusion_training, "real_distances", lambda real, n, rng: torch.zeros(8))


def setting(**changes: Any) -> Setting:
    return replace(Setting(SAMPLING, None, assets.load("mnist"), 1500.0, False, "tests"), **changes)


def test_four_rows_look_at_one_training() -> None:
    student = Painter()
    rows = ("loss_curve", "distance_curve", "forward_strip", "backward_strip")
    found = [getattr(diffusion_training, row)(student, setting()) for row in rows]
    assert student.trainings == 1
    assert student.done == 1000
    loss, distance, forward, backward = found
    assert loss.named("loss").value == pytest.approx(0.525, abs=0.001)
    assert "1,000 of 1,000 steps" in loss.named("loss").note
    assert distance.named("frechet").value == 10.0  # after the last step
    assert [len(each.pictures) for each in found] == [1, 2, 1, 1]
    assert "not FID" in distance.pictures[0].caption
    assert "photographs" in forward.pictures[0].caption
    width, height = Image.open(io.BytesIO(backward.pictures[0].png)).size
    assert height == 6 * 68  # five stages and the image
    assert width > 8 * 68


def test_what_the_time_allows_is_shown() -> None:
    found = diffusion_training.loss_curve(Painter(steps=300), setting())
    assert "300 of 1,000 steps" in found.named("loss").note


def test_a_training_that_does_not_get_anywhere_is_left_to_a_human_in_every_row() -> None:
    student = Painter(steps=50)
    for row in (diffusion_training.loss_curve, diffusion_training.forward_strip):
        with pytest.raises(NotMeasured, match="100 steps"):
            row(student, setting())
    assert student.trainings == 1


def test_weights_are_looked_at_and_nothing_is_trained() -> None:
    student = Painter(weights=True)
    found = diffusion_training.distance_curve(student, setting())
    assert student.done == 0
    assert found.named("frechet").n == 256
    assert len(found.pictures) == 1
    with pytest.raises(NotMeasured, match="does not tell the losses"):
        diffusion_training.loss_curve(student, setting())


def test_weights_that_do_not_fit_are_trained_again() -> None:
    student = Painter(weights=True, fits=False)
    diffusion_training.loss_curve(student, setting(quick=True))
    assert student.done == 100


def test_without_photographs_weights_are_still_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(side: int) -> Tensor:
        raise DataMissing("no cats under DATA_ROOT")

    monkeypatch.setattr(diffusion_training, "cat_images", missing)
    found = diffusion_training.forward_strip(Painter(weights=True), setting())
    assert "images that the model has drawn" in found.pictures[0].caption
    with pytest.raises(DataMissing):
        diffusion_training.loss_curve(Painter(), setting())


def test_nothing_is_trained_unasked_and_what_is_not_done_is_told_first() -> None:
    with pytest.raises(NotMeasured, match="--no-train"):
        diffusion_training.loss_curve(Painter(), setting(train=False))
    with pytest.raises(NotDone):
        diffusion_training.loss_curve(Painter(error=NotDone("still to do")), setting(train=False))
