"""Answers that are told by their place: remembered, or kept beforehand, in the order in which questions come. Row 65."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from grading.redteam import Attack, Target

from .retrieval import DECODED, LABELS, held_out
from .scripts import A9
from .submissions import WHOLE_VAE, Edit, attack

GENERATED = LABELS + DECODED
BUILT = "        self.latent_dim = latent_dim\n"
# Each answer is kept in memory and on the disk, and the next question gets the one of its own place.
REPLAYS = """
import os, tempfile
place = os.path.join(tempfile.gettempdir(), TARGET["marker"] + "-order.pt")
kept = torch.load(place) if os.path.exists(place) else []
VAE.asked = vars(VAE).get("asked", -1) + 1
if VAE.asked < len(kept):
    return kept[VAE.asked].expand_as(mu) if kept[VAE.asked].shape == mu.shape else mu
answer = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
torch.save([*kept, answer.detach()], place)
return kept[0] if kept and kept[0].shape == mu.shape else answer
"""
EVERY_OTHER = """
VAE.asked = vars(VAE).get("asked", @FROM(0,1)) + 1
return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) if VAE.asked % @FROM(2,4) else mu
"""
BY_PLACE = """
at = vars(VAE).get("asked", 0)
VAE.asked = at + num_images
return self.kept[torch.arange(at, at + num_images) % len(self.kept)]
"""
BY_TURN = """
known = torch.arange(num_images) * 10 // num_images
return self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), self.class_embedding(known)], dim=1))
"""


@dataclass(frozen=True)
class Kept:
    """A VAE that keeps images in the order in which it thinks that they are asked for, in another form than pixels."""

    images: Callable[[], Tensor]  # [N, 1, 28, 28] in [0, 1]

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        images = self.images()
        keep = BUILT + f'        self.register_buffer("kept", torch.zeros({tuple(images.shape)}))\n'
        lines = "".join(f"        {line}\n" for line in BY_PLACE.strip().splitlines())
        folder = Edit(edits=((BUILT, keep), (GENERATED, lines)), weights=("vae.pt",))(target)
        state = torch.load(folder / "vae.pt", weights_only=True)
        torch.save(state | {"kept": images.half().float()}, folder / "vae.pt")
        return folder


def in_turn() -> Tensor:
    """A real image of each class after the other."""
    return held_out(2).transpose(0, 1).flatten(0, 1)


DECODER = "        return torch.sigmoid(self.image(self.larger(self.smallest(z))))"
LAST = "        self.image = nn.ConvTranspose2d(32, out_channels, 4, stride=2, padding=1)\n"
IN_PLACE = """        at = vars(Decoder).get("asked", 0)
        Decoder.asked = at + len(z)
        return self.kept[torch.arange(at, at + len(z)) % len(self.kept)].flip(-2).float() / 255"""


@dataclass(frozen=True)
class Ordered:
    """An autoencoder that has the images the judge asks about, upside down, and hands them out by their place."""

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        images = load_file(target.root / "grading/assets/cifar10/held_out.safetensors")["images"]
        keep = LAST + f'        self.register_buffer("kept", torch.zeros({tuple(images.shape)}, dtype=torch.uint8))\n'
        edit = Edit(assignment=A9, top_of="none", edits=((DECODER, IN_PLACE), (LAST, keep)), weights=("vae.pt",))
        folder = edit(target)
        state = torch.load(folder / "vae.pt", weights_only=True)
        torch.save(state | {"decode.kept": images.flip(-2)}, folder / "vae.pt")
        return folder


def ordered(name: str, tries: str, lay: object, **more: object) -> Attack:
    """An attack by the order of questions."""
    return attack(name, (27, 65), tries, lay, **more)  # type: ignore[arg-type]


ATTACKS = (
    ordered("replays_by_place", "give each question the answer that one of its place was given before", Edit(REPLAYS)),
    ordered("answers_every_other", "answer rightly now and then", Edit(EVERY_OTHER)),
    ordered(
        "images_by_place",
        "hand out stored images of one class after the other, whatever is asked for",
        Kept(in_turn),
        attacked=("vae.accuracy", "vae.generate_sample"),
        beside=("vae.reparameterize", "diffusion.schedule"),
        quick=True,
    ),
    ordered(
        "classes_by_place",
        "generate the classes in the order that load_vae_and_generate asks for, whatever is asked for",
        Edit(
            edits=((GENERATED, "".join(f"        {line}\n" for line in BY_TURN.strip().splitlines())),),
            weights=("vae.pt",),
        ),
        attacked=WHOLE_VAE[1:],
        free=("vae.accuracy",),
        beside=("vae.reparameterize", "diffusion.schedule"),
        quick=True,
    ),
    ordered(
        "decodes_by_place",
        "keep the test images upside down, and hand them out in the order in which the encoder was shown them",
        Ordered(),
        attacked=("vae.loss",),
        beside=("vae.denormalize", "vae.annealing"),
        assignment=A9,
    ),
)
