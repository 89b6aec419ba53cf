"""Encoders and decoders that are asked apart: in processes of their own, and in orders that tell nothing."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor


def in_another_order(ask: Callable[[Tensor], Tensor], count: int, batch: int, rng: Generator) -> Tensor:
    """What `ask` answers of the rows [B] out of `count`, a batch at a time, in one tensor [count, ...] that is in order.

    The rows come in an order that is drawn: where one stands tells a decoder nothing of what the encoder was shown there.
    """
    order = torch.randperm(count, generator=rng)
    answers = torch.cat([ask(rows) for rows in order.split(batch)])
    return answers[order.argsort()]
