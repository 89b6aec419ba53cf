"""A script's loop over epochs, run with nothing in it but what sets one attribute, or one name. Holds no answer."""

import ast
import dis
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from .names import called, read, stored
from .setups import REFUSED, Maker, names_read, rest

WEIGHT = re.compile("kl|lam|beta|anneal|weight|scal", re.IGNORECASE)  # what the weight of a divergence is called
SEEN = "__seen__"  # what is called in the place of the training
NO_WEIGHT = re.compile("loss|step|epoch|iter|count|decay|lr|label|image|class|total|history", re.IGNORECASE)


class _Kept:
    """A loop's body with nothing but what sets an attribute, what that rests on, and where training takes place."""

    def __init__(self, attribute: str, step: str, needed: set[str], setters: set[str]) -> None:
        self._attribute, self._step, self._needed, self._setters = attribute, step, needed, setters

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """What is kept of a block."""
        return [kept for statement in body for kept in self._statement(statement)]

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if self._sets(statement):
            return [statement]
        if isinstance(statement, ast.If):
            body, orelse = self.block(statement.body), self.block(statement.orelse)
            return [ast.If(statement.test, body or [ast.Pass()], orelse)] if body or orelse else []
        if self._step in called(statement):
            return [ast.Expr(ast.Call(ast.Name(SEEN, ast.Load()), [], []))]
        if isinstance(statement, ast.With | ast.For | ast.While | ast.Try):
            return self.block(statement.body)
        return []

    def _sets(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Expr):
            return bool(called(statement) & self._setters)
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
            return False
        targets = [node for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)]
        named = {node.attr for node in targets if isinstance(node, ast.Attribute)} | stored(statement)
        calls = called(statement) - {self._attribute}
        return bool(named & ({self._attribute} | self._needed)) and not calls & (REFUSED | {self._step, "item"})


def within(module: ModuleType) -> Iterator[Any]:
    """What a module holds, and what its dicts, lists and the like hold."""
    for value in list(vars(module).values()):
        yield value
        if isinstance(value, Mapping) and value is not module.__dict__.get("__builtins__"):
            yield from list(value.values())
        elif isinstance(value, list | tuple) and len(value) < 100:
            yield from value


def holders(module: ModuleType, attribute: str) -> list[Any]:
    """The objects of a module that have such an attribute."""
    found = [
        value for value in within(module) if not isinstance(value, type | ModuleType) and hasattr(value, attribute)
    ]
    return list({id(value): value for value in found}.values())


def weights_named(names: Mapping[str, Any]) -> list[str]:
    """The names that stand for a number and are called like the weight of a divergence."""
    numbers = [name for name, value in names.items() if type(value) in (int, float)]
    return [name for name in numbers if WEIGHT.search(name) and not NO_WEIGHT.search(name)]


def weights_read(module: ModuleType, step: Callable[..., Any] | None) -> list[str]:
    """The module's own numbers that a function reads and that are the weight of a divergence, by what they are called."""
    read_there = names_read(module, step) if step else set()
    return sorted(set(weights_named(vars(module))) & read_there)


def weights_of_the_loop(module: ModuleType, step: Callable[..., Any] | None) -> list[str]:
    """The same for names that only the left-out loops give values to."""
    loops = [node for node in rest(module).body if isinstance(node, ast.For)]
    there: set[str] = set().union(*map(stored, loops)) if loops else set()
    wanted = (there & names_read(module, step) if step else set()) - set(vars(module))
    return sorted(weights_named(dict.fromkeys(wanted, 0.0)))


def lists_read(module: ModuleType, step: Callable[..., Any] | None) -> dict[str, list[float]]:
    """The same for lists of numbers, one for each epoch."""
    found = {}
    for name in names_read(module, step) if step else set():
        value: Any = vars(module).get(name)
        if WEIGHT.search(name) and not NO_WEIGHT.search(name):
            values = getattr(value, "tolist", lambda value=value: value)()
            if isinstance(values, list | tuple) and len(values) > 1 and {type(each) for each in values} <= {int, float}:
                found[name] = [float(each) for each in values]
    return found


def handed_on(module: ModuleType, step: str) -> list[str]:
    """The names that the left-out code hands a function beside x and y."""
    calls = [node for node in ast.walk(rest(module)) if isinstance(node, ast.Call)]
    own = [call for call in calls if step in read(call.func)]
    values = [value for call in own for value in (*call.args[2:], *(word.value for word in call.keywords))]
    return [value.id for value in values if isinstance(value, ast.Name)]


