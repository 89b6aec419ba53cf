"""The two networks the judge looks at colour 32x32 images with."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _convolution(taken: int, given: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(taken, given, 3, padding=1, bias=False), nn.BatchNorm2d(given), nn.ReLU())


class Residual(nn.Module):
    """x + f(x), where f is a convolution with normalisation and ReLU; He et al. 2016 (arXiv:1512.03385), figure 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = _convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        changed: Tensor = x + self.change(x)
        return changed


class ColourClassifier(nn.Module):
    """A small residual network: [N, 3, 32, 32] in [0, 1] -> logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU(),
            _convolution(32, 48), Residual(48), nn.MaxPool2d(2),
            _convolution(48, 96), Residual(96), nn.MaxPool2d(2),
            _convolution(96, 160), Residual(160), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(160, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10]."""
        logits: Tensor = self.head(self.features(2 * images - 1))
        return logits


class ColourEncoder(nn.Module):
    """A 96-dimensional description of a colour image, learned by naming its class and drawing it again.

    The class makes the features mean something; the drawing keeps what a classifier alone would throw away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(64, 96, 4, stride=2, padding=1), nn.SiLU(),
            nn.Flatten(), nn.Linear(96 * 4 * 4, 96),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Features [N, 96] of images [N, 3, 32, 32] in [0, 1]."""
        features: Tensor = self.body(2 * images - 1)
        return features


def varied(images: Tensor) -> Tensor:
    """Images [N, 3, 32, 32], each mirrored half of the time and shifted by up to three pixels: for training only."""
    n, side = len(images), images.shape[-1]
    padded = F.pad(images, (3, 3, 3, 3), mode="reflect")
    padded = torch.where(torch.rand(n, 1, 1, 1) < 0.5, padded.flip(3), padded)
    corners = torch.randint(0, 7, (2, n, 1)) + torch.arange(side)
    return padded[torch.arange(n).view(-1, 1, 1), :, corners[0].unsqueeze(2), corners[1].unsqueeze(1)].permute(
        0, 3, 1, 2
    )
