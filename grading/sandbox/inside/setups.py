"""What a script sets up before it trains: models, optimisers, noise to draw with. Made where a function is about to need it.

The module of a script holds its definitions, and in `__rest__` the text of everything else. Of that, a probe has those
assignments made that a function reads. Holds no answer.
"""

import ast
import builtins
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .names import called, changed, read, stored

REFUSED = {  # calls that load, download, wait, draw or print: what uses them is not made
    *(
        "DataLoader",
        "CIFAR10",
        "ImageFolder",
        "load",
        "open",
        "input",
        "parse_args",
        "exit",
        "quit",
        "system",
        "download",
    ),
    *("show", "savefig", "imshow", "makedirs", "mkdir", "backward", "step", "train_step", "test", "summary", "save"),
}
BARS = {"tqdm", "trange", "tqdm_notebook", "track", "progressbar", "Progress"}
MADE = "__set_up__"  # where a module keeps the names that were made for it
Guards = tuple[tuple[ast.expr, bool], ...]  # the conditions that a statement stands under, and how they must turn out


@dataclass(frozen=True)
class _Made:
    """An assignment, and when it counts."""

    statement: ast.stmt
    names: set[str]
    guards: Guards


def rest(module: ModuleType) -> ast.Module:
    """What a script does besides defining things."""
    return _parsed(module.__dict__.get("__rest__", ""))


@lru_cache(maxsize=4)  # it is looked at for every epoch
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def provide(module: ModuleType, function: Callable[..., Any], known: Mapping[str, Any]) -> None:
    """Makes what a function of the module reads and the module leaves out, as far as it can be; `known` names stay.

    A name that cannot be made is left out: code that reads it fails with a NameError that says so.
    """
    for name in module.__dict__.pop(MADE, ()):  # for what was known before
        module.__dict__.pop(name, None)
    module.__dict__.update(known)
    maker = Maker(module, known)
    for _ in range(3):  # what has been made may have methods that read more
        maker.make(names_read(module, function))
    module.__dict__[MADE] = maker.made


def unsettled(module: ModuleType, function: Callable[..., Any]) -> list[str]:
    """The names that a function reads and whose values the left-out loops change in place: what they are is not known."""
    loops = [node for node in rest(module).body if isinstance(node, ast.For | ast.While)]
    touched: set[str] = set().union(*map(changed, loops)) if loops else set()
    assigned: set[str] = set().union(*map(stored, loops)) if loops else set()
    plain = {name for name in touched & assigned if isinstance(module.__dict__.get(name), int | float)}  # counters
    return sorted((touched - plain) & names_read(module, function) & set(module.__dict__))


def names_bound_to(module: ModuleType, classes: set[str]) -> list[str]:
    """The names that the left-out code gives to instances of these classes, whatever is done with them at once."""
    found = []
    for each in _assignments(rest(module).body, ()):
        if called(each.statement) & classes and not called(each.statement) & {"parameters"}:
            found += [name for name in sorted(each.names) if name not in found]
    return found


def names_read(module: ModuleType, function: Callable[..., Any]) -> set[str]:
    """The names that a function reads, and what of its module it calls: functions, decorated ones, objects with methods."""
    found: set[str] = set()
    left, seen = [function], {id(function)}
    while left:
        each = left.pop()
        code = getattr(each, "__code__", None)
        fresh = set(_co_names(code)) - found if code else set()
        found |= fresh
        called_there = [module.__dict__[name] for name in fresh if callable(module.__dict__.get(name))]
        for other in (*called_there, *_behind(each, module)):
            if id(other) not in seen:
                seen.add(id(other))
                left.append(other)
    return found


