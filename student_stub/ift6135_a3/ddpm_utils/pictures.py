"""Images in a grid, on the screen or in `images/`."""

from pathlib import Path
from typing import Optional

from torch import Tensor


def show_save(
    images: Tensor, labels: Optional[Tensor] = None, show: bool = True, save: bool = True, file_name: str = "samples.png"
) -> None:
    """Draws images [N, C, H, W], four in a row, each under its label where there are labels."""
    import matplotlib.pyplot as plt  # slow to import, and only wanted where something is drawn

    rows = -(-len(images) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(6, 1.6 * rows), squeeze=False)
    for index, axis in enumerate(axes.flat):
        axis.axis("off")
        if index < len(images):
            axis.imshow(images[index, 0].detach().cpu(), cmap="gray", vmin=0, vmax=1)
            axis.set_title("" if labels is None else str(int(labels[index])))
    if save:
        Path("images").mkdir(exist_ok=True)
        figure.savefig(Path("images") / file_name)
    if show:
        plt.show()
    plt.close(figure)
