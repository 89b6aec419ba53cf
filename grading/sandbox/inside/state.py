"""What a network holds, told without asking it: a class may have a state_dict of its own. Holds no answer.

A probe imports it as `elbograde_inside.state`, in a box as in the judge's own process.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


def held(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name, as state_dict has them."""
    buffers = {name: value for name, value in module._buffers.items() if name not in module._non_persistent_buffers_set}
    for name, value in {**module._parameters, **buffers}.items():
        if value is not None:
            yield prefix + name, value
    for name, child in module._modules.items():
        if child is not None:
            yield from held(child, f"{prefix}{name}.")


def contents(module: nn.Module) -> dict[str, list[Any]]:
    """The "names" of all that it holds, and the "values": copies without gradients."""
    found = dict(held(module))
    return {"names": list(found), "values": [value.detach().clone() for value in found.values()]}


def put(module: nn.Module, names: list[str], values: list[Tensor]) -> None:
    """Puts these values where `held` finds these names."""
    own = dict(held(module))
    with torch.no_grad():
        for name, value in zip(names, values, strict=True):
            own[name].copy_(value)
