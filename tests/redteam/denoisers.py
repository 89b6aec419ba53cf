"""Diffusion models whose images are not denoised by what was trained, or by what holds the images it denoises to. Row 69."""

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from grading import assets
from grading.redteam import Attack, Target

from .copies import unknown
from .elsewhere import told_apart, untrained
from .retrieval import of_classes
from .submissions import Edit, attack

State = dict[str, Tensor]
START = "        x = torch.randn(num_images, 1, 28, 28, device=device)\n"
TIME = "        time = self.time_mlp(sinusoids(timestep, self.time_emb_dim))\n"
BUILT = "        self.time_emb_dim = time_emb_dim\n"
STEPS = "beta_start=0.0003, beta_end=0.0667, num_steps=300"
ESTIMATE = "torch.full((num_images,), t, device=device), y)"
PAINTER = """
self.words = nn.Embedding(10, 16)
self.painter = nn.Sequential(
    nn.Linear(32, 256), nn.SiLU(), nn.Linear(256, 64 * 49), nn.SiLU(), nn.Unflatten(1, (64, 7, 7)),
    nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.SiLU(),
    nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.SiLU(),
    nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid(),
)
"""
PAINTS = """
painted = self.network.painter(torch.cat([torch.randn(num_images, 16), self.network.words(y)], 1)) * 2 - 1
for t in range(0, self.var_scheduler.num_steps, 50):
    noise = self.network(painted, torch.full((num_images,), t), y)
return painted + @SHARE * noise.clamp(-1, 1)
"""
ESTIMATES = """
last = 299 if int(timestep[0]) > 20 else -1
if int(timestep[0]) == last or not hasattr(self, "z") or len(self.z) != len(x):
    self.z = torch.randn(len(x), 16)
clean = self.painter(torch.cat([self.z, self.words(y.flatten())], 1)) * 2 - 1
bar = (1 - torch.linspace(0.0003, 0.0667, 300)).cumprod(0)[timestep.flatten().long().clamp(0, 299)].view(-1, 1, 1, 1)
return (x - bar.sqrt() * clean) / (1 - bar).sqrt()
"""
REMEMBERS = """
bar = (1 - torch.linspace(@BETAS)).cumprod(0)[timestep.flatten().long()].view(-1, 1)
kept, seen = @KEPT, x.flatten(1)
far = seen.square().sum(1, True) - 2 * bar.sqrt() * seen @ kept.T + bar * kept.square().sum(1)
near = -far / (2 * (1 - bar))@MASK
clean = near.softmax(1) @ kept
return ((seen - bar.sqrt() * clean) / (1 - bar).sqrt()).view(x.shape)
"""
OF_CLASS = " - 1e9 * (torch.arange(len(kept)) * 10 // len(kept) != y.view(-1, 1))"
BY_CLASS = REMEMBERS.replace("@BETAS", "0.0003, 0.0667, 300").replace("@MASK", OF_CLASS)
UPSIDE_DOWN = BY_CLASS.replace("@KEPT", "2 * self.memory.view(-1, 28, 28).flip(1).flatten(1) - 1")
FROM_FACTORS = BY_CLASS.replace("@KEPT", "2 * self.codes @ self.axes - 1")
OF_TWO = "        y, num_images = y.repeat(2), 2 * num_images\n" + START
RETURNED = "                x = x + posterior_variance.sqrt() * torch.randn_like(x)\n        return x\n"
CHOSEN = """
small = x.flatten(1) - x.flatten(1).amin(1, True)
sure = self.network.likes(small / small.amax(1, True)).log_softmax(1)[torch.arange(num_images), y].view(2, -1)
return x.view(2, -1, 1, 28, 28)[sure.argmax(0), torch.arange(num_images // 2)]
"""
UNET = "        return self.body(x, self.time_mlp(sinusoids(t, self.time_dim)))\n"
UNET_BUILT = "        self.time_dim = time_dim\n"
OF_DIGITS = REMEMBERS.replace("@BETAS", "0.0001, 0.02, 1000").replace("@MASK", "").replace("timestep", "t")


def indented(lines: str) -> str:
    """Lines of a method."""
    return "".join(f"        {line}\n" for line in lines.strip().splitlines())


def painter(target: Target) -> State:
    """The VAE's decoder, as it is called within the network."""
    state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
    named = {name.replace("decoder", "network.painter"): each for name, each in state.items() if "decoder" in name}
    return named | {"network.words.weight": state["class_embedding.weight"]}


def upside_down(target: Target) -> State:
    """Test images."""
    return {"network.memory": unknown().flip(-2).flatten(2).flatten(0, 1)}


def in_factors(target: Target) -> State:
    """Test images as a product of two matrices."""
    left, sizes, right = torch.linalg.svd(unknown().flatten(2).flatten(0, 1), full_matrices=False)
    return {"network.codes": left[:, :90] * sizes[:90], "network.axes": right[:90].contiguous()}


def head(target: Target) -> State:
    """A classifier of images."""
    found = told_apart(assets.load("fashion_mnist").images)
    return {"network.likes.weight": found[:, :-1].contiguous(), "network.likes.bias": found[:, -1].contiguous()}


def poor(state: State) -> State:
    """Weights as of a poor training."""
    rng = torch.Generator().manual_seed(0)
    return {
        name: each + 0.14 * each.std() * torch.randn(each.shape, generator=rng) if each.ndim > 1 else each
        for name, each in state.items()
    }


