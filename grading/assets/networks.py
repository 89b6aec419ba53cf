"""The two networks the judge looks at grey 28x28 images with."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class JudgeClassifier(nn.Module):
    """The classifier cmput328_a5 describes, layer for layer: [N, 1, 28, 28] in [0, 1] -> logits [N, 10].

    There is no non-linearity between the linear layers: that is the course's own network. It is used in eval mode.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(64 * 7 * 7, 600), nn.Dropout(0.25), nn.Linear(600, 120), nn.Linear(120, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10]."""
        logits: Tensor = self.head(self.features(images))
        return logits


class FeatureEncoder(nn.Module):
    """A 64-dimensional description of a grey image, learned by naming its class and drawing it again.

    The class makes the features mean something; the drawing keeps what a classifier alone would throw away, so that
    images made to please a classifier land far from real ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.SiLU(),
            nn.Flatten(), nn.Linear(64 * 4 * 4, 64),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Features [N, 64] of images [N, 1, 28, 28] in [0, 1]."""
        features: Tensor = self.body(images)
        return features


class EncoderHeads(nn.Module):
    """What a feature encoder is trained with and then loses: a classifier and a decoder on its features.

    width: of the features;  side: a quarter of the image's;  weight: of the drawing, beside naming its class
    """

    def __init__(self, width: int = 64, side: int = 7, channels: int = 1, weight: float = 20) -> None:
        super().__init__()
        self.weight = weight
        self.classify = nn.Sequential(nn.SiLU(), nn.Linear(width, 10))
        self.draw = nn.Sequential(
            nn.Linear(width, 64 * side * side), nn.SiLU(), nn.Unflatten(1, (64, side, side)),
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1),
        )  # fmt: skip

    def loss(self, features: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy plus the weighted mean squared error of the drawing (the weight makes the two of one size)."""
        return F.cross_entropy(self.classify(features), labels) + self.weight * F.mse_loss(self.draw(features), images)


def in_batches(network: nn.Module, images: Tensor, batch: int = 256) -> Tensor:
    """The network's answer to images [N, ...], in eval mode and in batches of a fixed size, without gradients."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(part) for part in images.split(batch)])
