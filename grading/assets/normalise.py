"""How generated images are brought to [0, 1] before the judge looks at them."""

from torch import Tensor
from torch.nn import functional as F


def as_is(images: Tensor) -> Tensor:
    """Images that are in [0, 1] already."""
    return images


def min_max(images: Tensor) -> Tensor:
    """Every image stretched to [0, 1] by its own extremes, as the course's diffusion helper does; flat images become 0."""
    flat = images.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    spread = (high - low).clamp_min(1e-12)
    return (images - low.view(-1, 1, 1, 1)) / spread.view(-1, 1, 1, 1)


def from_32(images: Tensor) -> Tensor:
    """Images of a model that works at 32x32 in [0, 1], at the judge's 28x28; real images make the journey both ways."""
    if images.shape[-1] != 32:
        images = _resized(images, 32)
    return _resized(images.clamp(0, 1), 28)


def _resized(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


NORMALISATIONS = {"as_is": as_is, "min_max": min_max, "from_32": from_32}
