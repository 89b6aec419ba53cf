"""Counting what a model may have: parameters, without the statistics of batch normalisation, and buffers like parameters."""

import pytest
import torch
from torch import Tensor, nn

from grading.checks.compare import Disagreement
from grading.errors import BadAnswer
from grading.metrics.parameters import counted


def state(network: nn.Module) -> dict[str, list]:
    held = network.state_dict()
    return {"names": list(held), "values": list(held.values())}


def trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class Twice(nn.Module):
    """A layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 5)
        self.layers = nn.Sequential(self.layer, nn.Linear(5, 2))


@pytest.mark.parametrize(
    "network",
    [
        nn.Linear(3, 4),
        nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.PReLU()),
        nn.BatchNorm1d(3),
        nn.GRU(3, 4),
    ],
)
def test_it_is_what_training_moves(network: nn.Module) -> None:
    assert counted(state(network)) == trainable(network)


def test_shared_matrices_count_once() -> None:
    assert trainable(Twice()) == 7 * 5 + 5 + 5 * 2 + 2
    assert counted(state(Twice())) == trainable(Twice()) + 5  # the bias of five stands there twice


@pytest.mark.parametrize("name", ["kept", "running_mean", "layer.running_mean"])
def test_images_in_a_buffer_count(name: str) -> None:
    images: Tensor = torch.rand(100, 784)
    assert counted({"names": ["layer.weight", name], "values": [torch.rand(3, 2), images]}) == 78_406


@pytest.mark.parametrize(
    "answer", [None, {}, {"names": [], "values": None}, {"names": ["a"], "values": []}, {"names": ["a"], "values": [3]}]
)
def test_what_is_no_state_dict_is_refused(answer: object) -> None:
    with pytest.raises((BadAnswer, Disagreement)):
        counted(answer)
