"""How alike two images are: the joint reconstruction loss, and the structural similarity in it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ssim(a: Tensor, b: Tensor, padded: bool, window: int = WINDOW) -> Tensor:
    """The mean structural similarity of images [B, C, H, W] in [0, 1], over pixels and channels: [B].

    Wang, Bovik, Sheikh & Simoncelli 2004 (IEEE TIP 13(4)), equation 13, with the paper's Gaussian window of 11 x 11.
    padded: with windows around every pixel and zeros beyond the border, as pytorch-ssim has it; else only with windows
    that lie inside, for which H and W must be 11 at least
    window: its rows and columns, an odd number
    """
    rows, columns = (_windows(size, padded, window).to(a) for size in a.shape[-2:])

    def smooth(x: Tensor) -> Tensor:
        return rows @ x @ columns.T

    mean_a, mean_b = smooth(a), smooth(b)
    variances = smooth(a.square()) - mean_a.square() + smooth(b.square()) - mean_b.square()
    covariance = smooth(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + K1**2) * (2 * covariance + K2**2)
    return (alike / ((mean_a.square() + mean_b.square() + K1**2) * (variances + K2**2))).mean(dim=(1, 2, 3))


def _windows(size: int, padded: bool, window: int) -> Tensor:
    """The weights of each window along one side: [size, size] with those that reach beyond the border, else fewer."""
    offsets = torch.arange(size, dtype=torch.float64) - torch.arange(size, dtype=torch.float64).unsqueeze(1)
    reach = window // 2
    total = (-torch.arange(-reach, reach + 1, dtype=torch.float64).square() / (2 * SIGMA**2)).exp().sum()
    weights = torch.where(offsets.abs() <= reach, (-offsets.square() / (2 * SIGMA**2)).exp() / total, 0.0)
    return weights if padded else weights[reach : size - reach]


@dataclass(frozen=True)
class JointLoss:
    """The three parts of the loss, one number per image each: [B]."""

    squared_error: Tensor
    one_minus_ssim: Tensor
    cross_entropy: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.squared_error + self.one_minus_ssim + self.cross_entropy


def joint_loss(x_hat: Tensor, x: Tensor, padded: bool) -> JointLoss:
    """MSE(x, x_hat) + (1 - SSIM(x, x_hat)) + BCE(x_hat, x) of images [B, C, H, W] in [0, 1], means over the pixels.

    As torch's BCELoss has it, the logarithm of the prediction x_hat is -100 at least.
    """
    return JointLoss(
        (x_hat - x).square().flatten(1).mean(1),
        1 - ssim(x_hat, x, padded),
        F.binary_cross_entropy(x_hat, x, reduction="none").flatten(1).mean(1),
    )
