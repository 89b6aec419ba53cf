"""A weights file with other numbers in it, in the form in which it was handed in; lies beside worker.py.

No line of the submission has a part in it: the file is read with torch's restricted unpickler, in a process that has
imported none of its modules.
"""

import io
from typing import Any

import torch
from torch import Tensor

NEARLY = 1e-3  # of each number, for weights that are nearly the same


def changed(path: str, how: str) -> Tensor:
    """The bytes of the file with other weights, uint8 [N].

    how: "anew", every tensor drawn from a normal distribution with its own mean and deviation; "nearly", every number
    moved by about a thousandth of itself
    """
    found = torch.load(path, map_location="cpu", weights_only=True)
    file = io.BytesIO()
    torch.save(_changed(found, how), file)
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def _changed(value: Any, how: str) -> Any:
    if isinstance(value, Tensor):
        return _other(value, how) if value.is_floating_point() and value.numel() else value
    if isinstance(value, dict):
        for key in value:
            value[key] = _changed(value[key], how)  # in place: an OrderedDict of state keeps what else it carries
        return value
    return type(value)(_changed(each, how) for each in value) if type(value) in (list, tuple) else value


def _other(tensor: Tensor, how: str) -> Tensor:
    values = tensor.detach().float()
    if how == "nearly":
        return (values * (1 + NEARLY * torch.randn(values.shape))).to(tensor.dtype)
    spread = values.std() if values.numel() > 1 else values.abs().max()
    drawn = values.mean() + spread * torch.randn(values.shape)
    return (drawn.abs() if bool((values >= 0).all()) else drawn).to(tensor.dtype)  # variances stay variances
