"""Takes down what code computes, so that it can be computed again without the code: a program; lies beside worker.py.

A program is a list of ATen operations (torch.ops.aten) on numbered tensors: the inputs; the weights, by their names, and
constants that came from elsewhere, each where it is first met; and whatever an operation gives. It is a claim of a process
that runs student code. replaying.py computes it again, where no student code is, and only that is believed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from .loading import Code

MOST = 20_000  # operations that are taken down
PLAIN = (int, float, bool, str, type(None))


class Unwritable(Exception):
    """Something was done that a program cannot say."""


class _Recorder(TorchDispatchMode):
    """Takes down every operation, whatever it is called through."""

    def __init__(self, inputs: Sequence[Tensor], weights: Mapping[int, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # ["input" | "weight" | "constant", …], or [operation, arguments, named ones, how many tensors it gives]
        self.steps: list[Any] = []
        self.constants: list[Tensor] = []
        self.why = ""
        self._weights = weights
        self._alive: list[Tensor] = []  # kept, so that no two tensors share an id
        self._numbers: dict[int, int] = {}
        for place, tensor in enumerate(inputs):
            self.steps.append(["input", place])
            self._known(tensor)

    def __torch_dispatch__(
        self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.why:
            return func(*args, **kwargs)
        try:
            said = [str(func), self._said(list(args)), self._said(dict(kwargs))]
        except Unwritable as error:
            self.why = str(error)
            return func(*args, **kwargs)
        answer = func(*args, **kwargs)
        given = list(tensors_in(answer))
        self.steps.append([*said, len(given)])
        if len(self.steps) > MOST:
            self.why = f"more than {MOST:,} operations"
        for tensor in given:
            self._known(tensor)
        return answer

    def number(self, tensor: Tensor) -> int:
        """Of a tensor; one that no operation gave is a weight or a constant."""
        if id(tensor) not in self._numbers:
            if id(tensor) in self._weights:
                self.steps.append(["weight", self._weights[id(tensor)], str(tensor.dtype).removeprefix("torch.")])
            else:
                self.steps.append(["constant", len(self.constants)])
                self.constants.append(tensor.detach().clone())
            self._known(tensor)
        return self._numbers[id(tensor)]

    def _known(self, tensor: Tensor) -> None:
        """The tensor's number; what is given again, in place, keeps its first one as well."""
        self._alive.append(tensor)
        self._numbers[id(tensor)] = len(self._alive) - 1

    def _said(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return {"tensor": self.number(value)}
        if isinstance(value, PLAIN):
            return {"float": repr(value)} if isinstance(value, float) else value
        if isinstance(value, list | tuple):
            return [self._said(each) for each in value]
        if isinstance(value, dict):
            return {"dict": [[key, self._said(each)] for key, each in value.items()]}
        if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
            return {"of torch": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"device": "cpu"}
        raise Unwritable(f"a {type(value).__name__} takes part in it")


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in lists, tuples and dicts, in their order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors_in(each)


def weights_of(networks: Sequence[nn.Module]) -> dict[int, str]:
    """The names of all tensors in the state dicts of these, by their ids."""
    return {id(tensor): name for network in networks for name, tensor in network.state_dict(keep_vars=True).items()}


def recorded_probe(ask: Callable[..., Any], code: Code, args: dict[str, Any]) -> dict[str, Any]:
    """What a probe computes from the tensors among its arguments and the weights of the models that it has made before."""
    networks = [value for value in code.kept.values() if isinstance(value, nn.Module)]
    return recorded(lambda: ask(code, **args), list(tensors_in(args)), networks)


def recorded(run: Callable[[], Any], inputs: Sequence[Tensor], networks: Sequence[nn.Module]) -> dict[str, Any]:
    """What run() computes from the inputs and the networks' weights.

    Returns: "program", JSON {"steps": …, "gives": the numbers of the tensors in what run() returns, in order}; "constants",
    the tensors that are neither; "why", what a program cannot say, where there is such.
    """
    recorder = _Recorder(inputs, weights_of(networks))
    with torch.no_grad(), recorder:
        answer = run()
    gives = [recorder.number(tensor) for tensor in tensors_in(answer)]
    program = json.dumps({"steps": recorder.steps, "gives": gives})
    return {"program": program, "constants": recorder.constants, "why": recorder.why}