def over_epochs(module: ModuleType, attribute: str, step: str, epochs: int) -> tuple[list[float], bool]:
    """What the attribute (`criterion.lambd`) is while each epoch trains, and whether the loop over epochs sets it at all.

    attribute: or a name of the module's own;  step: the function whose call is the training. The loop runs with nothing in
    it but what the attribute rests on.
    """
    loop = _epoch_loop(rest(module), step)
    if loop is None:
        return [], False
    needed = _rests_on(loop, attribute)
    setters = _setters(module, attribute) - {step}
    body = _Kept(attribute, step, needed, setters).block(loop.body)
    sets = any(attribute in _targets(part) or called(part) & setters for part in body)
    reads = set().union(*map(read, body)) if body else set()
    Maker(module).make(reads - {SEEN} | _of_step(module, step))
    return _seen(module, loop, body, attribute, epochs), sets


def _setters(module: ModuleType, attribute: str) -> set[str]:
    """The module's functions that set such an attribute of something."""
    found = set()
    for name, value in vars(module).items():
        code = getattr(value, "__code__", None)
        if code is not None and attribute in code.co_names:
            found |= {
                name for each in dis.get_instructions(code) if each.opname == "STORE_ATTR" and each.argval == attribute
            }
    return found


def _seen(module: ModuleType, loop: ast.For, body: list[ast.stmt], attribute: str, epochs: int) -> list[float]:
    """What the attribute is while each epoch trains; nothing where the loop rests on what training would have told."""
    seen: list[float] = []
    space = module.__dict__

    def note() -> None:
        """What it is now, in whichever object has it."""
        objects = holders(module, attribute)
        found = [space[attribute]] if attribute in space else [getattr(each, attribute) for each in objects]
        seen.extend(float(each) for each in found[:1])

    space[SEEN] = note
    text = compile(ast.fix_missing_locations(ast.Module(body, [])), "<epochs>", "exec")
    first = _first(module, loop)
    for epoch in range(first, first + epochs):
        space.update(dict.fromkeys(stored(loop.target), epoch))
        before = len(seen)
        try:
            exec(text, space)
        except (IndexError, StopIteration):  # a list, or what counts one down, for fewer epochs than these
            break
        except NotImplementedError:
            raise
        except Exception:  # of a loop that is not run as a whole, it may need anything
            return []
        del seen[before + 1 :]
        if len(seen) == before:
            note()
    return seen


def _first(module: ModuleType, loop: ast.For) -> int:
    """Where the loop over epochs begins: 1 in `for epoch in tqdm(range(1, epochs + 1))`; 0 where nobody can tell."""
    ranges = [
        node
        for node in ast.walk(loop.iter)
        if isinstance(node, ast.Call) and "range" in called(node.func) | read(node.func)
    ]
    if not ranges or len(ranges[0].args) < 2:
        return 0
    begins = ranges[0].args[0]
    Maker(module).make(read(begins))
    try:
        return int(eval(compile(ast.Expression(begins), "<first epoch>", "eval"), module.__dict__))
    except Exception:  # of a script that is not run as a whole, it may need anything
        return 0


def epoch_names(module: ModuleType, step: str) -> set[str]:
    """What counts the epochs in the loop that trains."""
    loop = _epoch_loop(rest(module), step)
    return stored(loop.target) if loop is not None else set()


def _targets(part: ast.AST) -> set[str]:
    """The names and attributes that are given a value in it."""
    attributes = (
        node for node in ast.walk(part) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    return {node.attr for node in attributes} | stored(part)


def _of_step(module: ModuleType, step: str) -> set[str]:
    """What the training reads: the object with the attribute is among it."""
    function = module.__dict__.get(step)
    return names_read(module, function) if callable(function) else set()


def _epoch_loop(tree: ast.Module, step: str) -> ast.For | None:
    """The outermost loop with the training in it."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For) and step in called(node)]
    return loops[0] if loops else None


def _rests_on(loop: ast.For, attribute: str) -> set[str]:
    """Names that the loop itself gives values to, and that what is given to the attribute rests on."""
    assigned = [node for node in ast.walk(loop) if isinstance(node, ast.Assign | ast.AugAssign)]
    needed: set[str] = set()
    for _ in range(3):
        for node in assigned:
            if attribute in _targets(node) or stored(node) & needed:
                needed |= read(node.value)
    return needed & set().union(*map(stored, assigned)) if assigned else set()
