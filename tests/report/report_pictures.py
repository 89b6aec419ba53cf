"""Drawn pictures that look roughly like a grid of generated garments."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

_SHAPES = (
    ((4, 6), (10, 3), (18, 3), (24, 6), (22, 11), (20, 10), (20, 25), (8, 25), (8, 10), (6, 11)),  # T-shirt
    ((9, 2), (19, 2), (20, 26), (16, 26), (14, 9), (12, 26), (8, 26)),  # trousers
    ((4, 5), (10, 2), (18, 2), (24, 5), (25, 24), (21, 24), (20, 9), (20, 26), (8, 26), (8, 9), (7, 24), (3, 24)),
    ((10, 2), (18, 2), (17, 10), (21, 26), (7, 26), (11, 10)),  # dress
    ((5, 5), (11, 2), (14, 6), (17, 2), (23, 5), (25, 23), (21, 24), (20, 26), (8, 26), (7, 24), (3, 23)),  # coat
    ((2, 20), (8, 14), (14, 16), (20, 10), (26, 18), (26, 22), (2, 23)),  # sandal
    ((6, 4), (11, 3), (17, 3), (22, 4), (24, 20), (20, 21), (20, 25), (8, 25), (8, 21), (4, 20)),  # shirt
    ((1, 18), (8, 15), (14, 11), (18, 14), (26, 14), (27, 21), (1, 22)),  # sneaker
    ((4, 11), (9, 11), (10, 6), (18, 6), (19, 11), (24, 11), (25, 24), (3, 24)),  # bag
    ((7, 4), (15, 4), (16, 14), (25, 18), (26, 24), (6, 24)),  # ankle boot
)


def garments(noise: float, seed: int = 0) -> bytes:
    """A 10 x 10 grid of 28 x 28 pictures, one class in each column, as a PNG."""
    rng = np.random.default_rng(seed)
    rows = [np.hstack([_garment(shape, noise, rng) for shape in _SHAPES]) for _ in range(10)]
    return png(np.vstack(rows))


def static(side: int) -> bytes:
    """Coloured noise, which no format makes small."""
    return png(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The pixels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _garment(shape: tuple[tuple[int, int], ...], noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    image = Image.new("L", (28, 28))
    moved = [(x + rng.normal(0, 0.5), y + rng.normal(0, 0.5)) for x, y in shape]
    ImageDraw.Draw(image).polygon(moved, fill=int(rng.integers(90, 250)))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.7 + noise)), dtype=np.float64)
    shaded = pixels * np.linspace(0.8, 1.1, 28)[:, None] + rng.normal(0, 40 * noise, (28, 28))
    return shaded.clip(0, 255).astype(np.uint8)
