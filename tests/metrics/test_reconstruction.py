"""Reconstruction of held-out images by students that do it well, badly, or not at all."""

import math
from types import SimpleNamespace

import pytest
import torch
from metrics_fakes import setting
from torch import Tensor

from grading.checks.compare import Disagreement
from grading.metrics.reconstruction import DRAWS, PER_CLASS, held_out


class Coder:
    """Encodes an image as itself, with a given log variance, and decodes it by `again`."""

    def __init__(self, logvar: float = -30.0, again=lambda z: z.clamp(0, 1)) -> None:
        self.logvar, self.again = logvar, again
        self.encoded, self.decoded = 0, 0

    def close(self) -> None:
        """What it kept is gone."""

    def weights(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self.encoded += len(x)
        return x.flatten(1), torch.full((len(x), 784), self.logvar)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        self.decoded += len(z)
        return self.again(z).view(-1, 1, 28, 28)


def loss(student: Coder) -> float:
    return held_out(student, setting("vae.reconstruction")).named("reconstruction").value


def test_uniform_grey_costs_log_two_per_pixel() -> None:
    found = held_out(Coder(again=lambda z: torch.full_like(z, 0.5)), setting("vae.reconstruction"))
    measured = found.named("reconstruction")
    assert measured.value == pytest.approx(784 * math.log(2), rel=1e-5)
    assert measured.high - measured.low == pytest.approx(0, abs=1e-2)
    assert (measured.n, measured.unit) == (10 * PER_CLASS, "nats")
    assert len(found.pictures) == 1


def test_every_image_is_encoded_once_and_decoded_five_times() -> None:
    student = Coder()
    loss(student)
    assert (student.encoded, student.decoded) == (10 * PER_CLASS, DRAWS * 10 * PER_CLASS)


def test_perfect_is_better_than_noisy_is_better_than_grey() -> None:
    perfect, noisy = loss(Coder()), loss(Coder(logvar=2 * math.log(0.2)))
    assert 0 < perfect < noisy
    assert perfect < 784 * math.log(2)


def test_the_noise_is_drawn_by_the_judge_and_is_the_same_again() -> None:
    assert loss(Coder(logvar=-2.0)) == loss(Coder(logvar=-2.0))


class Keeping(Coder):
    """Decodes z as the images that it was shown: from its memory, or by the place at which they were shown."""

    def __init__(self, forgets: bool) -> None:
        super().__init__()
        self.forgets, self.kept, self.asked = forgets, list[Tensor](), 0

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self.kept.append(x)
        return torch.zeros(len(x), 2), torch.zeros(len(x), 2)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        if not self.kept:
            return torch.full((len(z), 1, 28, 28), 0.5)
        every = torch.cat(self.kept)
        places = torch.arange(self.asked, self.asked + len(z)) % len(every)
        self.asked += len(z)
        return every[places]

    def close(self) -> None:
        self.kept = [] if self.forgets else self.kept


def test_a_decoder_that_remembers_has_forgotten() -> None:
    assert loss(Keeping(forgets=True)) == pytest.approx(784 * math.log(2), rel=1e-5)


def test_places_tell_a_decoder_nothing() -> None:
    assert loss(Keeping(forgets=False)) > 784 * math.log(2) > loss(Coder())


@pytest.mark.parametrize(
    "again",
    [lambda z: z[:, :1], lambda z: z * float("nan"), lambda z: torch.cat([z, z])],
    ids=["shape", "nan", "twice"],
)
def test_a_wrong_drawing_is_the_students(again) -> None:
    student = Coder(again=again)
    student.decode = lambda z, y: again(z)
    with pytest.raises(Disagreement):
        loss(student)


@pytest.mark.parametrize("encoded", [None, torch.zeros(3), (torch.zeros(1), torch.zeros(1), torch.zeros(1))])
def test_an_encoder_that_does_not_return_two_things(encoded: object) -> None:
    student = Coder()
    student.encode = lambda x, y: encoded
    with pytest.raises(Disagreement, match="three things"):
        loss(student)
