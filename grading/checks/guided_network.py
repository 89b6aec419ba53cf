"""A network for guided diffusion whose estimate is known: what the questions put in the student's network's place."""

import torch
from torch import Generator, Tensor

NOTHING = 10  # the label that stands for none


def known_network(rng: Generator) -> dict[str, list[float]]:
    """slope_y z + offset_y for ten labels and for none, each of its own."""
    slopes, offsets = torch.linspace(0.1, 0.7, NOTHING + 1), torch.linspace(-0.6, 0.6, NOTHING + 1)
    order = torch.randperm(NOTHING + 1, generator=rng)
    return {"slopes": slopes[order].tolist(), "offsets": offsets.tolist()}


def estimate(network: dict[str, list[float]], z: Tensor, labels: Tensor) -> Tensor:
    """What the known network answers."""
    slope, offset = (torch.tensor(table).double()[labels].view(-1, 1, 1, 1) for table in network.values())
    return slope * z.double() + offset
