"""Structural similarity against two other computations, and the three parts of the joint loss."""

import math
import warnings

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from grading.metrics.similarity import joint_loss, ssim
from grading.sandbox.inside import torchvision_operators

SHAPES = [(4, 3, 32, 32), (2, 1, 28, 28), (2, 3, 11, 17)]


def pair(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Smooth images and the same with noise: of some similarity, different from image to image."""
    rng = torch.Generator().manual_seed(0)
    small = torch.rand(*shape[:2], 5, 5, generator=rng, dtype=torch.float64)
    a = F.interpolate(small, shape[2:], mode="bilinear", align_corners=False)
    noise = torch.linspace(0.05, 0.3, shape[0], dtype=torch.float64).view(-1, 1, 1, 1)
    return a, (a + noise * torch.randn(shape, generator=rng, dtype=torch.float64)).clamp(0, 1)


def by_convolution(a: Tensor, b: Tensor, padding: int) -> Tensor:
    """The definition, with one convolution per window: [B]."""
    offsets = torch.arange(11, dtype=torch.float64) - 5
    line = (-(offsets**2) / (2 * 1.5**2)).exp()
    window = torch.outer(line, line) / line.sum() ** 2
    kernel = window.expand(a.shape[1], 1, 11, 11)

    def smooth(x: Tensor) -> Tensor:
        return F.conv2d(x, kernel, padding=padding, groups=a.shape[1])

    m, n = smooth(a), smooth(b)
    v, w, c = smooth(a * a) - m * m, smooth(b * b) - n * n, smooth(a * b) - m * n
    found = (2 * m * n + 1e-4) * (2 * c + 9e-4) / ((m * m + n * n + 1e-4) * (v + w + 9e-4))
    return found.mean(dim=(1, 2, 3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("padded", "padding"), [(True, 5), (False, 0)])
def test_it_is_what_convolutions_give(shape: tuple[int, ...], padded: bool, padding: int) -> None:
    a, b = pair(shape)
    assert torch.allclose(ssim(a, b, padded), by_convolution(a, b, padding), rtol=0, atol=1e-12)
    assert (ssim(a, b, padded) - ssim(a, b, not padded)).abs().max() > 1e-4, "the border makes a difference"


def test_of_images_with_a_mirrored_border_it_is_what_torchmetrics_gives() -> None:
    """torchmetrics mirrors five pixels beyond the border, and then has windows around every pixel."""
    torchvision_operators.define_if_missing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = pytest.importorskip("torchmetrics.functional.image")
    a, b = pair((4, 3, 32, 32))
    theirs = image.structural_similarity_index_measure(b, a, data_range=1.0, sigma=1.5, reduction="none")
    mirrored = (F.pad(images, (5, 5, 5, 5), mode="reflect") for images in (a, b))
    assert torch.allclose(ssim(*mirrored, padded=False), theirs, rtol=0, atol=1e-7)
    assert (ssim(a, b, padded=True) - theirs).abs().max() > 1e-3, "neither border is that one"
    assert (ssim(a, b, padded=False) - theirs).abs().max() > 1e-3


@pytest.mark.parametrize("padded", [True, False])
def test_an_image_is_most_like_itself(padded: bool) -> None:
    a, b = pair((4, 3, 32, 32))
    assert torch.allclose(ssim(a, a, padded), torch.ones(4, dtype=torch.float64))
    assert ssim(a, b, padded).diff().max() < 0, "the more noise, the less alike"
    assert torch.allclose(ssim(a, b, padded), ssim(b, a, padded))


def test_in_single_precision_it_is_nearly_the_same() -> None:
    a, b = pair((4, 3, 32, 32))
    single = ssim(a.float(), b.float(), padded=True)
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), ssim(a, b, padded=True), atol=1e-4)


def test_the_joint_loss_is_the_sum_of_what_torch_gives() -> None:
    x, x_hat = pair((4, 3, 32, 32))
    found = joint_loss(x_hat, x, padded=True)
    for row in range(4):
        only = slice(row, row + 1)
        parts = (
            F.mse_loss(x_hat[only], x[only]),
            1 - by_convolution(x_hat[only], x[only], 5)[0],
            F.binary_cross_entropy(x_hat[only], x[only]),
        )
        told = (found.squared_error[row], found.one_minus_ssim[row], found.cross_entropy[row])
        assert torch.allclose(torch.stack(told), torch.stack(parts), rtol=1e-9)
        assert found.total[row].item() == pytest.approx(sum(parts).item(), rel=1e-9)


def test_the_first_argument_is_the_prediction() -> None:
    """Where the image has a 1 and the prediction a 0, the logarithm stops at -100; the other way round it costs 0.5."""
    x, x_hat = torch.ones(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    assert joint_loss(x_hat, x, padded=True).cross_entropy.item() == pytest.approx(100)
    half = torch.full((1, 3, 32, 32), 0.5)
    assert joint_loss(half, x, padded=True).cross_entropy.item() == pytest.approx(math.log(2))
    assert joint_loss(x, half, padded=True).cross_entropy.item() == pytest.approx(50)
