"""What the notebook of part A needs beside `vae.py`. It is given; nothing here is yours to write."""

from typing import Iterable, Sequence, Tuple

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F
from vae import loss_function


def reset_seed(number: int) -> None:
    """Makes what is drawn from here on repeatable."""
    torch.manual_seed(number)


def rel_error(x: Tensor, y: Tensor) -> float:
    """max |x - y| / max(|x| + |y|), over all entries."""
    return ((x - y).abs().max() / (x.abs() + y.abs()).max()).item()


def one_hot(labels: Tensor, class_size: int) -> Tensor:
    """labels [N] -> float [N, class_size]: 1 at each one's class, else 0."""
    return F.one_hot(labels, class_size).float()


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next(model.parameters()).device


def train_vae(epoch: int, model: nn.Module, train_loader: Iterable[Tuple[Tensor, Tensor]], cond: bool = False) -> float:
    """One epoch with Adam, learning rate 1e-3, on the device that the model is on. Prints the loss of the last batch.

    epoch: for the line that is printed;  train_loader: batches of images [N, 1, H, W] and labels [N];
    cond: whether the model takes the labels too;  returns: the mean loss over the batches
    """
    model.train()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)  # anew in every epoch: its moving averages begin at nothing
    losses = []
    for images, labels in train_loader:
        x = images.to(device_of(model))
        condition = (one_hot(labels.to(x.device), model.num_classes),) if cond else ()
        x_hat, mu, logvar = model(x, *condition)
        loss = loss_function(x_hat, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"Train Epoch: {epoch} \tLoss: {losses[-1]:.6f}")
    return sum(losses) / len(losses)


def show_images(images: Tensor, columns: int = 10, titles: Sequence[str] = ()) -> None:
    """Draws grey images of 28 x 28 pixels, in whatever shape they come, row by row.

    titles: stand above the first images
    """
    import matplotlib.pyplot as plt  # slow to import, and only wanted where something is drawn

    images = images.detach().cpu().reshape(-1, 28, 28)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(0.6 * columns, 0.6 * rows + 0.3 * bool(titles)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for image, axis in zip(images, axes.flat, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1)
    for title, axis in zip(titles, axes.flat, strict=False):
        axis.set_title(title)
    plt.show()
    plt.close(figure)
