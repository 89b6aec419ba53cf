"""Small pictures: what they show, and that they are pictures."""

import io

import torch
from PIL import Image

from grading.metrics.pictures import GAP, MARGIN, SCALE, WRONG, by_class, grid, tile
from grading.records import Picture

SIDE = 28 * SCALE + 2 * GAP


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png)).convert("RGB")


def near(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 8 for a, b in zip(first, second, strict=True))


def test_a_tile_is_the_image_enlarged() -> None:
    image = torch.zeros(1, 28, 28)
    image[0, 3, 5] = 2.0  # above 1: white
    shown = tile(image)
    assert shown.size == (28 * SCALE, 28 * SCALE)
    assert shown.getpixel((5 * SCALE, 3 * SCALE)) == (255, 255, 255)
    assert shown.getpixel((3 * SCALE, 5 * SCALE)) == (0, 0, 0)


def test_a_colour_tile_keeps_its_colours() -> None:
    image = torch.zeros(3, 32, 32)
    image[:, 3, 5] = torch.tensor([1.0, 0.5, -1.0])
    shown = tile(image)
    assert shown.size == (32 * SCALE, 32 * SCALE)
    assert shown.getpixel((5 * SCALE, 3 * SCALE)) == (255, 128, 0)
    assert shown.getpixel((3 * SCALE, 5 * SCALE)) == (0, 0, 0)


def test_a_grid_of_colour_images() -> None:
    colours = torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.2, 1.0]])
    images = colours.view(2, 3, 1, 1).expand(2, 3, 32, 32)
    sheet = opened(grid([("a", images, [False, True])], "two colours"))
    side = 32 * SCALE + 2 * GAP
    assert sheet.size == (MARGIN + 2 * side, side)
    assert sheet.getpixel((MARGIN + side // 2, side // 2)) == (255, 51, 0), "colour pictures keep every colour"
    assert sheet.getpixel((MARGIN + side + side // 2, side // 2)) == (0, 51, 255)
    assert sheet.getpixel((MARGIN + side, 0)) == WRONG


def test_a_grid_is_as_wide_as_its_longest_row() -> None:
    rows = [("a", torch.zeros(2, 1, 28, 28), [False] * 2), ("b", torch.zeros(3, 1, 28, 28), [False] * 3)]
    picture = grid(rows, "two rows")
    assert picture.caption == "two rows"
    assert opened(picture).size == (MARGIN + 3 * SIDE, 2 * SIDE)


def test_only_what_is_taken_for_another_class_is_framed() -> None:
    images, labels = torch.zeros(4, 1, 28, 28), torch.tensor([0, 0, 1, 1])
    sheet = opened(by_class(images, labels, torch.tensor([0, 1, 1, 0]), ["shoe", "bag"]))
    framed = [
        [near(sheet.getpixel((MARGIN + column * SIDE, row * SIDE)), WRONG) for column in range(2)] for row in range(2)
    ]
    assert framed == [[False, True], [False, True]]


def test_at_most_ten_of_a_class_and_no_row_for_a_class_without_images() -> None:
    images, labels = torch.zeros(15, 1, 28, 28), torch.zeros(15).long()
    picture = by_class(images, labels, labels, ["shoe", "bag"])
    assert opened(picture).size == (MARGIN + 10 * SIDE, SIDE)
    assert len(picture.png) < 20_000
