"""Lines over the steps of a training, for the report."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grading.records import Picture

COLOURS = ("#b03a2e", "#1f618d", "#555555")


def curve(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], across: str, up: str, caption: str) -> Picture:
    """A plot of named lines, each (x, y).

    across, up: what the axes count, with units
    """
    figure = Figure(figsize=(6.4, 3.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for (name, (x, y)), colour in zip(lines.items(), COLOURS, strict=False):
        few = len(x) <= 30
        axes.plot(x, y, label=name, color=colour, linewidth=1.2, marker="o" if few else "", markersize=4)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(lines) > 1:
        axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Picture(caption, buffer.getvalue())
