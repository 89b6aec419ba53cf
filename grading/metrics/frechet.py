"""The Fréchet distance between two sets of features, and what it would be with endlessly many samples."""

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

    The last trace is that of the square root of S C2 S with S = C1^(1/2): symmetric, so no general matrix root is needed,
    and it holds for singular covariances (N < D) too.
    """
    values, vectors = torch.linalg.eigh(first.covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ second.covariance @ root).clamp_min(0).sqrt().sum()
    offset = (first.mean - second.mean).square().sum()
    return float(offset + first.covariance.trace() + second.covariance.trace() - 2 * cross)


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


def frechet_infinity(features: Tensor, reference: Gaussian, rng: Generator) -> tuple[float, float]:
    """The distance extrapolated to N = infinity, with its standard error (Chong & Forsyth 2020, arXiv:1911.07023).

    A line in 1/N through the distances of 8 subset sizes, 3 draws each, from N/4 to N.
    """
    sizes = torch.linspace(len(features) / 4, len(features), SUBSETS).long().repeat_interleave(DRAWS)
    distances = [
        frechet_distance(gaussian(features[torch.randperm(len(features), generator=rng)[:size]]), reference)
        for size in sizes
    ]
    design = torch.stack([torch.ones(len(sizes)), 1 / sizes.double()], dim=1).double()
    observed = torch.tensor(distances, dtype=torch.float64)
    line = torch.linalg.lstsq(design, observed.unsqueeze(1)).solution.squeeze(1)
    residual = (observed - design @ line).square().sum() / (len(sizes) - 2)
    error = (torch.linalg.inv(design.T @ design)[0, 0] * residual).sqrt()
    return line[0].item(), error.item()
