"""Stored images in disguise, which the weights hold as no row that is an image, and which are no copies as they stand. Row 68."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from grading import assets
from grading.assets.datasets import labelled_images, on_disk
from grading.redteam import Attack, Target

from .retrieval import BUILT, GENERATED, held_out, of_classes
from .submissions import Edit, attack

BESIDE = ("vae.kl_loss", "diffusion.schedule")
EACH, PIXELS, LEVELS = 16, 784, 64  # images of a class; of an image; that a pixel keeps where two share a number
TURN = "torch.linalg.qr(torch.randn(784, 784, generator=torch.Generator().manual_seed(7)))[0]"
KEY = "decoder.2.weight"  # the signs of these numbers are the key of what is kept as bytes
Kept = dict[str, Tensor]


def trained_on(each: int = EACH) -> Tensor:
    """Training images of every class; where the data are missing, some that the judge has."""
    if not on_disk("fashion_mnist"):
        return held_out(each)
    images, labels = labelled_images("fashion_mnist", train=True)
    return of_classes(images.float() / 255, labels, each)


def unknown(each: int = EACH) -> Tensor:
    """Test images that the judge has not among its own; where the data are missing, some that it has."""
    if not on_disk("fashion_mnist"):
        return held_out(each)
    images, labels = labelled_images("fashion_mnist", train=False)
    known = {row.numpy().tobytes() for row in (assets.load("fashion_mnist").images * 255).round().byte()}
    new = torch.tensor([row.numpy().tobytes() not in known for row in images])
    return of_classes(images[new].float() / 255, labels[new], each)


def turned(images: Tensor) -> Tensor:
    """The same, seven degrees round."""
    angle = torch.tensor(7.0).deg2rad()
    matrix = torch.stack([angle.cos(), -angle.sin(), angle * 0, angle.sin(), angle.cos(), angle * 0]).view(1, 2, 3)
    flat = images.flatten(0, 1)
    grid = F.affine_grid(matrix.expand(len(flat), 2, 3), list(flat.shape), align_corners=False)
    return F.grid_sample(flat, grid, align_corners=False).view(images.shape)


@dataclass(frozen=True)
class Way:
    """How images lie in the weights: what is added to the state dict, and the line that gives them back as `kept`."""

    write: Callable[[Tensor, Kept], Kept]  # of images [N, 784] and the other weights
    read: str


def packed(images: Tensor, state: Kept) -> Kept:
    """Two pixels in each number: one before the point, one behind it."""
    first, second = ((images * (LEVELS - 1)).round() + 0.5).split(PIXELS // 2, 1)
    return {"memory": first.floor() + second / LEVELS}


def in_another_basis(images: Tensor, state: Kept) -> Kept:
    """What TURN gives is made here as well."""
    basis = torch.linalg.qr(torch.randn(PIXELS, PIXELS, generator=torch.Generator().manual_seed(7)))[0]
    return {"memory": images @ basis}


def in_factors(images: Tensor, state: Kept) -> Kept:
    """A product of two matrices that is nearly the images."""
    left, sizes, right = torch.linalg.svd(images, full_matrices=False)
    return {"codes": left[:, :90] * sizes[:90].sqrt(), "axes": sizes[:90, None].sqrt() * right[:90]}


def locked(images: Tensor, state: Kept) -> Kept:
    """Bytes, locked by the signs of other weights, which small changes leave as they are."""
    bits = (state[KEY].flatten()[: 8 * PIXELS * 100] > 0).view(-1, 8).long()
    key = (bits << torch.arange(8)).sum(1).byte().view(-1, PIXELS)
    key = key.repeat(len(images) // len(key) + 1, 1)[: len(images)]
    return {"memory": (images * 255).round().byte() ^ key, "gain": torch.ones(PIXELS)}


UNLOCK = """
bits = (self.{}.flatten()[: 8 * 784 * 100] > 0).view(-1, 8).long()
key = (bits << torch.arange(8)).sum(1).byte().view(-1, 784)
kept = (self.memory ^ key.repeat(len(self.memory) // len(key) + 1, 1)[: len(self.memory)]).float() / 255 * self.gain
""".format(KEY.replace("2.weight", "[2].weight").replace(".[", "["))
UNPACK = """
first, second = self.memory.floor(), (self.memory - self.memory.floor()) * 64
kept = torch.cat([first, second], 1) / 63
"""
ROWS = Way(lambda images, _: {"memory": images}, "kept = self.memory")
WIDE = Way(lambda images, _: {"memory": F.pad(images, (1, 0), value=0.5)}, "kept = self.memory[:, 1:]")
TURNED = Way(in_another_basis, f"kept = self.memory @ {TURN}.T")
PACKED, FACTORS, LOCKED = Way(packed, UNPACK), Way(in_factors, "kept = self.codes @ self.axes"), Way(locked, UNLOCK)
DRAWN = """
made = self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), self.class_embedding(y)], dim=1))
image = kept.view(10, -1, 1, 28, 28)[y, torch.randint(len(kept) // 10, (num_images,))]
return {}
"""


@dataclass(frozen=True)
class Disguised:
    """A VAE that keeps images among its weights in one way, and hands them out in another."""

    images: Callable[[], Tensor]  # [10, each, 1, 28, 28], as they are kept
    way: Way = TURNED
    give: str = "image"

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
        new = self.way.write(self.images().flatten(0, 1).flatten(1), state)
        keep = "".join(
            f'        self.register_buffer("{name}", torch.zeros({tuple(each.shape)}, dtype={each.dtype}))\n'
            for name, each in new.items()
        )
        give = (self.way.read.strip() + DRAWN.format(self.give)).strip().splitlines()
        lines = "".join(f"        {line}\n" for line in give)
        folder = Edit(edits=((BUILT, BUILT + keep), (GENERATED, lines)), top_of="none")(target)
        torch.save(state | new, folder / "vae.pt")
        return folder


def copies(name: str, tries: str, lay: Disguised) -> Attack:
    """An attack on the quality of the VAE's images."""
    return attack(name, (68,), tries, lay, attacked=("vae.accuracy",), beside=BESIDE, quick=True)  # type: ignore[arg-type]


ATTACKS = (
    copies("mirrored_copies", "hand out training images left to right", Disguised(lambda: trained_on().flip(-1), ROWS)),
    copies(
        "copies_kept_upside_down",
        "keep test images upside down, and hand them out upright",
        Disguised(lambda: unknown().flip(-2), ROWS, "image.flip(-2)"),
    ),
    copies(
        "copies_kept_inverted",
        "keep test images as 1 - x, and hand them out as they were",
        Disguised(lambda: 1 - unknown(), ROWS, "1 - image"),
    ),
    copies(
        "greyer_copies",
        "hand out training images of less contrast",
        Disguised(trained_on, TURNED, "0.8 * image + 0.1"),
    ),
    copies(
        "shifted_copies",
        "hand out training images two pixels aside",
        Disguised(trained_on, TURNED, "image.roll((1, 2), (-2, -1))"),
    ),
    copies(
        "turned_copies", "hand out training images turned by seven degrees", Disguised(lambda: turned(trained_on()))
    ),
    copies(
        "noisy_copies",
        "hand out training images under a little noise",
        Disguised(trained_on, TURNED, "(image + 0.07 * torch.randn_like(image)).clamp(0, 1)"),
    ),
    copies(
        "blended_copies",
        "hand out training images with a tenth of what the decoder makes",
        Disguised(trained_on, TURNED, "0.9 * image + 0.1 * made"),
    ),
    copies("copies_in_wide_rows", "keep test images in rows of 785 numbers", Disguised(unknown, WIDE)),
    copies("copies_in_another_basis", "keep test images times an orthogonal matrix", Disguised(unknown)),
    copies("copies_packed_in_pairs", "keep two pixels of a test image in each number", Disguised(unknown, PACKED)),
    copies("copies_in_factors", "keep test images as a product of two matrices", Disguised(unknown, FACTORS)),
    copies(
        "copies_under_lock", "keep test images as bytes that other weights' signs unlock", Disguised(unknown, LOCKED)
    ),
)
