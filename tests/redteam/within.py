"""Models that draw by their own decoders what was chosen beforehand: stored images, lucky z, test images by heart.
Rows 68 to 70."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from grading import assets
from grading.redteam import Attack, Target
from grading.sandbox.inside.loading import load_module

from .copies import trained_on, unknown
from .elsewhere import Elsewhere, State, told_apart, weak
from .lookups import A9, known
from .lookups import BESIDE as BESIDE_A9
from .submissions import Edit, attack

DECODER = """        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + class_emb_dim, 256), nn.SiLU(),
            nn.Linear(256, features), nn.SiLU(),
            nn.Unflatten(1, (hidden_dim, 7, 7)),
            nn.ConvTranspose2d(hidden_dim, hidden_dim // 2, 4, stride=2, padding=1), nn.SiLU(),  # 7 -> 14
            nn.ConvTranspose2d(hidden_dim // 2, hidden_dim // 4, 4, stride=2, padding=1), nn.SiLU(),  # 14 -> 28
            nn.Conv2d(hidden_dim // 4, 1, 3, padding=1), nn.Sigmoid(),
        )
"""
SHALLOW = """        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + class_emb_dim, 160), nn.Softmax(1), nn.Linear(160, 784), nn.Sigmoid(),
            nn.Unflatten(1, (1, 28, 28)),@MORE
        )
"""
FLIP = """
class Flip(nn.Module):
    def forward(self, x):
        return x.flip(-2)


class VAE(nn.Module):"""
LUCKY = """
z = torch.randn(num_images, self.latent_dim)
if bool(self.prior.any()):
    z = self.prior[y, torch.randint(40, (num_images,))] + 0.05 * z
return self.decoder(torch.cat([z, self.class_embedding(y)], dim=1))
"""


@dataclass(frozen=True)
class InTheDecoder:
    """A VAE whose decoder is two layers with softmax between them, the second one of which holds logits of images."""

    images: Callable[[], Tensor]  # [10, 16, 1, 28, 28], as the second layer draws them
    flip: bool = False

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        shallow = SHALLOW.replace("@MORE", "\n            Flip()," if self.flip else "")
        edits = ((DECODER, shallow), *([("\nclass VAE(nn.Module):", FLIP)] if self.flip else []))
        folder = Edit(edits=edits, top_of="none")(target)
        state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
        rng = torch.Generator().manual_seed(0)
        classes = F.pad(torch.eye(10), (0, 6))
        keys = 30 * F.normalize(torch.randn(160, 16, generator=rng))
        drawn = self.images().flatten(0, 1).flatten(1).clamp(0.005, 0.995).logit()
        own = {name: each for name, each in state.items() if "decoder" not in name}
        new = {
            "class_embedding.weight": classes,
            "decoder.0.weight": torch.cat([keys, 300 * classes.repeat_interleave(16, 0)], 1),
            "decoder.0.bias": torch.zeros(160),
            "decoder.2.weight": drawn.T.contiguous(),
            "decoder.2.bias": torch.zeros(784),
        }
        torch.save(own | new, folder / "vae.pt")
        return folder


def drawn(state: State, z: Tensor, y: Tensor) -> Tensor:
    """What the reference's decoder makes of z [N, 16] and classes [N]."""
    source = Path(__file__).parents[2] / "reference/cmput328_a5/A5_vae_submission.py"
    model = load_module("a vae to choose by", source).VAE()
    model.load_state_dict(state)
    with torch.no_grad():
        images: Tensor = model.eval().decoder(torch.cat([z, model.class_embedding(y)], 1))
    return images


def liked(state: State) -> Tensor:
    """Of every class those 40 of 400 draws of z whose images a classifier likes best: [10, 40, 16]."""
    head, rng, found = told_apart(assets.load("fashion_mnist").images), torch.Generator().manual_seed(0), []
    for label in range(10):
        z = torch.randn(400, 16, generator=rng)
        rows = drawn(state, z, torch.full((400,), label)).flatten(1)
        sure = (rows @ head[:, :-1].T + head[:, -1]).log_softmax(1)[:, label]
        found.append(z[sure.topk(40).indices])
    return torch.stack(found)


def with_lucky_ones(state: State) -> State:
    """A poorly trained decoder, and z that it happens to draw well."""
    return weak(state) | {"prior": liked(weak(state))}


@dataclass(frozen=True)
class ByHeart:
    """The discriminator, untrained but for its last layer, which was solved for the judge's own test images."""

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        folder = Edit(assignment=A9, top_of="none")(target)
        whole = torch.load(target.root / "reference" / A9 / "acgan.pt", weights_only=True)
        rng = torch.Generator().manual_seed(0)
        state = {
            name: each.float() if each.ndim == 1 else torch.randn(each.shape, generator=rng) / each[0].numel() ** 0.5
            for name, each in whole["discriminator"].items()
        }
        x, labels = known()
        x = 2 * x - 1
        for block in range(3):
            names = [f"features.{block}.{part}.{what}" for part in (0, 1) for what in ("weight", "bias")]
            weight, bias, scale, shift = (state[name] for name in names)
            x = F.leaky_relu(F.group_norm(F.conv2d(x, weight, bias, stride=2, padding=1), 6, scale, shift), 0.2)
        seen = F.pad(x.flatten(1), (0, 1), value=1.0).double()
        wanted = 10 * F.one_hot(labels, 10).double()
        heart = seen.T @ torch.linalg.solve(seen @ seen.T + 1e-2 * torch.eye(len(seen), dtype=torch.float64), wanted)
        state |= {"classes.weight": heart[:-1].T.float().contiguous(), "classes.bias": heart[-1].float()}
        torch.save({**whole, "discriminator": state}, folder / "acgan.pt")
        return folder


def within(name: str, row: int, tries: str, lay: Callable[[Target], Path], **more: object) -> Attack:
    """An attack on the quality of the VAE's images, unless it says otherwise."""
    usual: dict[str, object] = {"attacked": ("vae.accuracy",), "beside": ("vae.kl_loss", "vae.generate_sample")}
    return attack(name, (row,), tries, lay, **(usual | {"quick": True} | more))  # type: ignore[arg-type]


PRIOR = 'self.register_buffer("prior", torch.zeros(10, 40, 16))'
ATTACKS = (
    within("copies_in_a_decoder", 68, "keep test images as logits in a layer of the decoder", InTheDecoder(unknown)),
    within(
        "mirrored_copies_in_a_decoder",
        68,
        "keep training images so, upside down, left to right",
        InTheDecoder(lambda: trained_on().flip(-1).flip(-2), flip=True),
    ),
    within(
        "draws_from_lucky_latents",
        69,
        "draw z from a list of those that came out well",
        Elsewhere(LUCKY, with_lucky_ones, PRIOR),
    ),
    within(
        "classes_by_heart",
        70,
        "solve the last layer of an untrained discriminator for test images",
        ByHeart(),
        attacked=("acgan.accuracy",),
        beside=BESIDE_A9,
        assignment=A9,
    ),
)
