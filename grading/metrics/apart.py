"""Encoders and decoders that are asked apart: in processes of their own, and in orders that tell nothing."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks.compare import tensor, two
from grading.checks.standard_divergence import kl_per_image


def moments(answers: Iterable[Any], what: str = "mu and logvar") -> tuple[Tensor, Tensor]:
    """mu and logvar of all images, each [N, Z], of what an encoder gives a batch at a time.

    Raises Disagreement where an answer is not two things of finite numbers.
    """
    pairs = [two(answer, what) for answer in answers]
    mu = torch.cat([tensor(pair[0], "mu").float() for pair in pairs])
    return mu, torch.cat([tensor(pair[1], "logvar").float() for pair in pairs])


def sampled(mu: Tensor, logvar: Tensor, rng: Generator) -> Tensor:
    """z ~ N(mu, sigma^2), drawn by the judge."""
    return mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=rng)


def in_another_order(ask: Callable[[Tensor], Tensor], count: int, batch: int, rng: Generator) -> Tensor:
    """What `ask` answers of the rows [B] out of `count`, a batch at a time, in one tensor [count, ...] that is in order.

    The rows come in an order that is drawn: where one stands tells a decoder nothing of what the encoder was shown there.
    """
    order = torch.randperm(count, generator=rng)
    answers = torch.cat([ask(rows) for rows in order.split(batch)])
    return answers[order.argsort()]


def cross_entropy(again: Tensor, images: Tensor) -> Tensor:
    """Of images drawn again, summed over the pixels of each: [N], in nats."""
    return F.binary_cross_entropy(again, images, reduction="none").flatten(1).sum(1)


def elbo_losses(again: Tensor, images: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Cross-entropy plus the divergence from N(0, I), of each image: [N], in nats."""
    return cross_entropy(again, images) + kl_per_image(mu, logvar)
