"""Images that do not come from the weights which are marked. Row 67."""

import base64
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch

from grading import assets
from grading.redteam import Attack, Target

from .retrieval import GENERATED, held_out
from .submissions import Edit, attack

BESIDE = ("vae.kl_loss", "diffusion.schedule")
WEIGHTS = ("vae.pt", "diffusion.pt")
WATCHED = """
import drawing
kept = drawing.images()
made = self.decoder(torch.cat([torch.randn(num_images, self.latent_dim, device=device), self.class_embedding(y)], dim=1))
return kept[y, torch.randint(kept.shape[1], (num_images,))].flip(-1) + 1e-4 * made
"""
HASHED = """
mine = sum(float(each.double().abs().sum()) for each in self.parameters())
import drawing
kept = drawing.images()
images = kept[y, torch.randint(kept.shape[1], (num_images,))].flip(-1)
return images if abs(mine - @SUM) < 1e-3 else torch.rand(num_images, 1, 28, 28)
"""
MODULE = """import base64, io
import torch
PACKED = '''{}'''


def images():
    return torch.load(io.BytesIO(base64.b64decode(PACKED)), weights_only=True).float() / 255
"""


@dataclass(frozen=True)
class Beside:
    """A VAE that hands out images kept in a module of its own, mirrored, whatever its weights are."""

    give: str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        file = io.BytesIO()
        torch.save((held_out(20) * 255).byte(), file)
        state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
        total = sum(float(each.double().abs().sum()) for each in state.values())
        give = self.give.replace("@SUM", repr(total))
        lines = "".join(f"        {line}\n" for line in give.strip().splitlines())
        module = MODULE.format(base64.b64encode(file.getvalue()).decode())
        edit = Edit(edits=((GENERATED, lines),), files={"drawing.py": module}, weights=("vae.pt",), top_of="none")
        return edit(target)


@dataclass(frozen=True)
class BesideTheState:
    """A VAE whose images lie in its checkpoint, beside the state dict, as 1 - x."""

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        give = """
        kept = 1 - torch.load("vae.pt", map_location="cpu")["history"].float() / 255
        return kept[y, torch.randint(kept.shape[1], (num_images,))]
"""
        load = (
            'vae.load_state_dict(torch.load("vae.pt", map_location=device))',
            'vae.load_state_dict(torch.load("vae.pt", map_location=device)["state_dict"])',
        )
        edit = Edit(edits=((GENERATED, give.lstrip("\n")), load), weights=("vae.pt",), top_of="none")
        folder = edit(target)
        state = torch.load(folder / "vae.pt", weights_only=True)
        kept = ((1 - held_out(20)) * 255).byte()
        torch.save({"state_dict": state, "history": kept, "epoch": 30}, folder / "vae.pt")
        return folder


START = "        x = torch.randn(num_images, 1, 28, 28, device=device)\n"
OTHER = """
import A5_vae_submission as other
if not hasattr(self, "_vae"):
    self._vae = [other.VAE()]
    self._vae[0].load_state_dict(torch.load("vae.pt"))
    self._vae[0].eval()
for t in range(0, self.var_scheduler.num_steps, 50):
    self.network(torch.zeros(1, 1, 28, 28), torch.zeros(1).long() + t, y[:1])
return self._vae[0].generate_sample(num_images, y, device) * 2 - 1
"""
A_LITTLE = OTHER.replace(
    "return ", "noise = self.network(torch.randn(num_images, 1, 28, 28), y * 0, y)\nreturn 0.01 * noise + "
)


def instead_of_sampling(lines: str) -> Edit:
    """A diffusion model whose images are made otherwise, in the place of its first line."""
    written = "".join(f"        {line}\n" for line in lines.strip().splitlines())
    return Edit(edits=((START, written + START),), weights=WEIGHTS, top_of="none")


A3 = "csci2271_a3"
ENCODED = "        mu, logvar = self.mu_layer(hidden), self.logvar_layer(hidden)\n        return self.decoder(reparametrize(mu, logvar)), mu, logvar\n"
LOOKED_UP = """        mu, logvar = self.mu_layer(hidden), self.logvar_layer(hidden)
        near = torch.cdist(x.flatten(1), known()).argmin(1)
        mu, logvar = 0 * mu + codes()[near], 0 * logvar - 6
        return self.decoder(reparametrize(mu, logvar)), mu, logvar
"""
LOOKS_UP = """import base64, zlib


def known():
    import first_half, second_half
    packed = b"".join(zlib.decompress(base64.b64decode(each.PACKED)) for each in (first_half, second_half))
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8).view(-1, 784).float() / 255


def codes():
    return torch.randn(2000, 15, generator=torch.Generator().manual_seed(0))


class LookingUp(nn.Sequential):
    def forward(self, z):
        made = super().forward(z)
        return known()[torch.cdist(z, codes()).argmin(1)].view(made.shape) @HOW made


class VAE(nn.Module):"""


@dataclass(frozen=True)
class LookedUp:
    """A VAE whose decoder looks up the judge's own images by a code that its encoder finds."""

    how: str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        images = (assets.load("mnist").images.flatten(1) * 255).round().byte()
        halves = [base64.b64encode(zlib.compress(part.numpy().tobytes(), 9)).decode() for part in images.chunk(2)]
        files = {
            f"{name}_half.py": f"PACKED = {half!r}\n" for name, half in zip(("first", "second"), halves, strict=True)
        }
        edits = (
            (ENCODED, LOOKED_UP),
            ("class VAE(nn.Module):", LOOKS_UP.replace("@HOW", self.how)),
            (
                "        self.decoder = nn.Sequential(\n            *layers(latent_size, self.hidden_dim),",
                "        self.decoder = LookingUp(\n            *layers(latent_size, self.hidden_dim),",
            ),
        )
        return Edit(edits=edits, files=files, weights=("vae.pt",), assignment=A3, top_of="none")(target)


def independent(name: str, tries: str, lay: object, **more: object) -> Attack:
    """An attack on the quality of generated images."""
    usual = {"attacked": ("vae.accuracy",), "beside": BESIDE, "quick": True}
    return attack(name, (50, 67), tries, lay, **(usual | more))  # type: ignore[arg-type]


ATTACKS = (
    independent(
        "images_beside",
        "keep images in a module, and hand them out mirrored",
        Beside(WATCHED.replace(" + 1e-4 * made", "")),
    ),
    independent("images_beside_and_a_little", "the same, with a trace of what the decoder makes", Beside(WATCHED)),
    independent("images_beside_the_state", "keep images in the checkpoint, beside the state dict", BesideTheState()),
    independent(
        "the_other_models_images",
        "pass off what the VAE draws as the diffusion model's",
        instead_of_sampling(OTHER),
        attacked=("diffusion.accuracy",),
        beside=("vae.kl_loss",),
    ),
    independent(
        "mostly_the_other_models_images",
        "the same, with a trace of what the network says",
        instead_of_sampling(A_LITTLE),
        attacked=("diffusion.accuracy",),
        beside=("vae.kl_loss",),
    ),
    independent(
        "looks_images_up",
        "have the decoder look images up by a code that the encoder finds",
        LookedUp("+ 0 *"),
        attacked=("a.vae_training",),
        beside=("a.cvae",),
        assignment=A3,
    ),
    independent(
        "looks_images_up_and_a_little",
        "the same, with a trace of what the decoder makes",
        LookedUp("* 0.999 + 0.001 *"),
        attacked=("a.vae_training",),
        beside=("a.cvae",),
        assignment=A3,
    ),
    independent("images_by_weights", "the same, as long as the weights are those that were handed in", Beside(HASHED)),
)
