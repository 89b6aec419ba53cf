"""What the body of a training loop reads, made of the script around it: networks, criteria, constants. Holds no answer."""

import ast
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from torch import nn

from .names import called, read, stored
from .setups import REFUSED, Bar, rest, value_of

NETWORKS = {"model", "net", "network", "ae", "dae", "autoencoder", "denoiser", "vae", "baseline"}


def handed(module: ModuleType, function: ast.FunctionDef | None, loop: ast.For) -> set[str]:
    """What the loader of a loop is called where it is made: an argument, as the left-out code hands it over."""
    names = read(wrapped(loop.iter))
    own = names & {each.arg for each in function.args.args} if function else set()
    if function is None or not own:
        return names
    inside = [read(call[name]) if name in call else {"?"} for call in _calls(module, function) for name in own]
    return set().union(*inside) or {"?"}


def _calls(module: ModuleType, function: ast.FunctionDef) -> list[dict[str, ast.expr]]:
    """What the left-out code hands to a function, call by call, by the names of its arguments."""
    places = [each.arg for each in function.args.args]
    nodes = [node for node in ast.walk(rest(module)) if isinstance(node, ast.Call)]
    made = [node for node in nodes if getattr(node.func, "id", "") == function.name]
    named = [{str(each.arg): each.value for each in node.keywords} for node in made]
    return [dict(zip(places, node.args, strict=False)) | more for node, more in zip(made, named, strict=True)]


def up_to_backward(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body up to the first that learns."""
    last = next(number for number, each in enumerate(body) if "backward" in called(each))
    return list(body[: last + 1])


def provide(
    module: ModuleType,
    space: dict[str, Any],
    function: ast.FunctionDef | None,
    loop: ast.For,
    names: set[str],
    network: nn.Module,
) -> None:
    """Gives the names that a loop's body reads their values: the network, an idle optimiser, what the code sets up."""
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)} if function else set()
    wanted = names | (arguments & NETWORKS)
    reads = _free(loop)
    if function is not None:
        reads |= set().union(*map(read, _before(function, loop)))
        space.update(_arguments(module, function, space))
    for name in sorted(reads):
        if name in wanted:
            space[name] = network
        elif name.lower().startswith("opt") and not isinstance(space.get(name), ModuleType):
            space[name] = Bar()
        elif name in arguments and name not in space and _is_criterion(name):
            space[name] = nn.MSELoss()
        elif name not in space and name not in arguments and (value := value_of(module, name, {})) is not None:
            space[name] = value
        elif name in {"epoch", "total", "running_loss", "total_loss", "train_loss", "epoch_loss"}:
            space.setdefault(name, 0)
    for statement in _before(function, loop) if function is not None else ():
        if not stored(statement) & wanted:
            with contextlib.suppress(Exception):
                exec(compile(ast.fix_missing_locations(ast.Module([statement], [])), "<before a loop>", "exec"), space)


def _free(loop: ast.For) -> set[str]:
    """The names that a body reads up to where it learns, and does not make itself before."""
    made, free = stored(loop.target), set()
    for statement in up_to_backward(loop.body):
        target = stored(statement)
        free |= (read(statement) | (target if isinstance(statement, ast.AugAssign) else set())) - made
        made |= target
    return free


def _is_criterion(name: str) -> bool:
    return "crit" in name.lower() or name.lower().startswith(("loss_f", "lossf"))


def _arguments(module: ModuleType, function: ast.FunctionDef, space: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a function's arguments, as it is called or else as it declares them, where they are plain; one that is
    handed over in several ways has none."""
    args, found = function.args, dict[str, Any]()
    given: list[tuple[ast.arg, ast.expr | None]] = [*zip(args.args[::-1], args.defaults[::-1], strict=False)]
    given += [*zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    ways = {argument.arg: {ast.unparse(value)} for argument, value in given if value is not None}
    calls = _calls(module, function)
    for name in {name for call in calls for name in call}:
        ways[name] = {ast.unparse(call[name]) for call in calls if name in call}
        ways[name] |= {"?" for call in calls if name not in call}
    for name, texts in ways.items():
        if len(texts) == 1:
            with contextlib.suppress(Exception):  # what is not plain has no value here
                found[name] = eval(texts.pop(), dict(space))
    return found


def _before(function: ast.FunctionDef, loop: ast.For) -> Iterator[ast.stmt]:
    """The assignments of a function that come before a loop and are not in another."""
    for statement in function.body:
        if any(node is loop for node in ast.walk(statement)):
            if isinstance(statement, ast.For):
                yield from (
                    each for each in statement.body if isinstance(each, ast.Assign) and not called(each) & REFUSED
                )
            return
        if isinstance(statement, ast.Assign) and not called(statement) & REFUSED:
            yield statement


def wrapped(items: ast.expr) -> ast.expr:
    """The loader within enumerate and bars of progress."""
    while isinstance(items, ast.Call) and items.args:
        items = items.args[0]
    return items
