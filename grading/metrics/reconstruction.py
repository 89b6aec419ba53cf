"""How well an autoencoder draws images it has never seen."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, tensor
from grading.metrics.apart import cross_entropy, in_another_order, moments, sampled
from grading.metrics.intervals import interval, of_mean
from grading.metrics.pictures import grid
from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.seeds import generator
from grading.subjects import Submission

PER_CLASS, DRAWS, BATCH = 50, 5, 100


def held_out(student: Submission, setting: Setting) -> Evidence:
    """Cross-entropy per held-out image (in nats, summed over pixels), encoder and decoder asked apart.

    z is drawn here from N(mu, sigma^2), five times per image, and the decoder, in a process of its own, sees nothing else:
    an image cannot be handed through. The standard error counts images, not draws.
    """
    images, labels = _balanced(setting)
    rng = generator(setting.seed, "reconstruction")
    mu, logvar = _encoded(student, images, labels)
    student.close()
    draws = [_drawn_again(student, mu, logvar, labels, rng) for _ in range(DRAWS)]
    losses = torch.stack([cross_entropy(each, images) for each in draws])
    note = f"{DRAWS} draws of z per image; standard error over images"
    title = "reconstruction loss on held-out images"
    measured = interval("reconstruction", title, of_mean(losses.mean(0)), len(images), "nats", note)
    shown = torch.arange(0, len(images), max(1, len(images) // 10))[:10]
    rows = [("held out", images[shown], [False] * 10), ("drawn again", draws[-1][shown], [False] * 10)]
    return Evidence((measured,), (grid(rows, "Held-out images, and the same after encoder and decoder."),))


def _balanced(setting: Setting) -> tuple[Tensor, Tensor]:
    labels = setting.assets.labels
    chosen = torch.cat([(labels == label).nonzero().flatten()[:PER_CLASS] for label in labels.unique()])
    return setting.assets.images[chosen], labels[chosen]


def _encoded(student: Submission, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """mu and logvar of all images, each [N, Z]."""
    return moments(_of_forward(student, images, labels))


def _of_forward(student: Submission, images: Tensor, labels: Tensor) -> Iterator[Any]:
    """What forward returns beside the reconstruction, a batch at a time."""
    for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True):
        encoded = student.encode(x=x, y=y)
        if not isinstance(encoded, list | tuple) or len(encoded) != 2:
            raise Disagreement("forward should return three things: reconstruction, mu, logvar")
        yield encoded


def _drawn_again(student: Submission, mu: Tensor, logvar: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """What the decoder makes of a z drawn for each image: [N, 1, 28, 28] in [0, 1]."""
    z = sampled(mu, logvar, rng)

    def decoded(rows: Tensor) -> Tensor:
        again = student.decode(z=z[rows], y=labels[rows])
        return tensor(again, "the reconstruction", (len(rows), 1, 28, 28)).float().clamp(0, 1)

    return in_another_order(decoded, len(z), BATCH, rng)
