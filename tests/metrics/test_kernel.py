"""The kernel distance against clean-fid, and its standard error against what repeats show."""

import warnings

import pytest
import torch

from grading.metrics.kernel import kernel_distance, polynomial_kernel
from grading.sandbox.inside import torchvision_operators


def drawn(n: int, seed: int, offset: float = 0.0, dim: int = 16) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)).double() + offset


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_agrees_with_clean_fid_on_one_subset_of_everything(offset: float) -> None:
    torchvision_operators.define_if_missing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanfid import fid
    x, y = drawn(150, 1, offset), drawn(150, 2)
    theirs = fid.kernel_distance(y.numpy(), x.numpy(), num_subsets=1, max_subset_size=10_000)
    assert kernel_distance(x, y)[0] == pytest.approx(theirs, rel=1e-6, abs=1e-12)


def test_the_kernel() -> None:
    x, y = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    assert polynomial_kernel(x, y).tolist() == [[8.0, 1.0]]


def test_unbiased_and_of_the_error_it_claims() -> None:
    """The jackknife within a third of the spread over repeats; where nothing differs it errs on the safe side."""
    real = drawn(500, 0)
    for offset, most in ((0.5, 1.35), (0.0, 2.0)):
        found = [kernel_distance(drawn(60, seed, offset), real) for seed in range(1, 81)]
        values, errors = torch.tensor(found, dtype=torch.float64).T
        assert 0.65 < errors.median() / values.std() < most


def test_unbiased() -> None:
    """Two fresh sets every time: the mean over repeats is within four standard errors of zero, at any N."""
    for n in (10, 40):
        values = torch.tensor([kernel_distance(drawn(n, seed), drawn(n, 1000 + seed))[0] for seed in range(200)])
        assert abs(values.mean()) < 4 * values.std() / 200**0.5


def test_another_distribution_is_farther_than_chance() -> None:
    value, error = kernel_distance(drawn(200, 1, 0.5), drawn(400, 2))
    assert value > 5 * error > 0
