"""Images as nobody has seen them, and hardly different: what looks them up finds others, what has learned does not."""

import torch
from torch import Generator, Tensor

from grading.assets.sketches import shifted

NOISE = 0.02  # standard deviation, of pixels in [0, 1]


def moved(images: Tensor, rng: Generator, mirrored: bool, most: int = 2, noise: float = NOISE) -> Tensor:
    """Images [N, C, H, W] in [0, 1], each shifted by one to `most` pixels either way, with a little noise; mirrored or not.

    What a shift uncovers is like the border.  noise: its standard deviation
    """
    found = images.flip(-1) if mirrored else images
    steps = torch.randint(1, most + 1, (len(images), 2), generator=rng)
    steps = steps * (2 * torch.randint(0, 2, (len(images), 2), generator=rng) - 1)
    found = torch.stack([shifted(image, *by) for image, by in zip(found, steps.tolist(), strict=True)])
    return (found + noise * torch.randn(found.shape, generator=rng)).clamp(0, 1)
