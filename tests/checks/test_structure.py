"""The rules on layers, on networks of many styles: what is fine, what is not, and which layer is named."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grading.checks import structure
from grading.checks.compare import Disagreement
from grading.errors import BadAnswer
from grading.sandbox.inside.tracing import traced

RNG = torch.Generator()


class Chain(nn.Module):
    """An encoder and a decoder, or whatever `way` does with them."""

    def __init__(
        self, encoder: list[nn.Module], decoder: list[nn.Module], way: Callable[..., Tensor] | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.way = way or (lambda model, x: model.decoder(model.encoder(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, x)


class Asked:
    """A subject with one network."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def architecture(self, model: str, seed: str) -> list[dict[str, object]]:
        return traced(self.network.eval(), torch.rand(2, 1, 28, 28))


def dense(
    *, hidden: nn.Module | None = None, latent: tuple[nn.Module, ...] = (), end: nn.Module | None = None, way=None
) -> Chain:
    act = hidden or nn.LeakyReLU()
    encoder = [nn.Flatten(), nn.Linear(784, 20), act, nn.Linear(20, 2), *latent]
    return Chain(
        encoder, [nn.Linear(2, 20), act, nn.Linear(20, 784), end or nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))], way
    )


def block(a: int, b: int, act: nn.Module | None = None) -> list[nn.Module]:
    return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), act or nn.LeakyReLU(), nn.MaxPool2d(2)]


def enlarging(end: nn.Module | None = None) -> list[nn.Module]:
    both = [nn.BatchNorm2d(4), nn.LeakyReLU()]
    layers = [nn.ConvTranspose2d(4, 4, 3, stride=2), *both, nn.ConvTranspose2d(4, 4, 2, stride=2), *both]
    return [*layers, nn.ConvTranspose2d(4, 1, 2, stride=2), end or nn.Sigmoid()]


def denoiser(encoder: list[nn.Module] | None = None, decoder: list[nn.Module] | None = None, way=None) -> Chain:
    return Chain(encoder or [*block(1, 4), *block(4, 4), *block(4, 4)], decoder or enlarging(), way)


def judged(network: nn.Module, rule: Callable[..., None]) -> tuple[str, str, float]:
    """The bug, what was found and the share; three times nothing where all is well."""
    try:
        rule(Asked(network), None, RNG)
    except Disagreement as error:
        return error.verdict.bug, error.verdict.message, error.verdict.share
    return "", "", 1.0


