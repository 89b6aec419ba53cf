"""What is taken down of a network at work."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grading.sandbox.inside.tracing import traced


class Network(nn.Module):
    """Layers and functions, a shared activation, a path around, and shapes read from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.LeakyReLU()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), self.act, nn.MaxPool2d(2))
        self.decoder = nn.Sequential(nn.ConvTranspose2d(4, 1, 2, stride=2), self.act)

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn_like(x)
        y = self.decoder(self.encoder(x)) + 0 * noise.sum()
        y += x
        return torch.sigmoid(y).view_as(x).mT * len(x)


def test_operations_are_named_with_layers_parts_and_sources() -> None:
    found = traced(Network(), torch.rand(2, 1, 28, 28))
    told = [(each["operation"], each["layer"], each["part"], each["from"]) for each in found]
    assert told[:5] == [
        ("conv2d", "encoder.0: Conv2d", "encoder", [-1]),
        ("leaky_relu", "act: LeakyReLU", "encoder", [0]),
        ("max_pool2d", "encoder.2: MaxPool2d", "encoder", [1]),
        ("conv_transpose2d", "decoder.0: ConvTranspose2d", "decoder", [2]),
        ("leaky_relu", "act: LeakyReLU", "decoder", [3]),
    ]
    assert ("add", "Network", "", [-1, 5]) in told
    assert next(each for each in told if each[0] == "view_as")[3] == [7]
    assert found[2]["gives"] == [2, 4, 14, 14]
    assert all(each["count"] == 2 for each in found)
    assert not any("like" in each[0] for each in told)


def test_the_answer_is_the_same_as_without() -> None:
    network, x = Network(), torch.rand(2, 1, 28, 28)
    before = network(x)
    traced(network, x)
    assert torch.equal(network(x), before)
    assert isinstance(F.relu(x), Tensor)


def test_a_network_that_never_ends_is_cut_off() -> None:
    class Long(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3_000):
                x = x + 1
            return x

    assert len(traced(Long(), torch.rand(2, 3))) == 2_000
