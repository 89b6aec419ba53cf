"""The tensors of a model that was pickled whole, taken out of it without running anything of it; lies beside worker.py.

Whatever class or function the pickle names becomes an inert holder of its attributes; only tensors and plain containers
are made. Then the holders are walked through as nn.Module.state_dict would, as many and as deep as are accepted.
"""

import collections
import pickle
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

MODULES = 20_000  # that are walked through, each as often as it is a part of another
DEEPEST = 60  # modules within modules
NUMBERS = 200_000_000  # in all tensors together
SMALL = 1_000_000  # numbers that a tensor may have without holding them all


class NotTakenApart(Exception):
    """There is no model in there whose tensors can be told."""


class Holder:
    """Stands for an object of any class, and for the result of any function: it keeps what it is told, and does nothing."""

    dump_patches = False  # old files hold the text of their classes; it is not compared with any

    def __new__(cls, *args: Any, **kwargs: Any) -> "Holder":
        """An empty one, whatever it is made with."""
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    def __setstate__(self, state: Any) -> None:
        """Keeps the attributes, under their names and nowhere else."""
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            if type(part) in (dict, collections.OrderedDict):
                self.__dict__.update((name, value) for name, value in part.items() if type(name) is str)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Nothing."""

    def append(self, item: Any) -> None:
        """Nothing."""

    def extend(self, items: Any) -> None:
        """Nothing."""

    def add(self, item: Any) -> None:
        """Nothing."""

    def __hash__(self) -> int:
        """So that it may lie in a set."""
        return id(self)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """A view of stored numbers. Raises NotTakenApart where it claims many more than are stored."""
    count = 1
    for length in size:
        count *= length
    if not isinstance(storage, torch.storage.TypedStorage) or count > max(SMALL, storage._size()):
        raise NotTakenApart("a tensor claims more numbers than are stored")
    made: Tensor = torch._utils._rebuild_tensor(storage, offset, size, stride)
    return made


def _parameter(data: Any, *_: Any) -> Any:
    return data


MADE: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("torch", "Size"): torch.Size,
}


class Unpickler(pickle.Unpickler):
    """Makes tensors and plain containers, and holders of everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """What is made for a name; nothing is imported."""
        return MADE.get((module, name), Holder)


def _load(file: Any, **kwargs: Any) -> Any:
    return Unpickler(file, **kwargs).load()


PICKLING = types.SimpleNamespace(Unpickler=Unpickler, load=_load, __name__="whole_models")


def tensors_of(path: str) -> dict[str, Any]:
    """The state dict of the model in a file; of several models in a dict, a dict of theirs. Raises NotTakenApart."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files hold the text of their classes, which is not that of a holder
        loaded = torch.load(path, map_location="cpu", pickle_module=PICKLING, weights_only=False)
    found = _of(loaded)
    if not found:
        raise NotTakenApart("no model was found in it")
    total = sum(tensor.numel() for tensor in _leaves(found))
    if total > NUMBERS:
        raise NotTakenApart(f"it holds {total:,} numbers; at most {NUMBERS:,} are accepted")
    return found


def _of(loaded: Any) -> dict[str, Any]:
    """The tensors of a model, or of each of those in a dict."""
    if isinstance(loaded, Holder):
        return dict(_walked(loaded))
    found: dict[str, Any] = {}
    for name, value in loaded.items() if isinstance(loaded, dict) else ():
        if isinstance(value, Tensor):
            found[str(name)] = value
        elif inside := _of(value) if isinstance(value, Holder) else _plain(value):
            found[str(name)] = inside
    return found


def _plain(value: Any) -> dict[str, Any]:
    """The tensors of a state dict beside a model."""
    if not isinstance(value, dict):
        return {}
    return {str(name): tensor for name, tensor in value.items() if isinstance(tensor, Tensor)}


def _walked(model: Holder) -> Iterator[tuple[str, Tensor]]:
    waiting, seen = [("", model, 0)], 0
    while waiting:
        prefix, module, depth = waiting.pop()
        seen += 1
        if seen > MODULES or depth > DEEPEST:
            raise NotTakenApart("it has too many modules, or a module is a part of itself")
        held = vars(module)
        passing = held.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            for name, tensor in _named(held.get(kind)):
                kept = kind == "_parameters" or not (isinstance(passing, set) and name in passing)
                if kept and isinstance(tensor, Tensor):
                    yield prefix + name, tensor
        inner = [(f"{prefix}{name}.", part, depth + 1) for name, part in _named(held.get("_modules"))]
        waiting += [each for each in reversed(inner) if isinstance(each[1], Holder)]


def _named(held: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(held, dict):
        yield from ((name, value) for name, value in held.items() if type(name) is str and len(name) < 500)


def _leaves(found: Mapping[str, Any]) -> Iterator[Tensor]:
    for value in found.values():
        if isinstance(value, Tensor):
            yield value
        else:
            yield from value.values()
