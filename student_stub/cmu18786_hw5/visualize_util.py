"""What the notebooks draw with, and one-hot labels. Given; nothing in here is to be changed."""

from typing import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn


def one_hot(labels: Tensor, class_size: int) -> Tensor:
    """Labels [N] as rows [N, class_size] of zeros with a single one."""
    rows = torch.zeros(len(labels), class_size, device=labels.device)
    rows[torch.arange(len(labels)), labels] = 1
    return rows


def plot_losses(losses: Sequence[float], title: str = "Training loss", ylabel: str = "loss") -> None:
    """The mean loss of every epoch."""
    plt.figure(figsize=(5, 3))
    plt.plot(range(1, len(losses) + 1), losses, marker="o")
    plt.xlabel("epoch")
    plt.ylabel(ylabel)
    plt.title(title)
    plt.show()


def show_images(rows: Sequence[Tensor], titles: Sequence[str] = ()) -> None:
    """A row of pictures for every tensor [N, 1, 28, 28] (or anything of as many numbers)."""
    count = max(len(row) for row in rows)
    _, axes = plt.subplots(len(rows), count, figsize=(count, len(rows)), squeeze=False)
    for number, row in enumerate(rows):
        for axis in axes[number]:
            axis.axis("off")
        for axis, image in zip(axes[number], row, strict=False):
            axis.imshow(image.detach().cpu().reshape(28, 28), cmap="gray", vmin=0, vmax=1)
        if number < len(titles):
            axes[number][0].set_title(titles[number], loc="left", fontsize=9)
    plt.show()


@torch.no_grad()
def plot_latent_space(
    encoder: nn.Module, dataloader: Iterable[tuple[Tensor, Tensor]], device: torch.device, num_batches: int = 100
) -> None:
    """Where the encoder puts images in its two-dimensional latent space, coloured by their digit."""
    plt.figure(figsize=(6, 5))
    for number, (x, y) in enumerate(dataloader):
        if number == num_batches:
            break
        z = encoder(x.to(device)).reshape(len(x), -1).cpu()
        plt.scatter(z[:, 0], z[:, 1], c=y, cmap="tab10", vmin=0, vmax=9, s=3)
    plt.colorbar()
    plt.xlabel("z[0]")
    plt.ylabel("z[1]")
    plt.show()


@torch.no_grad()
def plot_latent_space_images(
    decoder: nn.Module,
    device: torch.device,
    zi_range: Sequence[float] = np.arange(-5, 5),
    zj_range: Sequence[float] = np.arange(5, -5, -1),
) -> None:
    """What the decoder makes of a grid of latent vectors: z[0] grows to the right, z[1] upwards."""
    grid = torch.tensor([[float(i), float(j)] for j in zj_range for i in zi_range], device=device)
    images = decoder(grid).reshape(len(zj_range), len(zi_range), 28, 28).cpu()
    plt.figure(figsize=(6, 6))
    plt.imshow(images.permute(0, 2, 1, 3).reshape(28 * len(zj_range), -1), cmap="gray", vmin=0, vmax=1)
    plt.xlabel("z[0]")
    plt.ylabel("z[1]")
    plt.show()
