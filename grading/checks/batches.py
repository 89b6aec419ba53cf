"""Batches of inputs few enough to be printed: drawn by hypothesis, written as code that a student can paste."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

PIXELS = 28 * 28
WIDTHS = (1, 2, 4, 7)  # each divides 784, so that a row of numbers can fill an image
FORMS = {  # in which dress the same numbers come: what is written behind torch.tensor([...])
    "plain": "",
    "float64": ".double()",
    "every second row": ".repeat_interleave(2, 0)[::2]",  # not contiguous, but .view(len(it), -1) works
    "images": ".repeat(1, {repeats}).view(-1, 1, 28, 28)",
}
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Batch:
    """The same number of rows for every input, in one of FORMS."""

    rows: dict[str, Rows]
    form: str = "plain"

    def tensors(self) -> dict[str, Tensor]:
        """The inputs as they are asked about; "every second row" is for the probe to bring about."""
        given = {name: torch.tensor(rows) for name, rows in self.rows.items()}
        if self.form == "float64":
            return {name: value.double() for name, value in given.items()}
        if self.form == "images":
            return {name: value.repeat(1, self._repeats()).view(-1, 1, 28, 28) for name, value in given.items()}
        return given

    def plain(self) -> "Batch":
        """The same numbers without their dress."""
        return Batch(self.rows)

    def written(self) -> list[str]:
        """Lines of Python that make the inputs, two to a line."""
        dress = FORMS[self.form].format(repeats=self._repeats())
        made = [(name, f"torch.tensor({[list(row) for row in rows]}){dress}") for name, rows in self.rows.items()]
        pairs = [made[start : start + 2] for start in range(0, len(made), 2)]
        return [f"{', '.join(name for name, _ in pair)} = {', '.join(code for _, code in pair)}" for pair in pairs]

    def _repeats(self) -> int:
        return PIXELS // len(next(iter(self.rows.values()))[0])


@dataclass(frozen=True)
class Numbers:
    """What one input may hold: whole numbers times a unit, plus a shift; unit and shift are drawn once for all its rows.

    Whole numbers shrink well and print briefly.
    """

    low: int
    high: int
    units: Sequence[float] = (1.0,)
    shifts: Sequence[float] = (0.0,)

    def value(self, whole: int, unit: float, shift: float) -> float:
        """One number, without the tail that a product of floats grows."""
        return round(whole * unit + shift, 6)


@st.composite
def batches(draw: st.DrawFn, columns: dict[str, Numbers], forms: Sequence[str] = tuple(FORMS)) -> Batch:
    """One to four rows of one to seven numbers for every input."""
    form, height, width = draw(st.sampled_from(forms)), draw(st.integers(1, 4)), draw(st.sampled_from(WIDTHS))
    rows: dict[str, Rows] = {}
    for name, column in columns.items():
        unit, shift = draw(st.sampled_from(column.units)), draw(st.sampled_from(column.shifts))
        drawn = st.lists(st.integers(column.low, column.high), min_size=height * width, max_size=height * width)
        values = [column.value(whole, unit, shift) for whole in draw(drawn)]
        rows[name] = tuple(tuple(values[start : start + width]) for start in range(0, height * width, width))
    return Batch(rows, form)


def table(rng: torch.Generator, columns: dict[str, Numbers], height: int = 2, width: int = 3) -> Batch:
    """One batch drawn by torch, with numbers that share no unit: two decimals, in the range of the first unit."""
    rows: dict[str, Rows] = {}
    for name, column in columns.items():
        drawn = torch.rand(height, width, generator=rng) * (column.high - column.low) + column.low
        values = drawn * column.units[0] + column.shifts[0]
        rows[name] = tuple(tuple(round(value, 2) for value in row) for row in values.tolist())
    return Batch(rows)
