"""How well an autoencoder draws images it has never seen."""

import torch
from torch import Tensor
from torch.nn import functional as F

from grading.checks.compare import Disagreement, tensor
from grading.metrics.intervals import interval, of_mean
from grading.metrics.pictures import grid
from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.seeds import generator
from grading.subjects import Submission

PER_CLASS, DRAWS, BATCH = 50, 5, 100


def held_out(student: Submission, setting: Setting) -> Evidence:
    """Cross-entropy per held-out image (in nats, summed over pixels), encoder and decoder asked separately.

    z is drawn here from N(mu, sigma^2), five times per image, and the decoder sees nothing else: an image cannot be
    handed through. The standard error counts images, not draws.
    """
    images, labels = _balanced(setting)
    rng = generator(setting.seed, "reconstruction")
    losses, drawn = zip(
        *(_batch(student, x, y, rng) for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True)),
        strict=True,
    )
    note = f"{DRAWS} draws of z per image; standard error over images"
    title = "reconstruction loss on held-out images"
    measured = interval("reconstruction", title, of_mean(torch.cat(losses)), len(images), "nats", note)
    shown = torch.arange(0, len(images), max(1, len(images) // 10))[:10]
    rows = [("held out", images[shown], [False] * 10), ("drawn again", torch.cat(drawn)[shown], [False] * 10)]
    return Evidence((measured,), (grid(rows, "Held-out images, and the same after encoder and decoder."),))


def _balanced(setting: Setting) -> tuple[Tensor, Tensor]:
    labels = setting.assets.labels
    chosen = torch.cat([(labels == label).nonzero().flatten()[:PER_CLASS] for label in labels.unique()])
    return setting.assets.images[chosen], labels[chosen]


def _batch(student: Submission, x: Tensor, y: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Loss per image [B], and the last drawing [B, 1, 28, 28]."""
    encoded = student.encode(x=x, y=y)
    if not isinstance(encoded, list | tuple) or len(encoded) != 2:
        raise Disagreement("forward should return three things: reconstruction, mu, logvar")
    mu, logvar = (tensor(part, what).float() for part, what in zip(encoded, ("mu", "logvar"), strict=True))
    losses = []
    for _ in range(DRAWS):
        z = mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=rng)
        again = tensor(student.decode(z=z, y=y), "the reconstruction", x.shape).float().clamp(0, 1)
        losses.append(F.binary_cross_entropy(again, x, reduction="none").flatten(1).sum(1))
    return torch.stack(losses).mean(0), again
