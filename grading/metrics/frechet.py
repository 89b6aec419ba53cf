"""The Fréchet distance between two sets of features, and what it would be with endlessly many samples."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

SUBSETS, DRAWS = 8, 3


@dataclass(frozen=True)
class Gaussian:
    """The mean [D] and covariance [D, D] of features, float64."""

    mean: Tensor
    covariance: Tensor


def gaussian(features: Tensor) -> Gaussian:
    """Mean and unbiased covariance of features [N, D]; N >= 2."""
    features = features.double()
    return Gaussian(features.mean(0), features.T.cov().reshape(features.shape[1], -1))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)  (Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500).

    With C1 = L L^T the last trace is that of the square root of L^T C2 L: symmetric, so no general matrix root is needed.
    """
    offset = (first.mean - second.mean).square().sum()
    traces = first.covariance.trace() + second.covariance.trace()
    left, right = first.covariance, second.covariance
    root, singular = torch.linalg.cholesky_ex(left)
    if singular:
        left, right = right, left
        root, singular = torch.linalg.cholesky_ex(left)
    if singular:  # both, as with N < D: Cholesky's root does not exist, the symmetric one does, at five times the price
        values, vectors = torch.linalg.eigh(left)
        root = vectors * values.clamp_min(0).sqrt()
    return float(offset + traces - 2 * _trace_of_root(root.T @ right @ root))


def frechet_between(first: Tensor, second: Tensor) -> float:
    """The Fréchet distance between the features [N, D] and [M, D] themselves; fast where N < D, as N often is.

    For centred X [N, D] and Y [M, D] the trace of (C1 C2)^(1/2) is the sum of the singular values of X Y^T over
    ((N - 1)(M - 1))^(1/2). They are the roots of the eigenvalues of a matrix of the smaller side, [N, N].
    """
    few, many = sorted((first.double(), second.double()), key=len)
    if len(few) > few.shape[1]:
        return frechet_distance(gaussian(few), gaussian(many))
    with _one_core():
        x, y = ((features - features.mean(0)) / (len(features) - 1) ** 0.5 for features in (few, many))
        product = x @ y.T
        offset = (few.mean(0) - many.mean(0)).square().sum()
        return float(offset + x.square().sum() + y.square().sum() - 2 * _trace_of_root(product @ product.T))


@contextmanager
def _one_core() -> Iterator[None]:
    """Matrices of a few hundred rows gain nothing from more cores, and lose much where those are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _trace_of_root(matrix: Tensor) -> Tensor:
    """tr M^(1/2) of a symmetric matrix without negative eigenvalues but for rounding."""
    values: Tensor = torch.linalg.eigvalsh(matrix)
    return values.clamp_min(0).sqrt().sum()


@dataclass(frozen=True)
class Excess:
    """How much farther from the reference than real images are, at the same number of samples."""

    value: float
    standard_deviation: float  # of the same number for real images


def frechet_excess(features: Tensor, real: Tensor, reference: Gaussian, rng: Generator) -> Excess:
    """The distance of generated features [N, D], less that of N real images (mean over 8 draws from `real`).

    With few samples the distance is precise and wrong: it is biased upwards by an amount that depends on N and D. Real
    images of the same number carry much the same bias. Above half as many as there are real ones, only the first are used.
    """
    n = min(len(features), len(real) // 2)
    draws = [real[torch.randperm(len(real), generator=rng)[:n]] for _ in range(SUBSETS)]
    real_distances = torch.tensor([frechet_distance(gaussian(draw), reference) for draw in draws])
    found = frechet_distance(gaussian(features[:n]), reference)
    return Excess(found - real_distances.mean().item(), real_distances.std().item())


def frechet_infinity(features: Tensor, reference: Gaussian | Tensor, rng: Generator) -> tuple[float, float]:
    """The distance extrapolated to N = infinity, with its standard error (Chong & Forsyth 2020, arXiv:1911.07023).

    A line in 1/N through the distances of 8 subset sizes, 3 draws each, from N/4 to N. `reference`: the statistics of
    real features, or the features [M, D] themselves.
    """
    sizes = torch.linspace(len(features) / 4, len(features), SUBSETS).long().repeat_interleave(DRAWS)
    subsets = (features[torch.randperm(len(features), generator=rng)[:size]] for size in sizes)
    if isinstance(reference, Gaussian):
        distances = [frechet_distance(gaussian(subset), reference) for subset in subsets]
    else:
        distances = [frechet_between(subset, reference) for subset in subsets]
    design = torch.stack([torch.ones(len(sizes)), 1 / sizes.double()], dim=1).double()
    observed = torch.tensor(distances, dtype=torch.float64)
    line = torch.linalg.lstsq(design, observed.unsqueeze(1)).solution.squeeze(1)
    residual = (observed - design @ line).square().sum() / (len(sizes) - 2)
    error = (torch.linalg.inv(design.T @ design)[0, 0] * residual).sqrt()
    return line[0].item(), error.item()
