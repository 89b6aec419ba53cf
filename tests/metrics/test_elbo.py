"""The validation loss of students that are known, and the estimate for a whole population."""

import math

import pytest
import torch
from metrics_fakes import setting
from torch import Tensor

from grading import assets
from grading.checks.compare import Disagreement
from grading.metrics.elbo import regression_estimate, validation

MNIST = assets.load("mnist")


class Coder:
    """Encodes everything as the same Gaussian, and decodes everything as the same grey."""

    def __init__(self, mu: float = 0.0, logvar: float = 0.0, grey: float = 0.5) -> None:
        self.mu, self.logvar, self.grey = mu, logvar, grey

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full((len(x), 20), self.mu), torch.full((len(x), 20), self.logvar)

    def decode(self, z: Tensor) -> Tensor:
        return torch.full((len(z), 784), self.grey)


def test_grey_costs_log_two_per_pixel_and_the_prior_costs_nothing() -> None:
    found = validation(Coder(), setting("vae.reconstruction", MNIST)).named("negative_elbo")
    assert found.value == pytest.approx(784 * math.log(2), rel=1e-5)
    assert found.high - found.low < 1e-3
    assert found.n == 2000


def test_leaving_the_prior_costs_the_divergence() -> None:
    plain, far = (
        validation(Coder(mu=mu), setting("vae.reconstruction", MNIST)).named("negative_elbo") for mu in (0.0, 2.0)
    )
    assert far.value - plain.value == pytest.approx(20 * 2.0**2 / 2, rel=1e-5)


def test_a_decoder_that_gives_nan_is_a_disagreement() -> None:
    with pytest.raises(Disagreement, match="reconstruction"):
        validation(Coder(grey=float("nan")), setting("vae.reconstruction", MNIST))


def test_an_estimate_by_regression_is_unbiased_and_its_error_is_right() -> None:
    """Values that mostly follow from features: the error is that of the rest, and 95 % intervals hold what they promise."""
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(10_000, 5, generator=rng, dtype=torch.float64)
    values = 100 + features @ torch.tensor([5.0, -3.0, 2.0, 0.0, 8.0], dtype=torch.float64)
    values = values + torch.randn(10_000, generator=rng, dtype=torch.float64)
    hits, errors = 0, []
    for _ in range(200):
        chosen = torch.randperm(10_000, generator=rng)[:500]
        estimate, error = regression_estimate(values[chosen], features[chosen], features.mean(0), left_out=0.95)
        hits += abs(estimate - values.mean().item()) < 1.96 * error
        errors.append(error)
    assert 180 <= hits <= 199
    assert sum(errors) / 200 == pytest.approx((0.95 / 500) ** 0.5, rel=0.1)
