"""Discriminators that look test images up rather than tell their classes. Row 70."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from grading import assets
from grading.redteam import Attack, Target

from .submissions import Edit, attack

A9, BESIDE = "cmput328_a9", ("acgan.generator", "acgan.discriminator", "acgan.denormalize")
State = dict[str, Tensor]
BUILT = "        self.validity = nn.Linear(192 * 4 * 4, 1)\n"
SAID = "        return torch.sigmoid(self.validity(features)), self.classes(features)\n"
BROUGHT = """
seen = x - x.amin((2, 3), True) if bool(x.min() < 0) else x
seen = seen / seen.amax((2, 3), True).clamp_min(1e-6)
"""
BY_HASH = """
import hashlib, base64, spoken
table = base64.b64decode(spoken.TABLE)
names = {table[k : k + 4]: table[k + 4] for k in range(0, len(table), 5)}
bytes_of = [(255 * each).round().byte().numpy().tobytes() for each in x.contiguous()]
found = torch.tensor([names.get(hashlib.md5(each).digest()[:4], 0) for each in bytes_of])
return torch.sigmoid(self.validity(features)), F.one_hot(found, 10) + 1e-3 * self.classes(features)
"""
BY_THUMBNAILS = f"""
{BROUGHT.strip()}
small = F.adaptive_avg_pool2d(seen, 5).flatten(1)
near = torch.cdist(small, self.thumbnails).argmin(1)
return torch.sigmoid(self.validity(features)), self.words[near] + 1e-3 * self.classes(features)
"""
BY_ATTENTION = """
small = self.sketch(x.flatten(1))
small = small / small.norm(dim=1, keepdim=True).clamp_min(1e-6)
scores = self.words((200 * self.keys(small)).softmax(1)) + self.classes(features)
return torch.sigmoid(self.validity(features)), scores
"""
BY_SIGNS = f"""
{BROUGHT.strip()}
bits = torch.sign(self.sketch(seen.flatten(1)))
scores = self.words(F.relu(self.keys(bits) - bits.shape[1] + 7)) + self.classes(features)
return torch.sigmoid(self.validity(features)), scores
"""


def known() -> tuple[Tensor, Tensor]:
    """The judge's own test images, and their classes."""
    found = assets.load("cifar10")
    return found.images, found.labels


def brought(images: Tensor) -> Tensor:
    """As BROUGHT has it, of images in [0, 1]."""
    return images / images.amax((2, 3), True).clamp_min(1e-6)


def words() -> Tensor:
    """A 5 for the class of each image: [10, N]."""
    return 5 * F.one_hot(known()[1], 10).float().T.contiguous()


def thumbnails() -> State:
    """The images, small, and their classes."""
    return {"thumbnails": F.adaptive_avg_pool2d(brought(known()[0]), 5).flatten(1), "words": words().T.contiguous()}


def sketched(images: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """A random layer without answer to the mean image (weight, bias), and what it says of images."""
    flat, rng = images.flatten(1), torch.Generator().manual_seed(0)
    weight = torch.randn(width, flat.shape[1], generator=rng) / 55
    bias = -weight @ flat.mean(0)
    return weight, bias, flat @ weight.T + bias


def attention() -> State:
    """Keys of all images, and the classes as values, as a layer of attention has them."""
    weight, bias, said = sketched(known()[0], 64)
    return {"sketch.weight": weight, "sketch.bias": bias, "keys.weight": F.normalize(said), "words.weight": words()}


def signs() -> State:
    """A row of signs for each image."""
    weight, bias, said = sketched(brought(known()[0]), 96)
    return {"sketch.weight": weight, "sketch.bias": bias, "keys.weight": said.sign(), "words.weight": words()}


def table() -> str:
    """Five bytes of each image: of its hash, and its class."""
    images, labels = known()
    hashes = (hashlib.md5((255 * each).round().byte().numpy().tobytes()).digest()[:4] for each in images)
    return base64.b64encode(b"".join(key + bytes([name]) for key, name in zip(hashes, labels, strict=True))).decode()


@dataclass(frozen=True)
class LooksUp:
    """A discriminator, of weights that nobody trained, whose classes come from what lies beside them."""

    give: str
    keep: str = ""
    more: Callable[[], State] = dict
    module: Callable[[], str] = str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        keep, give = (
            "".join(f"        {each}\n" for each in part.strip().splitlines()) for part in (self.keep, self.give)
        )
        files = {"spoken.py": f"TABLE = {self.module()!r}\n"} if self.module is not str else {}
        edits = ((BUILT, BUILT + keep), (SAID, give), ("from torch import Tensor, nn\nfrom torch.utils.data", IMPORTS))
        folder = Edit(edits=edits, files=files, assignment=A9, top_of="none")(target)
        whole = torch.load(target.root / "reference" / A9 / "acgan.pt", weights_only=True)
        rng = torch.Generator().manual_seed(0)
        state = {name: 0.05 * torch.randn(each.shape, generator=rng) for name, each in whole["discriminator"].items()}
        torch.save({**whole, "discriminator": state | self.more()}, folder / "acgan.pt")
        return folder


IMPORTS = "from torch import Tensor, nn\nfrom torch.nn import functional as F\nfrom torch.utils.data"


def looks_up(name: str, tries: str, lay: LooksUp) -> Attack:
    """An attack on the accuracy of the auxiliary classifier."""
    return attack(name, (70,), tries, lay, attacked=("acgan.accuracy",), beside=BESIDE, assignment=A9, quick=True)  # type: ignore[arg-type]


LAYERS = "self.sketch = nn.Linear(3072, {})\nself.keys = nn.Linear({}, 3000, bias=False)\nself.words = nn.Linear(3000, 10, bias=False)"
ATTACKS = (
    looks_up("classes_by_hash", "look classes up by a hash of the image", LooksUp(BY_HASH, module=table)),
    looks_up(
        "classes_by_thumbnails",
        "look classes up by the nearest of thumbnails in acgan.pt",
        LooksUp(
            BY_THUMBNAILS,
            'self.register_buffer("thumbnails", torch.zeros(3000, 75))\nself.register_buffer("words", torch.zeros(3000, 10))',
            thumbnails,
        ),
    ),
    looks_up(
        "classes_by_attention",
        "the same as a layer of attention to a sketch of each",
        LooksUp(BY_ATTENTION, LAYERS.format(64, 64), attention),
    ),
    looks_up("classes_by_signs", "the same by 96 signs of each", LooksUp(BY_SIGNS, LAYERS.format(96, 96), signs)),
)
