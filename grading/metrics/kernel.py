"""The kernel distance (KID): unbiased at any number of samples."""

from torch import Tensor


def polynomial_kernel(first: Tensor, second: Tensor) -> Tensor:
    """(x.y / D + 1)^3 for every pair: [N, D], [M, D] -> [N, M]."""
    return (first @ second.T / first.shape[1] + 1) ** 3


def kernel_distance(generated: Tensor, real: Tensor) -> tuple[float, float]:
    """The unbiased squared MMD between features [N, D] and [M, D], and its standard error.

    Bińkowski et al. 2018 (arXiv:1801.01401), with all samples in one block. The error is the jackknife's over the
    generated samples: what another N of them would change. Where the two distributions are equal it is too wide.
    """
    x, y = generated.double(), real.double()
    n, m = len(x), len(y)
    within_x, within_y, between = polynomial_kernel(x, x), polynomial_kernel(y, y), polynomial_kernel(x, y)
    rows = within_x.sum(1) - within_x.diagonal()
    y_part = (within_y.sum() - within_y.trace()) / (m * (m - 1))
    total, crossed = rows.sum(), between.mean(1)
    value = total / (n * (n - 1)) + y_part - 2 * crossed.mean()
    without = (total - 2 * rows) / ((n - 1) * (n - 2)) + y_part - 2 * (crossed.sum() - crossed) / (n - 1)
    error = ((n - 1) / n * (without - without.mean()).square().sum()).sqrt()
    return value.item(), error.item()
