"""One turn of a training loop that is never run as a whole: what it shows a network, and what loss it makes of the answer.

A loop is one over batches that calls `.backward()`. Its body is run on a batch of the probe's, with a network that takes
down what it is shown; at the first `.backward()` it ends. What the body reads besides is made of the notebook as far as it
can be; where that is not enough, the loop tells nothing. Holds no answer.
"""

import ast
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from .asking import replaced
from .names import called
from .setups import BARS
from .sources import plain
from .surroundings import handed, provide, up_to_backward, wrapped

WRAPPED = BARS | {"enumerate"}
Answer = Callable[[Tensor], Tensor]


class Through(Exception):
    """The body has come to where it learns, or has shown the network what it shows it."""


@dataclass
class Turn:
    """What one turn of a loop did: its text, what the network was shown and answered, the loss, whether it drew random
    numbers, and whether the batches are known to come as the data set has them."""

    text: str
    asked: list[Tensor] = field(default_factory=list)
    answered: list[Tensor] = field(default_factory=list)
    loss: Tensor | None = None
    drew: bool = False
    plain: bool = False


class Watched(nn.Module):
    """A network whose answer is known; without one, the turn ends as soon as it is shown something."""

    def __init__(self, turn: Turn, answer: Answer | None) -> None:
        super().__init__()
        self.anchor, self._turn, self._answer = nn.Parameter(torch.ones(1)), turn, answer

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Takes down every tensor that it is shown, and answers the first."""
        shown = [each for each in (*args, *kwargs.values()) if torch.is_tensor(each)]
        self._turn.asked += [each.detach().clone() for each in shown]
        if self._answer is None or not shown:
            raise Through
        answer = self._answer(shown[0])
        self._turn.answered.append(answer.detach().clone())
        return answer * self.anchor


def turns(
    module: ModuleType, source: str, names: set[str], batch: Sequence[Tensor], answer: Answer | None
) -> list[Turn]:
    """One turn of every training loop in a source that can be run, on a batch (x, y).

    names: what the networks are called that are of interest;  answer: what they answer, None where only what they are shown
    counts
    """
    found = []
    for function, loop in _loops(ast.parse(source), None):
        turn = Turn(ast.unparse(ast.Module(up_to_backward(loop.body), [])))
        space = {**vars(module), "__name__": module.__name__}
        before = _states()
        with contextlib.suppress(Exception):  # taken from its place, a loop that fails tells nothing
            provide(module, space, function, loop, names, Watched(turn, answer))
            _run(loop, space, batch, turn)
            turn.drew, turn.plain = before != _states(), plain(module, handed(module, function, loop))
            found.append(turn)
    return found


def _loops(tree: ast.AST, function: ast.FunctionDef | None) -> Iterator[tuple[ast.FunctionDef | None, ast.For]]:
    """Every loop that learns with no other in it that does, and the function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        inner = node if isinstance(node, ast.FunctionDef) else function
        within = list(_loops(node, inner))
        yield from within
        if isinstance(node, ast.For) and not within and "backward" in called(node):
            yield inner, node


def _run(loop: ast.For, space: dict[str, Any], batch: Sequence[Tensor], turn: Turn) -> None:
    """The loop's target is given the batch, and its body run until it learns."""
    items = loop.iter
    counted = "enumerate" in called(items)
    if called(items) - WRAPPED or not isinstance(wrapped(items), ast.Name | ast.Attribute):
        raise ValueError("a loop over something else than batches")
    space["__batch__"] = (0, list(batch)) if counted else list(batch)
    take = ast.Assign([loop.target], ast.Name("__batch__", ast.Load()))
    code = ast.fix_missing_locations(ast.Module([take, *loop.body], []))

    def backward(self: Tensor, *args: Any, **kwargs: Any) -> None:
        turn.loss = self.detach().clone()
        raise Through

    with replaced(Tensor, backward=backward), contextlib.suppress(Through):
        exec(compile(code, "<a turn of a loop>", "exec"), space)
    if not turn.asked:
        raise ValueError("the network was not shown anything")


def _states() -> tuple[Any, ...]:
    """Where the sources of random numbers stand."""
    import random

    import numpy

    return torch.get_rng_state().tolist(), str(numpy.random.get_state()), random.getstate()
