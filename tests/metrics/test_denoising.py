"""The judge's own sampler, with noise estimates that are exact, and what the metrics make of good and bad networks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from metrics_fakes import setting
from torch import Tensor

from grading import assets
from grading.checks.variance_preserving import log_snr
from grading.metrics.denoising import TRAINED_STEPS, drawn_in_steps, guided, unconditional
from grading.metrics.setting import Setting
from grading.rubric import Sampling

BARS = (1 - torch.linspace(0.0001, 0.02, TRAINED_STEPS, dtype=torch.float64)).cumprod(0)
GUIDED_BARS = torch.sigmoid(log_snr(torch.arange(TRAINED_STEPS).double() / TRAINED_STEPS))
MNIST = assets.load("mnist")


def exact(images: Tensor, bars: Tensor) -> Any:
    """The exact noise estimate where the data are these images [N, 1, H, W] and no others (a softmax over them)."""
    flat = images.flatten(1).double()

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        bar = bars[t[0]]
        distances = torch.cdist(x.flatten(1).double(), bar.sqrt() * flat).square() / (2 * (1 - bar))
        expected = (-distances).softmax(1) @ flat
        return ((x.double() - bar.sqrt() * expected.view(x.shape)) / (1 - bar).sqrt()).to(x.dtype)

    return estimate


@pytest.mark.parametrize("bars", [BARS, GUIDED_BARS], ids=["linear", "log-SNR"])
def test_with_the_exact_estimate_the_sampler_draws_the_data(bars: Tensor) -> None:
    data = MNIST.images[:40]
    rng = torch.Generator().manual_seed(0)
    drawn = drawn_in_steps(exact(data, bars), bars, 50, torch.randn(60, 1, 28, 28, generator=rng), rng)
    distances, nearest = torch.cdist(drawn.flatten(1), data.flatten(1)).min(1)
    assert distances.max() / 28 < 0.05
    assert len(nearest.unique()) >= 20, "most of the 40 are drawn"


def test_two_pixels_of_gaussian_data_keep_their_mean_and_spread() -> None:
    """For data N(m, s^2) well inside [0, 1] the estimate is linear, and the samples must have that law."""
    mean, spread = 0.5, 0.1

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        bar = BARS[t[0]]
        return (1 - bar).sqrt() * (x - bar.sqrt() * mean) / (bar * spread**2 + 1 - bar)

    rng = torch.Generator().manual_seed(1)
    drawn = drawn_in_steps(estimate, BARS, 100, torch.randn(20_000, 1, 1, 2, generator=rng), rng)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.005)
    assert (
        0.7 * spread < drawn.std().item() < 1.05 * spread
    )  # the posterior variance of long jumps is too small, never too large


class Student:
    """Answers the noise probes of a network that knows some real images, by class or not."""

    def __init__(self, images: Tensor, labels: Tensor | None = None) -> None:
        self.images, self.labels, self.asked = images, labels, 0

    def ask(self, probe: str, args: dict[str, Any], seed: str | None = None, seconds: float | None = None) -> Tensor:
        self.asked += 1
        if "x" in args:
            return exact(self.images, BARS)(args["x"], args["t"])
        raise AssertionError("this student is asked without labels")

    def __getattr__(self, probe: str) -> Callable[..., Tensor]:
        return lambda seconds=None, **args: self.ask(probe, args, None, seconds)


def plan(**changes: Any) -> Setting:
    sampling = Sampling(probe="noise_estimate", steps=25, chunk=50, quick_looks=(50,), **changes)
    return replace(setting("vae.accuracy", MNIST, quick=True), sampling=sampling)


def test_real_digits_are_recognised_and_varied() -> None:
    student = Student(MNIST.images[::5])
    found = unconditional(student, plan())
    assert student.asked == 25 + 1, "every step, and a little noise in real images"
    assert found.named("recognised").value > 0.9
    assert found.named("commonest").value < 0.3
    assert found.named("frechet_excess").value < 100
    assert found.named("unique").value > 0.9


def test_a_single_digit_again_and_again_is_seen() -> None:
    found = unconditional(Student(MNIST.images[:1]), plan())
    assert found.named("commonest").value == 1
    assert found.named("unique").value < 0.1
    assert found.named("spread").value < 0.1


def test_a_network_that_has_learned_nothing_is_not_recognised_as_digits() -> None:
    class Nothing(Student):
        def ask(
            self, probe: str, args: dict[str, Any], seed: str | None = None, seconds: float | None = None
        ) -> Tensor:
            return torch.zeros_like(args["x"])

    found = unconditional(Nothing(MNIST.images), plan())
    assert found.named("frechet_excess").value > 1000


def test_guidance_asks_with_labels_and_without_and_mixes() -> None:
    """Conditional estimates know the class, unconditional ones all of them; images are of the classes asked for."""

    class ByClass(Student):
        kinds: set[str]

        def ask(
            self, probe: str, args: dict[str, Any], seed: str | None = None, seconds: float | None = None
        ) -> Tensor:
            self.kinds = self.__dict__.get("kinds", set()) | {"without" if args["labels"] is None else "with"}
            z, labels = args["z"], args["labels"]
            t = (GUIDED_BARS - self.level(z)).abs().argmin().expand(len(z))
            if labels is None:
                return exact(self.images, GUIDED_BARS)(z, t)
            each = [exact(self.images[self.labels == y], GUIDED_BARS)(z[i : i + 1], t) for i, y in enumerate(labels)]
            return torch.cat(each)

        def level(self, z: Tensor) -> float:
            """alpha_bar, told by the variance of the corner that is black in every digit."""
            return 1 - min(z[:, :, :3, :3].var().item(), 1.0)

    student = ByClass(MNIST.images[::5], MNIST.labels[::5])
    found = guided(student, plan(guidance=0.5))
    assert student.kinds == {"with", "without"}
    assert found.named("accuracy").value > 0.9
