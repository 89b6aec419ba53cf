"""Small pictures for the report."""

import io
from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from grading.records import Picture

SCALE, GAP, MARGIN = 2, 2, 92
WRONG, PAPER, INK = (208, 58, 48), (255, 255, 255), (40, 40, 40)


def tile(image: Tensor) -> Image.Image:
    """One image [1, S, S] or [3, S, S] in [0, 1], enlarged."""
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    size = (image.shape[2] * SCALE, image.shape[1] * SCALE)
    drawn = Image.fromarray(pixels.permute(1, 2, 0).squeeze(2).numpy()) if len(image) == 1 else _coloured(pixels)
    return drawn.resize(size, Image.Resampling.NEAREST).convert("RGB")


def _coloured(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def grid(rows: Sequence[tuple[str, Tensor, Sequence[bool]]], caption: str) -> Picture:
    """A labelled row per entry: name, images [N, C, S, S], and which of them to frame in red."""
    channels, pixels = rows[0][1].shape[1:3]
    side = pixels * SCALE + 2 * GAP
    columns = max(len(images) for _, images, _ in rows)
    sheet = Image.new("RGB", (MARGIN + columns * side, len(rows) * side), PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, (name, images, framed) in enumerate(rows):
        pen.text((4, row * side + side // 2), name, fill=INK, anchor="lm", font_size=13)
        for column, image in enumerate(images):
            left, top = MARGIN + column * side, row * side
            if framed[column]:
                pen.rectangle((left, top, left + side - 1, top + side - 1), fill=WRONG)
            sheet.paste(tile(image), (left + GAP, top + GAP))
    buffer = io.BytesIO()
    (sheet.quantize(64) if channels == 1 else sheet).save(buffer, "PNG", optimize=True)
    return Picture(caption, buffer.getvalue())


def by_class(images: Tensor, labels: Tensor, predicted: Tensor, names: Sequence[str], most: int = 10) -> Picture:
    """Generated images, a row per class; those that the judge takes for another class are framed in red."""
    rows = []
    for label, name in enumerate(names):
        members = (labels == label).nonzero().flatten()[:most]
        if len(members):
            rows.append((name, images[members], (predicted[members] != label).tolist()))
    return grid(rows, "Generated images, one row per class. Framed in red: the judge takes it for another class.")