def _behind(value: Any, module: ModuleType) -> Iterator[Any]:
    """What a decorator has wrapped, and the methods of an object or a class of the module's own."""
    for cell in getattr(value, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # an empty one
            if callable(cell.cell_contents):
                yield cell.cell_contents
    kind = value if isinstance(value, type) else type(value)
    if kind.__module__ == module.__name__:
        yield from (each for each in vars(kind).values() if isinstance(each, FunctionType))


def value_of(module: ModuleType, name: str, known: Mapping[str, Any]) -> Any:
    """What the left-out code gives a name, made in the same way; None where it cannot be."""
    module.__dict__.update(known)
    Maker(module, known).make({name})
    return module.__dict__.get(name)


class Maker:
    """Makes names one after the other, each with what it rests on."""

    def __init__(self, module: ModuleType, done: Iterable[str] = ()) -> None:
        self._space, self._done = module.__dict__, set(done)
        self._made = list(_assignments(rest(module).body, ()))
        self.made: set[str] = set()
        self._imports, self._counters = _imported(module), dict(counters(rest(module)))

    def make(self, names: set[str]) -> None:
        """Each of the names that the module does not have yet."""
        for name in sorted(names):
            if name not in self._done and self._waits(name) and not hasattr(builtins, name):
                self._done.add(name)
                for statement in self._imports.get(name, ()):
                    self._execute(statement)
                for each in self._made:
                    if name in each.names:
                        self._run(each)
                if name not in self._space and name in self._counters:
                    self._space[name] = self._counters[name]
                    self.made.add(name)

    def _waits(self, name: str) -> bool:
        """Whether a name has no value yet, or one that is to be replaced: templates begin with None, or an empty list."""
        value = self._space.get(name)
        return value is None or (type(value) is list and not value)

    def _run(self, each: _Made) -> None:
        if called(each.statement) & REFUSED:
            return
        self.make(read(each.statement) | {name for test, _ in each.guards for name in read(test)})
        if all(self._holds(test) in (wanted, None) for test, wanted in each.guards) and self._execute(each.statement):
            self.made |= each.names

    def _execute(self, statement: ast.stmt) -> bool:
        try:
            exec(compile(ast.fix_missing_locations(ast.Module([statement], [])), "<set up>", "exec"), self._space)
        except NotImplementedError:
            raise
        except Exception:  # whatever it raises, the name is then missing, and the code that reads it says so
            return False
        return True

    def _holds(self, test: ast.expr) -> bool | None:
        """Whether a condition holds; None where nobody can tell."""
        try:
            return bool(eval(compile(ast.Expression(test), "<condition>", "eval"), self._space))
        except Exception:  # of a script that is not run as a whole, it may need anything
            return None


def _assignments(body: Sequence[ast.stmt], guards: Guards) -> Iterator[_Made]:
    """Every assignment outside of loops and functions, with the conditions that it stands under."""
    for statement in body:
        if isinstance(statement, ast.If):
            main = "__name__" in read(statement.test)
            yield from _assignments(statement.body, guards if main else (*guards, (statement.test, True)))
            yield from _assignments(statement.orelse, guards if main else (*guards, (statement.test, False)))
        elif isinstance(statement, ast.With | ast.Try):
            yield from _assignments(statement.body, guards)
        elif isinstance(statement, ast.Assign | ast.AugAssign) or getattr(statement, "value", None) is not None:
            names = stored(statement) | (changed(statement) if isinstance(statement, ast.Expr) else set())
            if names:
                yield _Made(statement, names, guards)


def counters(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """What the names that loops count with are at first: 0 of an epoch or a batch, a silent bar for one of progress."""
    for node in ast.walk(tree):
        match node:
            case ast.For(target, items):
                yield from _counted(target, items)
            case ast.Assign([ast.Name(name)], value) | ast.NamedExpr(ast.Name(name), value) if called(value) & BARS:
                yield name, Bar()
            case ast.withitem(value, ast.Name(name)) if called(value) & BARS:
                yield name, Bar()


def _counted(target: ast.expr, items: ast.expr) -> Iterator[tuple[str, int]]:
    """`for epoch in range(n)`, or a bar around that; `for i, batch in enumerate(loader)`."""
    inside = called(items) | read(items)
    if "enumerate" in inside and isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
        yield target.elts[0].id, 0
    elif inside & {"range", "trange"} and isinstance(target, ast.Name):
        yield target.id, 0


class Bar:
    """Shows no progress, whatever it is told."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


def _imported(module: ModuleType) -> dict[str, list[ast.stmt]]:
    """The imports that only left-out code uses, by the names they give."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in ast.parse(module.__dict__.get("__imports__", "")).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                found.setdefault((alias.asname or alias.name).split(".")[0], []).append(statement)
    return found


def _co_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _co_names(inner)
