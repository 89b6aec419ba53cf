"""Lines over the steps of a training, and points in a plane, for the report."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from grading.records import Picture

COLOURS = ("#b03a2e", "#1f618d", "#555555")


def curve(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], across: str, up: str, caption: str) -> Picture:
    """A plot of named lines, each (x, y).

    across, up: what the axes count, with units
    """
    figure, axes = _axes(6.4, 3.4, across, up)
    for (name, (x, y)), colour in zip(lines.items(), COLOURS, strict=False):
        few = len(x) <= 30
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.plot(x, y, label=name, color=colour, linewidth=1.2, marker="o" if few else "", markersize=4)
    if len(lines) > 1:
        axes.legend(frameon=False)
    return _picture(figure, caption)


def scatter(points: Tensor, labels: Tensor, across: str, up: str, caption: str) -> Picture:
    """Points [N, 2] in the colours of their labels [N], from 0 to 9, which stand beside them."""
    figure, axes = _axes(6.4, 4.8, across, up)
    drawn = axes.scatter(points[:, 0], points[:, 1], c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=5, linewidths=0)
    figure.colorbar(drawn, ticks=range(10))
    return _picture(figure, caption)


def _axes(width: float, height: float, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _picture(figure: Figure, caption: str) -> Picture:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Picture(caption, buffer.getvalue())
