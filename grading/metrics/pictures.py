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
    """One grey image [1, 28, 28] in [0, 1], enlarged."""
    pixels = (image[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return Image.fromarray(pixels, "L").resize((28 * SCALE, 28 * SCALE), Image.Resampling.NEAREST).convert("RGB")


def grid(rows: Sequence[tuple[str, Tensor, Sequence[bool]]], caption: str) -> Picture:
    """A labelled row per entry: name, images [N, 1, 28, 28], and which of them to frame in red."""
    side = 28 * SCALE + 2 * GAP
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
    sheet.quantize(64).save(buffer, "PNG", optimize=True)
    return Picture(caption, buffer.getvalue())


def by_class(images: Tensor, labels: Tensor, predicted: Tensor, names: Sequence[str], most: int = 10) -> Picture:
    """Generated images, a row per class; those that the judge takes for another class are framed in red."""
    rows = []
    for label, name in enumerate(names):
        members = (labels == label).nonzero().flatten()[:most]
        if len(members):
            rows.append((name, images[members], (predicted[members] != label).tolist()))
    return grid(rows, "Generated images, one row per class. Framed in red: the judge takes it for another class.")