class Whole(nn.Module):
    """No encoder, no decoder by name; functions for activations; shapes taken from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Linear(784, 9), nn.Linear(9, 2), nn.Linear(2, 9), nn.Linear(9, 784)

    def forward(self, x: Tensor) -> Tensor:
        z = self.b(F.leaky_relu(self.a(x.view(len(x), -1))))
        return torch.sigmoid(self.d(F.leaky_relu(self.c(z), 0.2))).view_as(x).clone()


def residual(model: Chain, x: Tensor) -> Tensor:
    h = model.encoder[1](model.encoder[0](x))
    return model.decoder(model.encoder[3](h + model.encoder[2](h)))


@pytest.mark.parametrize(
    "network",
    [
        dense(),
        dense(hidden=nn.LeakyReLU(0.3, inplace=True)),
        dense(latent=(nn.BatchNorm1d(2),)),
        dense(way=residual),
        Whole(),
        dense(way=lambda model, x: (model.decoder(model.encoder(x)), model.encoder(x))),
        dense(way=lambda model, x: model.decoder(model.encoder(x)).reshape(x.shape).clamp(0, 1)),
        dense(way=lambda model, x: model.decoder(model.encoder(x + 0 * torch.zeros_like(x)))),
    ],
)
def test_fully_connected_networks_of_many_styles_are_fine(network: nn.Module) -> None:
    assert judged(network, structure.fully_connected) == ("", "", 1.0)


def skip(model: Chain, x: Tensor) -> Tensor:
    h = model.encoder[:3](x)
    z = model.encoder[3](h)
    return model.decoder[1:](model.decoder[0](z) + h)


@pytest.mark.parametrize(
    ("network", "bug", "words"),
    [
        (dense(hidden=nn.ReLU()), "other-activation", "encoder.2: ReLU"),
        (dense(hidden=nn.Tanh()), "other-activation", "encoder.2: Tanh"),
        (dense(hidden=nn.Identity()), "activation-missing", "encoder"),
        (dense(latent=(nn.LeakyReLU(),)), "activation-on-latent", "encoder.4: LeakyReLU"),
        (dense(latent=(nn.Sigmoid(),)), "activation-on-latent", "encoder.4: Sigmoid"),
        (dense(end=nn.Identity()), "no-sigmoid", "sigmoid"),
        (dense(end=nn.ReLU()), "other-activation", "decoder.3: ReLU"),
        (dense(hidden=nn.Sigmoid()), "activation-missing", "encoder"),
        (dense(way=skip), "skip-connection", "add in Chain"),
        (dense(way=lambda model, x: (model.decoder(model.encoder(x)) + x) / 2), "skip-connection", "add in Chain"),
        (
            Chain([nn.Flatten(), nn.Linear(784, 784), nn.LeakyReLU()], [nn.Linear(784, 784), nn.Sigmoid()]),
            "no-bottleneck",
            "",
        ),
        (
            Chain([nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(676, 2)], [nn.Linear(2, 784), nn.Sigmoid()]),
            "not-fully-connected",
            "encoder.0: Conv2d",
        ),
    ],
)
def test_the_offending_layer_is_named(network: nn.Module, bug: str, words: str) -> None:
    found, message, share = judged(network, structure.fully_connected)
    assert found == bug
    assert words in message
    assert share < 1


@pytest.mark.parametrize(
    "network",
    [
        denoiser(),
        denoiser(way=lambda model, x: model.decoder(F.max_pool2d(model.encoder[:-1](x), 2))),
        denoiser(encoder=[*block(1, 4), *block(4, 4), *block(4, 4)[:3], nn.Conv2d(4, 4, 5)]),
        denoiser(decoder=[nn.Upsample(7), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.LeakyReLU(), *enlarging()[3:]]),
    ],
)
def test_convolutional_networks_of_many_styles_are_fine(network: nn.Module) -> None:
    assert judged(network, structure.convolutional) == ("", "", 1.0)


THREE = [*block(1, 4), *block(4, 4), *block(4, 4)]


@pytest.mark.parametrize(
    ("network", "bug", "share"),
    [
        (denoiser(encoder=[*block(1, 4), *block(4, 4), nn.MaxPool2d(2)]), "too-few-convolutions", 0.0),
        (
            denoiser(encoder=[layer for layer in THREE if not isinstance(layer, nn.BatchNorm2d)]),
            "batch-norm-missing",
            0.5,
        ),
        (denoiser(encoder=[*THREE[:10], *THREE[11:]]), "activation-missing", 0.75),
        (denoiser(encoder=[*block(1, 4, nn.ReLU()), *THREE[4:]]), "other-activation", 0.5),
        (
            denoiser(encoder=[nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in THREE]),
            "no-max-pooling",
            0.5,
        ),
        (
            denoiser(encoder=[*THREE, nn.Flatten(), nn.Linear(36, 36), nn.Unflatten(1, (4, 3, 3))]),
            "not-convolutional",
            0.0,
        ),
        (denoiser(decoder=enlarging(nn.Identity())), "no-sigmoid", 0.0),
        (denoiser(decoder=[nn.ConvTranspose2d(4, 1, 28), nn.Sigmoid()]), "too-few-upsamplings", 0.0),
        (denoiser(way=lambda model, x: model.decoder(model.encoder(x)) * x), "skip-connection", 0.0),
    ],
)
def test_what_a_denoiser_lacks_is_told(network: nn.Module, bug: str, share: float) -> None:
    assert (judged(network, structure.convolutional)[0], judged(network, structure.convolutional)[2]) == (bug, share)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        None,
        "trace",
        [{"operation": "linear"}],
        [None],
        [{"operation": 1, "layer": 2, "from": ["x"], "gives": [1], "count": 1}],
    ],
)
def test_a_trace_that_is_none_is_refused(answer: object) -> None:
    class Liar:
        def architecture(self, model: str, seed: str) -> object:
            return answer

    with pytest.raises((Disagreement, BadAnswer)):
        structure.fully_connected(Liar(), None, RNG)
