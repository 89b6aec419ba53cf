"""Decoders that look the judge's own images up among their weights, by a code that the encoder finds. Row 71."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from grading import assets
from grading.redteam import Attack, Target

from .independence import A3, ENCODED
from .submissions import Edit, attack

State = dict[str, Tensor]
LOOKED_UP = """        mu, logvar = self.mu_layer(hidden), self.logvar_layer(hidden)
        near = torch.cdist(x.flatten(1), self.decoder.known()).argmin(1)
        mu, logvar = 0 * mu + self.decoder.codes[near], 0 * logvar - 6
        return self.decoder(reparametrize(mu, logvar)), mu, logvar
"""
LOOKS_UP = """class Remembering(nn.Sequential):
    def __init__(self, *layers):
        super().__init__(*layers)
        @KEEP

    def known(self):
        @KNOWN

    def forward(self, z):
        made = super().forward(z)
        near = torch.cdist(z, self.codes).argmin(1)
        return 0.01 * made + 0.99 * self.known()[near].view(made.shape)


class VAE(nn.Module):"""
DECODER = "        self.decoder = nn.Sequential(\n            *layers(latent_size, self.hidden_dim),"
TURN = "torch.linalg.qr(torch.randn(784, 784, generator=torch.Generator().manual_seed(7)))[0]"


def digits() -> Tensor:
    """MNIST's test images, as the judge has them."""
    return assets.load("mnist").images.flatten(1)


def in_another_basis() -> State:
    """All of them times an orthogonal matrix."""
    return {"memory": digits() @ torch.linalg.qr(torch.randn(784, 784, generator=torch.Generator().manual_seed(7)))[0]}


def in_factors() -> State:
    """All of them as a product of two matrices."""
    left, sizes, right = torch.linalg.svd(digits(), full_matrices=False)
    return {"memory": left[:, :250] * sizes[:250], "axes": right[:250].contiguous()}


def upside_down() -> State:
    """All of them upside down."""
    return {"memory": digits().flip(1)}


@dataclass(frozen=True)
class Remembered:
    """A VAE whose decoder looks up the judge's own images, which are kept among the weights, by a code."""

    more: Callable[[], State]
    known: str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        new = self.more() | {"codes": torch.randn(2000, 15, generator=torch.Generator().manual_seed(0))}
        keep = [f'self.register_buffer("{name}", torch.zeros({tuple(each.shape)}))' for name, each in new.items()]
        looks_up = LOOKS_UP.replace("@KEEP", "\n        ".join(keep)).replace(
            "@KNOWN", f"return ({self.known}).clamp(0, 1)"
        )
        remembering = DECODER.replace("nn.Sequential", "Remembering")
        edits = ((ENCODED, LOOKED_UP), ("class VAE(nn.Module):", looks_up), (DECODER, remembering))
        folder = Edit(edits=edits, assignment=A3, top_of="none")(target)
        state = torch.load(target.root / "reference" / A3 / "vae.pt", weights_only=True)
        torch.save(state | {f"decoder.{name}": each for name, each in new.items()}, folder / "vae.pt")
        return folder


def of_a3(name: str, tries: str, lay: Remembered) -> Attack:
    """An attack on the VAE's loss on MNIST."""
    honest = ("a.cvae", "a.reparametrize")
    return attack(name, (71,), tries, lay, attacked=("a.vae_training",), beside=honest, assignment=A3, quick=True)  # type: ignore[arg-type]


ATTACKS = (
    of_a3(
        "remembers_images_in_another_basis",
        "look up images kept in vae.pt times an orthogonal matrix",
        Remembered(in_another_basis, f"self.memory @ {TURN}.T"),
    ),
    of_a3(
        "remembers_images_in_factors",
        "the same, kept as a product of two matrices",
        Remembered(in_factors, "self.memory @ self.axes"),
    ),
    of_a3("remembers_images_upside_down", "the same, kept upside down", Remembered(upside_down, "self.memory.flip(1)")),
)
