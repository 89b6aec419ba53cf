"""How generated images are brought to [0, 1] before the judge looks at them."""

from torch import Tensor


def as_is(images: Tensor) -> Tensor:
    """Images that are in [0, 1] already."""
    return images


def min_max(images: Tensor) -> Tensor:
    """Every image stretched to [0, 1] by its own extremes, as the course's diffusion helper does; flat images become 0."""
    flat = images.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    spread = (high - low).clamp_min(1e-12)
    return (images - low.view(-1, 1, 1, 1)) / spread.view(-1, 1, 1, 1)


NORMALISATIONS = {"as_is": as_is, "min_max": min_max}
