"""What the probes of several assignments ask with: stand-ins, and eyes on what code does. Holds no answer.

A probe imports it as `elbograde_inside.asking`, in a box as in the judge's own process.
"""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

Estimate = Callable[[Tensor, Tensor], Tensor]


@contextlib.contextmanager
def replaced(owner: object, **replacements: object) -> Iterator[None]:
    """Attributes of `owner`, replaced for a while."""
    before = {name: getattr(owner, name) for name in replacements}
    try:
        for name, value in replacements.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def watched(function: Callable[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A function of tensors, asked twice: what it answers, what is left of its inputs, and the gradients of the answer's
    sum: None where none arrives; `said` tells why, where that raised something."""
    tensors = {name: value for name, value in inputs.items() if torch.is_tensor(value)}
    given = {name: value.clone() for name, value in tensors.items()}
    answer = function(**{**inputs, **given})
    leaves = {name: value.clone().requires_grad_() for name, value in tensors.items() if value.is_floating_point()}
    gradients, said = dict.fromkeys(leaves), ""
    try:  # times one, as the output of a network comes: unlike a leaf, it may be changed in place
        total = function(**{**inputs, **{name: value * 1 for name, value in leaves.items()}}).sum()
        if total.requires_grad:
            found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
            gradients = dict(zip(leaves, found, strict=True))
    except Exception as error:  # whatever student code raises: the answer itself has been given
        said = f"{type(error).__name__}: {error}"
    return {"answer": answer, "inputs": given, "gradients": gradients, "said": said}


def first_that_works(ways: Iterable[Callable[[], Any]]) -> tuple[int, Any]:
    """The number and the answer of the first way that raises nothing; else raises the error of the first.

    What is still to do (NotImplementedError) is raised at once.
    """
    first: Exception | None = None
    for number, way in enumerate(ways):
        try:
            return number, way()
        except NotImplementedError:
            raise
        except Exception as error:  # whatever student code raises: another way may be the right one
            first = first or error
    raise first or ValueError("there is no way to try")


def arguments_of(cls: type, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The arguments of those calls that fit a class, by the names of its constructor; None is what nobody can tell."""
    signature = inspect.signature(cls)
    for args, kwargs in calls:
        with contextlib.suppress(TypeError):
            bound = signature.bind_partial(*args, **kwargs).arguments
            yield {name: value for name, value in bound.items() if value is not None}


def settled(network: Any, *ways: Callable[[], Any]) -> Any:
    """The network; where it has lazy layers, after a pass in the first of the ways that works: they are empty before."""
    if isinstance(network, nn.Module) and any(
        isinstance(each, UninitializedParameter) for each in network.parameters()
    ):
        modes = [(each, each.training) for each in network.modules()]
        network.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            first_that_works(ways)
        for each, mode in modes:
            each.training = mode
    return network


def several(answer: Any) -> Any:
    """An answer of several things as a list, whether they come as a tuple, a list, a dict in order or a dataclass; any other
    answer as it is."""
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        return [getattr(answer, field.name) for field in dataclasses.fields(answer)]
    if isinstance(answer, Mapping):
        return list(answer.values())
    return list(answer) if isinstance(answer, list | tuple) else answer


def like(answer: Any, values: Sequence[Any]) -> Any:
    """Values in the dress of an answer: a list, a dict or a class of as many things; a tuple where it has none of these."""
    own = several(answer)
    if not isinstance(own, list) or len(own) != len(values):
        return tuple(values)
    if isinstance(answer, Mapping):
        return dict(zip(answer, values, strict=True))
    if dataclasses.is_dataclass(answer) or hasattr(answer, "_fields"):
        return type(answer)(*values)
    return list(values) if isinstance(answer, list) else tuple(values)


class KnownNetwork(nn.Module):
    """A noise estimate that is known, called as network(x, t), with what it was asked and in which mode."""

    def __init__(self, estimate: Estimate = lambda x, t: 0.3 * x + 0.1 * torch.cos(t).view(-1, 1, 1, 1)) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.ones(1))  # for code that looks at a network's parameters
        self.estimate = estimate
        self.asked: list[tuple[Tensor, Tensor, Tensor]] = []
        self.modes: list[bool] = []

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The estimate for x [B, ...] and t [B], or one t for all."""
        x, t = [*args, *kwargs.values()][:2]
        t = torch.as_tensor(t).detach().reshape(-1).expand(len(x))
        output = self.estimate(x, t)
        self.asked.append((x.detach().clone(), t.clone(), output.detach().clone()))
        self.modes.append(self.training)
        return output * self.anchor

    def seen(self) -> dict[str, Any]:
        """What it was asked first, and its answer; None where it never was."""
        x, t, estimate = self.asked[0] if self.asked else (None, None, None)
        return {"asked_x": x, "asked_t": t, "estimate": estimate}


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Normal numbers that code asks torch for are all their mean, as long as it asks by the usual names."""

    def randn(*size: Any, **kwargs: Any) -> Tensor:
        given = kwargs.pop("size", size)
        return torch.zeros(*given, **{name: kwargs[name] for name in ("dtype", "device") if name in kwargs})

    def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, **_: Any) -> Tensor:
        if size is not None:
            return torch.full(size, float(mean))
        return torch.as_tensor(mean) + 0 * torch.as_tensor(std)

    def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, **_: Any) -> Tensor:
        return self.fill_(mean)

    def randn_like(like: Tensor, **_: Any) -> Tensor:
        return torch.zeros_like(like)

    with replaced(torch, randn=randn, randn_like=randn_like, normal=normal), replaced(Tensor, normal_=normal_):
        yield
