"""Whether generated images differ from one another, and from the images a model was trained on."""

import torch
from torch import Tensor
from torch.nn import functional as F

SAME = 0.02  # root mean square difference, of a scale of 1, below which two images count as one
COPY = 0.25  # of the distance that held-out images keep from the training set


def coarse(images: Tensor) -> Tensor:
    """Images [N, 1, H, W], averaged over 4 x 4 pixels and flattened: noise on every pixel is no variety."""
    return F.avg_pool2d(images, 4).flatten(1)


def unique_fraction(images: Tensor, labels: Tensor) -> float:
    """The share of images [N, 1, H, W] in [0, 1] that differ visibly from all earlier ones of their class."""
    fresh = 0
    for label in labels.unique():
        members = coarse(images[labels == label])
        distances = torch.cdist(members, members) / members.shape[1] ** 0.5
        earlier = torch.tril(torch.ones_like(distances), diagonal=-1).bool()
        fresh += int(((distances < SAME) & earlier).any(1).logical_not().sum())
    return fresh / len(images)


def class_spread(images: Tensor, labels: Tensor) -> float:
    """The mean distance between two images [N, 1, H, W] of one class, averaged over the classes (root mean square)."""
    spreads = []
    for label in labels.unique():
        members = coarse(images[labels == label])
        if len(members) > 1:
            spreads.append(torch.pdist(members).mean() / members.shape[1] ** 0.5)
    return float(torch.stack(spreads).mean()) if spreads else 0.0


def nearest_training_distance(images: Tensor, training: dict[str, Tensor]) -> Tensor:
    """How far every image [N, 1, 28, 28] in [0, 1] is from its nearest training image, on the leading pixel axes: [N]."""
    places = (images.flatten(1).float() - training["mean"]) @ training["axes"]
    codes = training["codes"].float() * training["scale"]
    return torch.cat([torch.cdist(part, codes).amin(1) for part in places.split(256)])


def copied_fraction(images: Tensor, held_out: Tensor, training: dict[str, Tensor]) -> float:
    """The share of images that are far nearer to a training image than real images ever are by chance."""
    return float((nearest_training_distance(images, training) < copying(held_out, training)).double().mean())


def copying(held_out: Tensor, training: dict[str, Tensor]) -> Tensor:
    """The distance below which an image is a copy: a quarter of the median that held-out images keep.

    Under 0.1 % of those fall below it.
    """
    return COPY * nearest_training_distance(held_out[::4], training).median()
