"""How far the features of generated images lie from those of real ones, and how far real images would lie."""

import torch
from torch import Generator, Tensor

from grading.metrics.extraction import Extractor
from grading.metrics.frechet import SUBSETS, frechet_between, frechet_infinity
from grading.metrics.intervals import interval
from grading.metrics.kernel import kernel_distance
from grading.records import Measurement

# Images per feature, below which the distance is not extrapolated to N = infinity. Between halves of one set, where it
# should be 0, the line removes a third of the bias at N < D, too much at 2 D, and all but sampling error from 4 D on.
INFINITY_NEEDS = 4


def feature_distances(generated: Tensor, real: Tensor, extractor: Extractor, rng: Generator) -> list[Measurement]:
    """The Fréchet distance ("frechet"), its limit for large N where there are enough images, and the kernel distance.

    `generated` [N, D] and `real` [M, D] are what the extractor says of images; N >= 3 and M >= 4. `rng` chooses the real
    images that the Fréchet distance is compared with; the interval is of their spread.
    """
    n, title = len(generated), extractor.distance
    baseline = real_distances(real, n, rng)
    note = f"{small_n_note(n, real, baseline)} {extractor.note}"
    value = frechet_between(generated, real)
    found = [interval("frechet", title, (value, baseline.std().item()), n, note=note)]
    if enough_for_infinity(generated, real):
        limit, error = frechet_infinity(generated, real, rng)
        found.append(interval("frechet_infinity", f"{title}, extrapolated to N = infinity", (limit, error), n))
    value, error = kernel_distance(generated, real)
    return [
        *found,
        interval("kernel_distance", extractor.kernel, (value, error), n, note="Unbiased at any number of images."),
    ]


def enough_for_infinity(generated: Tensor, real: Tensor) -> bool:
    """Whether there are enough features [N, D] and [M, D] for a line in 1/N to find the distance at N = infinity."""
    return min(len(generated), len(real)) >= INFINITY_NEEDS * real.shape[1]


def real_distances(real: Tensor, n: int, rng: Generator) -> Tensor:
    """What `n` real images, or half of all where there are fewer than 2 n, show against the others: 8 draws, float64."""
    n = min(n, len(real) // 2)
    orders = [torch.randperm(len(real), generator=rng) for _ in range(SUBSETS)]
    return torch.tensor([frechet_between(real[order[:n]], real[order[n:]]) for order in orders], dtype=torch.float64)


def small_n_note(n: int, real: Tensor, baseline: Tensor) -> str:
    """What a reader must know of a distance between `n` generated images and `real` [M, D]."""
    m, d = real.shape
    drawn = min(n, m // 2)
    few = "here far too few: most of it may be bias" if min(n, m) < d else "less so the more there are"
    return (
        f"{n:,} generated images against {m:,} real ones, {d:,} features each. The distance is biased upwards where there "
        f"are few images ({few}). {drawn:,} of the real images against the other {m - drawn:,} "
        f"show {baseline.mean():.4g} ± {baseline.std():.2g}, where endlessly many would show 0; compare with that, and only "
        "with distances of as many images."
    )
