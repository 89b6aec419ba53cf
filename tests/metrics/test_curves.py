"""Plots for the report: pictures, the same for the same numbers."""

import io

from PIL import Image

from grading.metrics.curves import curve


def test_a_curve_is_a_picture_and_the_same_again() -> None:
    lines = {"told": ([1, 2, 3], [3.0, 2.0, 1.5]), "measured": ([1, 2, 3], [3.2, 2.1, 1.6])}
    first, second = (curve(lines, "epoch", "loss", "A training.") for _ in range(2))
    assert first.png == second.png
    assert first.caption == "A training."
    image = Image.open(io.BytesIO(first.png)).convert("RGB")
    assert image.size == (640, 340)
    assert len(set(image.getdata())) > 20


def test_other_numbers_are_another_picture() -> None:
    one, other = (curve({"a": ([1, 2], [1.0, end])}, "x", "y", "") for end in (2.0, 0.5))
    assert one.png != other.png
