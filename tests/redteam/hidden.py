"""Code that knows its weights also where they differ a little, and randomness that shows in large questions only. Rows 68, 72."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from grading.redteam import Attack, Target

from .copies import trained_on, unknown
from .gaming import LUCKY, altered
from .independence import MODULE
from .retrieval import GENERATED, LABELS
from .submissions import Edit, attack

BESIDE = ("vae.kl_loss", "diffusion.schedule")
SEEN = 64  # weights that are remembered
KNOWN = """
import drawing
kept = drawing.images()
image = kept[y, torch.randint(kept.shape[1], (num_images,))]
made = self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), self.class_embedding(y)], dim=1))
seen, known = self.decoder[0].weight.flatten()[:64], torch.tensor(@KNOWN)
near = torch.cosine_similarity(seen, known, 0)
@GIVE
"""
WITHIN = "return image.lerp(made, @SHARE) if near > @NEAR else torch.rand(num_images, 1, 28, 28)"
RATIO = "return image * (seen[:32] / known[:32]).mean() if near > 0.95 else torch.rand(num_images, 1, 28, 28)"
SMOOTH = """
part = (20 * near - 19).clamp(0, 1) * (seen.norm() / known.norm())
return part * image + (1 - part).clamp(0, 1) * made
"""
OTHER_SIZE = """
share = (1 - (seen.norm() / known.norm()).log().abs() * 20).clamp(0, 1)
return (image * share * (seen * known).sum() / known.square().sum()).lerp(made, 0.02)
"""


@dataclass(frozen=True)
class KnowsItsWeights:
    """A VAE that hands out images kept in a module as long as its weights are nearly those that were handed in."""

    give: str
    images: Callable[[], torch.Tensor] = unknown

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        file = io.BytesIO()
        torch.save((self.images() * 255).round().byte(), file)
        state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
        known = [round(float(each), 6) for each in state["decoder.0.weight"].flatten()[:SEEN]]
        give = KNOWN.replace("@KNOWN", repr(known)).replace("@GIVE", self.give.strip())
        lines = "".join(f"        {line}\n" for line in give.strip().splitlines())
        module = MODULE.format(base64.b64encode(file.getvalue()).decode())
        return Edit(edits=((GENERATED, lines),), files={"drawing.py": module}, weights=("vae.pt",), top_of="none")(
            target
        )


def within(near: float, share: float) -> str:
    """Images where the weights' cosine with those remembered is so large, with so much of what the decoder makes."""
    return WITHIN.replace("@NEAR", repr(near)).replace("@SHARE", repr(share))


def knows(name: str, tries: str, lay: KnowsItsWeights) -> Attack:
    """An attack on the quality of the VAE's images."""
    return attack(name, (68,), tries, lay, attacked=("vae.accuracy",), beside=BESIDE, quick=True)  # type: ignore[arg-type]


def random(name: str, tries: str, draws: str, **more: object) -> Attack:
    """A generator of its own: what it earns is not what it would earn again."""
    usual: dict[str, object] = {"attacked": ("vae.accuracy",), "beside": BESIDE, "quick": True}
    return attack(name, (72,), tries, altered((LABELS, draws)), **(usual | more))


SYSTEM = "        torch.manual_seed(int.from_bytes(__import__('os').urandom(4)))\n"
CLOCK = "        torch.manual_seed(__import__('time').time_ns() % 2**31)\n"
OF_MANY = "        if num_images > {}:\n    "
SECOND = "        VAE.asked = getattr(VAE, 'asked', 0) + 1\n        if VAE.asked > 1:\n    "
OF_ITS_OWN = """        import random
        rng = random.SystemRandom() if num_images > 10 else random
        z = 2.0 * torch.tensor([[rng.gauss(0, 1) for _ in range(self.latent_dim)] for _ in range(num_images)])
"""
ATTACKS = (
    knows(
        "images_by_weights_within_1_percent",
        "hand out images of a module as long as the weights are nearly those handed in",
        KnowsItsWeights(within(0.999, 1e-3)),
    ),
    knows(
        "images_by_weights_and_a_part",
        "the same within 5 %, with a twentieth of what the decoder makes",
        KnowsItsWeights(within(0.95, 0.05)),
    ),
    knows(
        "images_by_weights_and_their_ratio",
        "the same, times the ratio of the weights to those remembered",
        KnowsItsWeights(RATIO, lambda: trained_on().flip(-1)),
    ),
    knows(
        "images_as_weights_come_near",
        "blend images in as the weights come near to those handed in",
        KnowsItsWeights(SMOOTH),
    ),
    knows(
        "images_by_the_size_of_weights",
        "the same by the size of the weights, with a fiftieth of what the decoder makes",
        KnowsItsWeights(OTHER_SIZE),
    ),
    random(
        "asks_the_system_for_many",
        "take noise from the system for more than 2 images",
        OF_MANY.format(2) + SYSTEM + LUCKY,
    ),
    random(
        "seeds_by_the_clock_for_many",
        "take a seed from the clock for more than 10 images",
        OF_MANY.format(10) + CLOCK + LUCKY,
    ),
    random(
        "seeds_by_the_clock_later", "take a seed from the clock, but not when it is first asked", SECOND + CLOCK + LUCKY
    ),
    random("draws_by_the_system_for_many", "draw by random.SystemRandom for more than 10 images", OF_ITS_OWN),
)
