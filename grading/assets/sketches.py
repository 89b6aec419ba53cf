"""A few bytes of every image of a data set, enough to recognise it in disguise, and far too few to draw it.

The inner part of an image, a little smoothed, without its mean, of norm 1, is projected on the leading principal axes of all
images, whose variances are brought nearer to each other, so that fine details count as well (half-way to whitening).
Contrast, brightness and inversion leave a sketch alone but for its sign; mirrored, shifted and turned images are tried as
they may have been.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

NUMBERS, WHITENED = 40, 0.25  # bytes of a sketch; the power of an axis's variance that its numbers are divided by
SHIFTS, ANGLES = (-2, -1, 0, 1, 2), (-8, -6, -4, -2, 2, 4, 6, 8)  # pixels each way; degrees, not shifted
EDGE = 2  # pixels all around that do not count
HONEST = 0.03  # the share of real images that may lie as near to another one, whatever is tried
SAMPLE = 256  # real images that the limit is taken from
BATCH = 256


def sketched(images: Tensor) -> dict[str, Tensor]:
    """Sketches of uint8 images [N, 1, H, W], the distance below which an image is one of them in disguise, and the axes."""
    flat = torch.cat([normed(part.float() / 255) for part in images.split(5000)])
    mean = flat.mean(0)
    values, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    axes = vectors[:, -NUMBERS:].flip(1) * values[-NUMBERS:].flip(0).clamp_min(1e-12) ** -WHITENED
    places = (flat - mean) @ axes
    scale = 4 * places.std() / 127
    codes = (places / scale).round().clamp(-127, 127).to(torch.int8)
    found = {"mean": mean, "axes": axes.half(), "scale": scale, "codes": codes}
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:SAMPLE]
    nearest = distances(images[chosen].float() / 255, found, but=chosen)
    return {**found, "limit": torch.quantile(nearest, HONEST)}


def normed(images: Tensor) -> Tensor:
    """The inner part of images [N, C, H, W], which a shift leaves in sight, without its mean, flat, of norm 1: [N, D]."""
    flat = smoothed(images)[..., EDGE:-EDGE, EDGE:-EDGE].flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    found: Tensor = flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp_min(1e-6)
    return found


def smoothed(images: Tensor) -> Tensor:
    """Each pixel with a little of its neighbours', as turning an image mixes them anyway."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def distances(images: Tensor, sketches: dict[str, Tensor], but: Tensor | None = None) -> Tensor:
    """How far images [N, 1, H, W] are from the nearest one that is sketched, in whatever disguise: [N].

    but: [N], the number of one that does not count for each
    """
    axes, known = sketches["axes"].float(), sketches["codes"].float() * sketches["scale"]
    known = known + sketches["mean"] @ axes
    size = known.square().sum(1)
    nearest = torch.full((len(images),), torch.inf)
    for version in versions(images):
        places = normed(version) @ axes
        for rows in torch.arange(len(images)).split(BATCH):
            along, own = 2 * places[rows] @ known.T, places[rows].square().sum(1)
            for apart in (size - along, size + along):  # as it is, and inverted
                if but is not None:
                    apart.scatter_(1, but[rows].unsqueeze(1), torch.inf)
                nearest[rows] = torch.minimum(nearest[rows], apart.amin(1) + own)
    return nearest.clamp_min(0).sqrt()


def versions(images: Tensor) -> Iterator[Tensor]:
    """Images [N, C, H, W] mirrored, upside down and both, each shifted or turned."""
    for axes in ((), (-1,), (-2,), (-2, -1)):
        other = images.flip(axes) if axes else images
        for down in SHIFTS:
            for right in SHIFTS:
                yield shifted(other, down, right)
        for angle in ANGLES:
            yield turned(other, angle)


def shifted(images: Tensor, down: int, right: int) -> Tensor:
    """Images [..., H, W], by whole pixels; what is uncovered is like the border."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height) - down).clamp(0, height - 1)
    columns = (torch.arange(width) - right).clamp(0, width - 1)
    return images[..., rows, :][..., columns]


def turned(images: Tensor, degrees: float) -> Tensor:
    """About their middle."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(images), 2, 3)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
