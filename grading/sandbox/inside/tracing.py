"""What a network does with its input, operation by operation, whether by layers or by functions. Holds no answer.

A probe imports it as `elbograde_inside.tracing`, in a box as in the judge's own process.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

MOST = 2_000  # operations that are taken down
NEW = (
    "_like",
    "new_zeros",
    "new_ones",
    "new_empty",
    "new_full",
    "new_tensor",
)  # of a tensor's shape, not of its numbers


class _Trace(TorchFunctionMode):
    """Takes down every operation on what depends on the input."""

    def __init__(self, x: Tensor, within: Sequence[str]) -> None:
        super().__init__()
        self.operations: list[dict[str, Any]] = []
        self._within, self._count = within, len(x)
        self._alive = [x]  # kept, so that no two tensors share an id
        self._made_by = {id(x): -1}

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = [id(value) for value in _tensors([*args, *kwargs.values()]) if id(value) in self._made_by]
        name = getattr(func, "__name__", "").strip("_")
        given = given[:1] if name.endswith("_as") else given  # view_as takes no more of its second input than the shape
        sources = sorted({self._made_by[each] for each in given})
        answer = func(*args, **kwargs)
        if sources and len(self.operations) < MOST and not name.endswith(NEW):
            self._note(name, sources, [value for value in _tensors([answer]) if value.is_floating_point()])
        return answer

    def _note(self, name: str, sources: list[int], made: list[Tensor]) -> None:
        """Takes down one operation; reading an attribute, such as x.T, is none."""
        if not made:
            return
        self._alive += made
        if name == "get":
            self._made_by |= {id(value): sources[-1] for value in made}
            return
        self._made_by |= {id(value): len(self.operations) for value in made}
        layer, part = self._within[-1], self._within[1] if len(self._within) > 1 else ""
        entry = {"operation": name, "layer": layer, "part": part.split(":")[0].split(".")[0], "from": sources}
        self.operations.append({**entry, "gives": list(made[0].shape), "count": self._count})


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def traced(network: nn.Module, x: Tensor, *until: type[Exception]) -> list[dict[str, Any]]:
    """The operations of network(x) that depend on x, in their order; those before it raises one of `until`.

    Of each: its name, its layer ("encoder.0: Linear"), the part of the network that was called ("encoder"; a layer may be
    shared), which operations its inputs come from (-1: x itself), the shape of what it gives, and the number of images.
    """
    names = {id(module): f"{name}: {type(module).__name__}" for name, module in network.named_modules() if name}
    with _layers(names) as within, torch.no_grad():
        trace = _Trace(x, within)
        with suppress(*until), trace:
            network(x)
    return trace.operations


@contextmanager
def _layers(names: Mapping[int, str]) -> Iterator[Sequence[str]]:
    """The names of the layers that are at work, the innermost last."""
    within: list[str] = []

    def enter(module: nn.Module, inputs: object) -> None:
        """Before a layer works."""
        within.append(names.get(id(module), type(module).__name__))

    def leave(module: nn.Module, inputs: object, output: object) -> None:
        """After it has."""
        within.pop()

    hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield within
    finally:
        for hook in hooks:
            hook.remove()
