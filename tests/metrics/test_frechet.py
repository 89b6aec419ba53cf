"""The Fréchet distance against clean-fid, against closed forms, and against what it should be with endless samples."""

import warnings

import pytest
import scipy
import torch
from torch import Tensor

from grading.assets import load
from grading.assets.networks import in_batches
from grading.metrics.frechet import (
    Gaussian,
    frechet_between,
    frechet_distance,
    frechet_excess,
    frechet_infinity,
    gaussian,
)
from grading.sandbox.inside import torchvision_operators

TOO_NEW = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(n: int, dim: int, seed: int = 0) -> Tensor:
    """Correlated features."""
    g = rng(seed)
    return torch.randn(n, dim, generator=g) @ torch.randn(dim, dim, generator=g) / dim**0.5 + 0.1 * seed


def standard(dim: int, offset: float = 0.0, scale: float = 1.0) -> Gaussian:
    return Gaussian(torch.full((dim,), offset).double(), scale**2 * torch.eye(dim).double())


@pytest.mark.skipif(TOO_NEW, reason="clean-fid calls scipy.linalg.sqrtm(disp=…), which scipy 1.18 no longer knows")
@pytest.mark.parametrize("dim", [2, 16, 64])
def test_agrees_with_clean_fid(dim: int) -> None:
    torchvision_operators.define_if_missing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanfid import fid
    first, second = gaussian(features(400, dim, 1)), gaussian(features(500, dim, 2))
    theirs = fid.frechet_distance(
        first.mean.numpy(), first.covariance.numpy(), second.mean.numpy(), second.covariance.numpy()
    )
    assert frechet_distance(first, second) == pytest.approx(float(theirs), rel=1e-6)


def test_gaussian_is_the_sample_mean_and_the_unbiased_covariance() -> None:
    x = features(50, 5)
    found = gaussian(x)
    centred = x.double() - x.double().mean(0)
    assert found.mean.dtype == torch.float64
    assert torch.allclose(found.mean, x.double().mean(0))
    assert torch.allclose(found.covariance, centred.T @ centred / 49)
    assert gaussian(x[:, :1]).covariance.shape == (1, 1)


def test_diagonal_gaussians_have_a_closed_form() -> None:
    first, second = torch.tensor([0.5, 2.0, 3.0]).double(), torch.tensor([1.5, 0.25, 3.0]).double()
    offset = torch.tensor([1.0, -2.0, 0.5]).double()
    found = frechet_distance(Gaussian(offset, torch.diag(first**2)), Gaussian(0 * offset, torch.diag(second**2)))
    assert found == pytest.approx(float(offset.square().sum() + (first - second).square().sum()), rel=1e-12)


def test_equal_is_zero_and_the_order_does_not_matter() -> None:
    first, second = gaussian(features(300, 12, 1)), gaussian(features(300, 12, 2))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_fewer_samples_than_dimensions(n: int) -> None:
    """|X - Y|^2 between two sets in N < D dimensions; the trace is the nuclear norm of the centred product."""
    x, y = features(n, 64, 1).double(), features(n, 64, 2).double()
    centred = [(z - z.mean(0)) / (n - 1) ** 0.5 for z in (x, y)]
    nuclear = torch.linalg.matrix_norm(centred[0] @ centred[1].T, ord="nuc")
    wanted = (x.mean(0) - y.mean(0)).square().sum() + sum(z.square().sum() for z in centred) - 2 * nuclear
    assert frechet_distance(gaussian(x), gaussian(y)) == pytest.approx(float(wanted), rel=1e-5)
    assert frechet_distance(gaussian(x), gaussian(x)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("n", "m"), [(2, 5), (20, 300), (300, 20), (64, 65), (300, 400)])
def test_features_and_their_statistics_lie_equally_far(n: int, m: int) -> None:
    """Also where one covariance or both are singular, and where they are so nearly."""
    x, y = features(n, 64, 1), features(m, 64, 2)
    wanted = frechet_distance(gaussian(x), gaussian(y))
    assert frechet_between(x, y) == pytest.approx(wanted, rel=1e-6)
    assert frechet_between(y, x) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("n", [20, 300])
def test_features_lie_nowhere_from_themselves_and_as_far_as_they_are_moved(n: int) -> None:
    x = features(n, 64, 1)
    assert frechet_between(x, x) == pytest.approx(0, abs=1e-4)
    assert frechet_between(x, x + 2) == pytest.approx(64 * 4, rel=1e-5)


def test_the_number_of_cores_stays_as_it_was() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        frechet_between(features(5, 16, 1), features(6, 16, 2))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_infinity_is_the_same_from_features_and_from_their_statistics() -> None:
    x, y = features(60, 24, 1), features(200, 24, 2)
    assert frechet_infinity(x, y, rng(1)) == pytest.approx(frechet_infinity(x, gaussian(y), rng(1)), rel=1e-5)


def test_all_images_alike_is_no_division_by_zero() -> None:
    found = frechet_distance(gaussian(torch.zeros(10, 8)), standard(8))
    assert found == pytest.approx(8)


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_infinity_takes_the_bias_away(offset: float) -> None:
    dim = 32
    truth = dim * offset**2
    samples = torch.randn(1000, dim, generator=rng(3)) + offset
    found, error = frechet_infinity(samples, standard(dim), rng(4))
    plain = frechet_distance(gaussian(samples), standard(dim))
    sampling_error = 2 * offset * (dim / 1000) ** 0.5  # of |mean|^2, to first order
    assert plain > truth + 0.1, "the plain distance is biased upwards"
    assert abs(found - truth) < plain - truth + 3 * sampling_error
    assert abs(found - truth) < 0.12 + 3 * sampling_error
    assert 0 < error < 0.2


def test_infinity_is_the_same_for_the_same_generator() -> None:
    samples = features(400, 8)
    assert frechet_infinity(samples, standard(8), rng(1)) == frechet_infinity(samples, standard(8), rng(1))


@pytest.fixture(scope="module")
def real() -> tuple[Tensor, Gaussian]:
    """Features of the held-out images, and the statistics of all test images."""
    assets = load("fashion_mnist")
    reference = Gaussian(assets.statistics["as_is.mean"], assets.statistics["as_is.covariance"])
    return in_batches(assets.encoder, assets.images), reference


@pytest.mark.parametrize("n", [50, 500])
def test_excess_of_real_images_is_about_zero(n: int, real: tuple[Tensor, Gaussian]) -> None:
    held_out, reference = real
    shuffled = held_out[torch.randperm(len(held_out), generator=rng(5))]
    excess = frechet_excess(shuffled[:n], shuffled[500:], reference, rng(6))
    assert frechet_distance(gaussian(shuffled[:n]), reference) > 5, "the distance itself is far from zero"
    assert abs(excess.value) < 4 * excess.standard_deviation


def test_excess_of_other_images_is_not(real: tuple[Tensor, Gaussian]) -> None:
    held_out, reference = real
    excess = frechet_excess(held_out[:200] + 1, held_out[500:], reference, rng(6))
    assert excess.value > 5 * excess.standard_deviation
