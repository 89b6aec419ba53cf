"""Where an autoencoder hands z on is found by what it does, whether a method draws z or forward does."""

import torch
from torch import Tensor, nn

from grading.sandbox.inside import seams

WIDTH = 5


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Linear(3 * 32 * 32, 2 * WIDTH)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.both(x.flatten(1)).chunk(2, dim=1))


class Inline(nn.Module):
    """z is drawn in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mu, log_var = self.encoder(x)
        z = mu + torch.exp(log_var / 2) * torch.randn_like(mu)
        return self.decoder(z), mu, log_var, z


class Method(Inline):
    """z is drawn by a method that is spelt in its own way, and only in training."""

    def reparametrise(self, mu: Tensor, log_var: Tensor) -> Tensor:
        return mu + torch.exp(log_var / 2) * torch.randn_like(mu) if self.training else mu

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mu, log_var = self.encoder(x)
        z = self.reparametrise(log_var=log_var, mu=mu)
        return self.decoder(z), mu, log_var, z


class Features(Inline):
    """The encoder gives features; mu and log_var are layers of the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(3 * 32 * 32, WIDTH)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mu = self.encoder(x.flatten(1))
        return self.decoder(mu + torch.randn_like(mu)), mu, 0 * mu, mu


def test_a_given_z_is_decoded_in_the_place_of_a_draw() -> None:
    for network in (Inline(), Method()):
        x, z, asked = torch.rand(2, 3, 32, 32), torch.randn(2, WIDTH), []

        def hear(mu: Tensor, log_var: Tensor, asked: list[Tensor] = asked) -> tuple[Tensor, Tensor]:
            asked.extend((mu, log_var))
            return mu, log_var

        image = seams.heard(network, lambda network=network, x=x: network(x), hear, z)[0]
        assert torch.equal(image, z)
        assert torch.equal(torch.cat(asked, 1), torch.cat(network.encoder(x), 1))


def test_a_draw_has_the_law_that_it_is_asked_for() -> None:
    mu, log_var = torch.full((4000, 3), 1.5), torch.full((4000, 3), -1.0)
    for network in (Inline(), Method()):
        z = seams.drawn(network, WIDTH, network, mu, log_var)
        assert z is not None
        assert z.shape == mu.shape
        assert abs(z.mean() - 1.5) < 0.05
        assert abs(z.std() - 0.6065) < 0.05


def test_of_a_network_that_cannot_be_asked_nothing_is_said() -> None:
    network, mu = Features(), torch.zeros(4, 3)
    assert seams.drawn(network, WIDTH, network, mu, mu) is None
    heard: list[Tensor] = []
    seams.heard(
        network, lambda: network(torch.rand(2, 3, 32, 32)), lambda mu, log_var: (heard.append(mu) or mu, log_var)
    )
    assert not heard


def test_only_the_network_itself_takes_itself_for_being_trained() -> None:
    network = Method().eval()
    mu = torch.zeros(4, 3)
    assert torch.equal(network.reparametrise(mu, mu), mu)
    with seams.drawing_as_in_training(network):
        assert not torch.equal(network.reparametrise(mu, mu), mu)
        assert not network.encoder.training
    assert not network.training
