"""A weights file with other numbers in it, in the form in which it was handed in; lies beside worker.py.

No line of the submission has a part in it: the file is read with torch's restricted unpickler, in a process that has
imported none of its modules.
"""

import io
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import Tensor

NEARLY = 1e-3  # of each number, for weights that are nearly the same


def changed(path: str, how: str, names: Collection[str], anew: Collection[str] = ()) -> dict[str, Any]:
    """The file with other weights: its "size" in bytes, and its "bytes", eight to a number, int64 [ceil(size / 8)].

    how: "anew", every tensor drawn from a normal distribution with its own mean and deviation; "nearly", every number
    moved by about a thousandth of itself;  names: of the model's tensors, which alone are changed: what lies beside
    them stays, so that what is made of it stays too;  anew: those of them that are drawn anew in any case
    """
    found = torch.load(path, map_location="cpu", weights_only=True)
    file = io.BytesIO()
    known = names if set(names) & {_plain(key) for key in _keys(found)} else None  # named otherwise: all are changed
    torch.save(_changed(found, how, known, set(anew)), file)
    size = file.tell()
    content = bytearray(file.getvalue()) + bytes(-size % 8)
    return {"size": size, "bytes": torch.frombuffer(content, dtype=torch.int64)}


def _changed(value: Any, how: str, names: Collection[str] | None, anew: Collection[str]) -> Any:
    if isinstance(value, dict):
        for key, each in value.items():  # in place: a state dict keeps what else it carries
            if not isinstance(each, Tensor):
                value[key] = _changed(each, how, names, anew)
            elif _is_weight(key, each, names):
                value[key] = other(each, "anew" if _plain(key) in anew else how)
        return value
    return type(value)(_changed(each, how, names, anew) for each in value) if type(value) in (list, tuple) else value


def _is_weight(key: object, tensor: Tensor, names: Collection[str] | None) -> bool:
    return (names is None or _plain(key) in names) and tensor.is_floating_point() and bool(tensor.numel())


def _plain(key: object) -> str:
    """The name without what wrappers put before it."""
    return str(key).removeprefix("module.").removeprefix("_orig_mod.")


def _keys(value: Any) -> Iterator[object]:
    """The keys of all tensors in dicts within dicts and lists."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (key,) if isinstance(each, Tensor) else _keys(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _keys(each)


def other(tensor: Tensor, how: str) -> Tensor:
    values = tensor.detach().float()
    if how == "nearly":
        return (values * (1 + NEARLY * torch.randn(values.shape))).to(tensor.dtype)
    spread = values.std() if values.numel() > 1 else values.abs().max()
    drawn = values.mean() + spread * torch.randn(values.shape)
    return (drawn.abs() if bool((values >= 0).all()) else drawn).to(tensor.dtype)  # variances stay variances
