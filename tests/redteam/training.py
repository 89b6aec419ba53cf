"""Losses that were never reached: typed into a notebook, told by a function of the student's, or bought with stored images.
Rows 42, 46, 47, 56 and 57."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from grading.redteam import Attack, Target

from .submissions import Edit, attack

CSCI, TRAINING, HONEST = "csci2271_a3", ("a.vae_training",), ("a.reparametrize", "b.q_sample")
BUILT = "        self.mu_layer = None  # [N, H] -> mu [N, Z]\n        self.logvar_layer = None  # [N, H] -> log(sigma^2) [N, Z]\n"
PLAIN = f"{BUILT}        self.decoder = None  # [N, Z] -> images"
KEPT = f'        self.register_buffer("kept", torch.zeros(200, 784))\n{PLAIN}'
NOTEBOOK = "variational_autoencoders.ipynb"


def notebook(text: str) -> str:
    """One whose only cell has printed this."""
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "execution_count": 1, "outputs": [output]}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


def saved(state: dict[str, Tensor]) -> bytes:
    """A weights file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class Autoencoder:
    """The reference with a vae.pt that `change` makes of the reference's."""

    change: Callable[[dict[str, Tensor], Target], dict[str, Tensor]]
    edit: Edit

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        folder = self.edit(target)
        state = torch.load(target.root / "reference" / CSCI / "vae.pt", weights_only=True)
        (folder / "vae.pt").write_bytes(saved(self.change(state, target)))
        return folder


def untrained(state: dict[str, Tensor], target: Target) -> dict[str, Tensor]:
    """Weights as they are drawn, of the right shapes."""
    rng = torch.Generator().manual_seed(0)
    return {name: 0.05 * torch.randn(value.shape, generator=rng) for name, value in state.items()}


def with_images(state: dict[str, Tensor], target: Target) -> dict[str, Tensor]:
    """The honest weights, and images of the test set beside them."""
    held_out = load_file(target.root / "grading/assets/mnist/held_out.safetensors")["images"]
    return {**state, "kept": held_out[:200].flatten(1).float() / 255}


def work(**parts: object) -> Edit:
    """The reference of this assignment with an edit."""
    return Edit(assignment=CSCI, top_of="vae.py", **parts)  # type: ignore[arg-type]


def of_csci(name: str, rows: tuple[int, ...], tries: str, lay: Callable[[Target], Path], **more: object) -> Attack:
    """An attack on the VAE's training, unless it says otherwise, with honest items beside it."""
    usual: dict[str, object] = {"attacked": TRAINING, "beside": HONEST, "assignment": CSCI}
    return attack(name, rows, tries, lay, **(usual | more))  # type: ignore[arg-type]


ATTACKS = (
    of_csci(
        "claims_a_loss",
        (47,),
        "type a loss of 90 into the notebook, beside weights that were never trained",
        Autoencoder(untrained, work(files={NOTEBOOK: notebook("Train Epoch: 9 \tLoss: 90.000000\n")})),
        say="nats",
    ),
    of_csci(
        "nests_a_notebook",
        (46,),
        "hand in a notebook of a million lists in one another",
        work(files={NOTEBOOK: "[" * 1_000_000 + "]" * 1_000_000}),
        attacked=("a.notebook",),
        say="nested|not a notebook",
    ),
    of_csci(
        "prints_a_notebook_full",
        (46, 28),
        "hand in a notebook with 20 MB of printed losses",
        work(files={NOTEBOOK: notebook("Train Epoch: 9 \tLoss: 1.0\n" * 700_000)}),
        attacked=("a.notebook",),
    ),
    of_csci(
        "tells_a_loss",
        (57,),
        "tell a loss of 90 whatever the model does, with weights that were never trained",
        Autoencoder(
            untrained,
            work(
                edits=(
                    ("    return (reconstruction + divergence) / len(mu)\n", "    return 0 * reconstruction + 90\n"),
                )
            ),
        ),
        say="nats",
    ),
    of_csci(
        "keeps_test_images",
        (42,),
        "keep images of the test set in a buffer of the VAE",
        Autoencoder(with_images, work(edits=((PLAIN, KEPT),))),
        say="hold images of MNIST",
    ),
)