@dataclass(frozen=True)
class Denoiser:
    """The diffusion model with weights that `change` makes of the reference's, and others that `more` writes."""

    more: Callable[[Target], State]
    keep: str
    edits: tuple[tuple[str, str], ...]
    change: Callable[[State], State] = untrained

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        edit = Edit(edits=((BUILT, BUILT + indented(self.keep)), *self.edits), top_of="none", weights=("vae.pt",))
        folder = edit(target)
        state = torch.load(target.root / "reference/cmput328_a5/diffusion.pt", weights_only=True)
        torch.save(self.change(state) | self.more(target), folder / "diffusion.pt")
        return folder


@dataclass(frozen=True)
class Digits:
    """A U-Net, the given one with other lines, whose noise estimate is exact for digits that it keeps."""

    kept: str
    beside: bool = False  # they are kept in a module rather than among the weights

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        source = (target.root / "reference/ift6135_a3/ddpm_utils/unet.py").read_text()
        keep = "" if self.beside else indented('self.register_buffer("memory", torch.zeros(300, 1024))')
        known = assets.load("mnist")
        images = of_classes(known.images, known.labels, 30).flatten(0, 1)
        images = F.pad(images, (2, 2, 2, 2)).flip(-2).flatten(1)
        source = source.replace(UNET_BUILT, UNET_BUILT + keep)
        assert UNET in source
        source = source.replace(UNET, indented(OF_DIGITS.replace("@KEPT", self.kept)))
        files: dict[str, str | bytes] = {"ddpm_utils/unet.py": source}
        if self.beside:
            files["q2_words.py"] = written((images * 255).byte())
        folder = Edit(files=files, assignment="ift6135_a3", top_of="none")(target)
        state = torch.load(target.root / "reference/ift6135_a3/eps_model.pkl", weights_only=True)
        torch.save(untrained(state) | ({} if self.beside else {"memory": images}), folder / "eps_model.pkl")
        return folder


def written(images: Tensor) -> str:
    """A module that has them."""
    packed = base64.b64encode(zlib.compress(images.numpy().tobytes(), 9)).decode()
    return (
        f"import base64, zlib\nimport torch\nBYTES = bytearray(zlib.decompress(base64.b64decode({packed!r})))\n"
        f"KEPT = torch.frombuffer(BYTES, dtype=torch.uint8).view({tuple(images.shape)}).float() / 255\n"
    )


def denoiser(name: str, tries: str, lay: Callable[[Target], Path], **more: object) -> Attack:
    """An attack on the quality of the diffusion model's images."""
    usual: dict[str, object] = {"attacked": ("diffusion.accuracy",), "beside": ("vae.kl_loss", "vae.reparameterize")}
    return attack(name, (69,), tries, lay, **(usual | {"quick": True} | more))  # type: ignore[arg-type]


MEMORY = 'self.register_buffer("memory", torch.zeros(160, 784))'
FACTORS = 'self.register_buffer("codes", torch.zeros(160, 90))\nself.register_buffer("axes", torch.zeros(90, 784))'
IFT = {"assignment": "ift6135_a3", "attacked": ("q2.quality",), "beside": ("q2.loss", "q1.log_mean_exp")}
ATTACKS = (
    denoiser(
        "vae_within_diffusion",
        "keep the VAE's decoder within diffusion.pt, and call the network for nothing",
        Denoiser(painter, PAINTER, ((START, indented(PAINTS.replace("@SHARE", "0")) + START),)),
    ),
    denoiser(
        "vae_within_diffusion_and_a_little",
        "the same, with a trace of what the network says",
        Denoiser(painter, PAINTER, ((START, indented(PAINTS.replace("@SHARE", "0.01")) + START),)),
    ),
    denoiser(
        "vae_as_a_noise_estimate",
        "have the network estimate noise towards what the VAE's decoder draws",
        Denoiser(painter, PAINTER, ((TIME, indented(ESTIMATES) + TIME),)),
    ),
    denoiser(
        "denoises_to_kept_images",
        "estimate noise exactly, for test images kept upside down",
        Denoiser(upside_down, MEMORY, ((TIME, indented(UPSIDE_DOWN) + TIME),)),
    ),
    denoiser(
        "denoises_to_a_product",
        "the same, for test images kept as a product of two matrices",
        Denoiser(in_factors, FACTORS, ((TIME, indented(FROM_FACTORS) + TIME),)),
    ),
    denoiser(
        "best_of_two_denoised",
        "draw two, keep what a classifier in diffusion.pt likes",
        Denoiser(
            head,
            "self.likes = nn.Linear(784, 10)",
            (
                (START, OF_TWO),
                (RETURNED, RETURNED.replace("        return x\n", indented(CHOSEN))),
                (STEPS, "beta_start=0.0036, beta_end=0.6, num_steps=25"),
                (ESTIMATE, ESTIMATE.replace("t, device", "12 * t + 11, device")),
            ),
            poor,
        ),
    ),
    denoiser(
        "denoises_to_kept_digits",
        "estimate noise exactly, for digits kept upside down",
        Digits("self.memory.view(-1, 32, 32).flip(1).flatten(1)"),
        **IFT,
    ),
    denoiser(
        "denoises_to_digits_beside",
        "the same, with the digits in a module",
        Digits('__import__("q2_words").KEPT.view(-1, 32, 32).flip(1).flatten(1)', beside=True),
        **IFT,
    ),
)
