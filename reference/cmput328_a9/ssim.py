"""Structural similarity of images, after Wang, Bovik, Sheikh & Simoncelli 2004. Given; nothing in here is yours to write."""

import torch
from torch import Tensor, nn

SIGMA, K1, K2 = 1.5, 0.01, 0.03  # of the paper's window and its constants


def smoothing(size: int, window_size: int) -> Tensor:
    """The matrix [size, size] that smooths a column by a Gaussian window; beyond the border there are zeros."""
    offsets = torch.arange(window_size) - window_size // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    matrix = torch.zeros(size, size)
    for offset, weight in zip(offsets.tolist(), (weights / weights.sum()).tolist(), strict=True):
        matrix += weight * torch.diag(torch.ones(max(0, size - abs(offset))), offset)
    return matrix


def ssim(img1: Tensor, img2: Tensor, window_size: int = 11, size_average: bool = True) -> Tensor:
    """Images [B, C, H, W] in [0, 1], twice -> their mean similarity, at most 1; one number per image [B] if not averaged."""
    rows = smoothing(img1.shape[-2], window_size).to(img1)
    columns = smoothing(img1.shape[-1], window_size).to(img1)

    def smooth(x: Tensor) -> Tensor:
        return rows @ x @ columns.T

    mean1, mean2 = smooth(img1), smooth(img2)
    var1, var2 = smooth(img1**2) - mean1**2, smooth(img2**2) - mean2**2
    covariance = smooth(img1 * img2) - mean1 * mean2
    likeness = (2 * mean1 * mean2 + K1**2) * (2 * covariance + K2**2)
    likeness = likeness / ((mean1**2 + mean2**2 + K1**2) * (var1 + var2 + K2**2))
    return likeness.mean() if size_average else likeness.mean(dim=(1, 2, 3))


class SSIM(nn.Module):
    """The same as a criterion: SSIM(window_size=11)(x_hat, x)."""

    def __init__(self, window_size: int = 11, size_average: bool = True) -> None:
        super().__init__()
        self.window_size, self.size_average = window_size, size_average

    def forward(self, img1: Tensor, img2: Tensor) -> Tensor:
        return ssim(img1, img2, self.window_size, self.size_average)
