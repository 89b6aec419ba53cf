"""Scripts that stand in a function: what `main()` defines, as if it stood at the top of its file."""

import ast
import builtins
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from grading.intake.declaring import reached
from grading.intake.importing import names_in
from grading.intake.staying import DEFINED, IMPORTS, bound, constant, defined, kept

Place = TypeVar("Place")

MAIN = {"main", "train", "run"}  # called so, it is taken for called
DEEPEST = 3  # functions within functions that are taken apart
BUILTINS = frozenset(dir(builtins))  # what a function calls `input` or `sum` is so called in there alone
NOT_RUN = "main"  # stands where the module has a value of its own


@dataclass
class _Names:
    """Of a body that is taken apart: names that mean something else in the module, and that were lost for that."""

    taken: frozenset[str]
    lost: set[str] = field(default_factory=set)


def unnested(found: Sequence[tuple[Place, ast.stmt]]) -> list[tuple[Place, ast.stmt]]:
    """The statements of a file, each with its place; functions that hold a whole script are replaced by what they hold.

    Such a function defines classes, or functions that the file does not define outside; and the file calls it, or it is
    called `main`. Its body comes behind the call. What the file defines outside keeps its meaning.
    """
    statements = list(found)
    try:
        done: set[str] = set()
        for _ in range(DEEPEST):
            scripts = _script_functions([part for _, part in statements], done)
            if not scripts:
                break
            statements = list(_replaced(statements, scripts))
            done |= set(scripts)
    except RecursionError:  # too deep to be looked at, and so to be kept
        return list(found)
    return statements


@dataclass(frozen=True)
class _Script:
    """A function that is taken apart."""

    function: ast.FunctionDef
    call: ast.Call | None
    behind: int  # the number of the statement that calls it
    goes: bool  # nobody else can have a use for it


def _script_functions(parts: Sequence[ast.stmt], done: set[str]) -> dict[str, _Script]:
    functions = {each.name: each for each in parts if isinstance(each, ast.FunctionDef)}
    calls = _calls(parts) if functions else {}
    found = {}
    for name, function in functions.items():
        if name in done:
            continue
        behind, call = calls.get(name, (len(parts) - 1, None))
        if (call or name in MAIN) and _values(function, call) is not None and _holds_script(function, functions):
            goes = any(isinstance(each, ast.ClassDef) for each in _defines(function)) and not _returns(function)
            found[name] = _Script(function, call, behind, goes)
    return found


def _calls(parts: Sequence[ast.stmt]) -> dict[str, tuple[int, ast.Call]]:
    """The first call of each function that is made when the file is run, and the number of its statement."""
    found: dict[str, tuple[int, ast.Call]] = {}
    for number, part in enumerate(parts):
        for node in reached(part):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.setdefault(node.func.id, (number, node))
    return found


def _defines(function: ast.FunctionDef) -> list[ast.stmt]:
    """Functions and classes in its body, not in those in turn."""
    return list(chain.from_iterable(map(defined, chain.from_iterable(map(kept, function.body)))))


def _holds_script(function: ast.FunctionDef, outside: Mapping[str, ast.FunctionDef]) -> bool:
    inside = _defines(function)
    classes = any(isinstance(each, ast.ClassDef) for each in inside)
    functions = {each.name for each in inside if isinstance(each, ast.FunctionDef)} - set(outside)
    shares = function.name == "main" and any(isinstance(part, ast.Global) for part in function.body)
    return classes or bool(functions) or shares


def _returns(function: ast.FunctionDef) -> bool:
    return any(isinstance(part, ast.Return) and part.value is not None for part in function.body)


def _values(function: ast.FunctionDef, call: ast.Call | None) -> dict[str, ast.expr] | None:
    """What its parameters stand for; None where one stands for nothing that can be told."""
    takes = function.args
    names = [each.arg for each in (*takes.posonlyargs, *takes.args)]
    values = dict(zip(reversed(names), reversed(takes.defaults), strict=False))
    values |= {each.arg: value for each, value in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if value}
    if call and not any(isinstance(each, ast.Starred) for each in call.args):
        values |= dict(zip(names, call.args, strict=False))
        values |= {word.arg: word.value for word in call.keywords if word.arg}
    return values if {*names, *(each.arg for each in takes.kwonlyargs)} <= set(values) else None


def _replaced(
    statements: Sequence[tuple[Place, ast.stmt]], scripts: Mapping[str, _Script]
) -> Iterator[tuple[Place, ast.stmt]]:
    outside = [part for _, part in statements if getattr(part, "name", None) not in scripts]
    own = frozenset(chain.from_iterable(bound(part) for each in outside for part in kept(each)))
    places = {part.name: place for place, part in statements if isinstance(part, ast.FunctionDef)}
    for number, (place, part) in enumerate(statements):
        script = scripts.get(part.name) if isinstance(part, ast.FunctionDef) else None
        if script is None or not script.goes:
            yield place, part
        for each in scripts.values():
            if each.behind == number:
                yield from ((places[each.function.name], inner) for inner in _body(each, own))


def _body(script: _Script, own: frozenset[str]) -> Iterator[ast.stmt]:
    """What stands in it, for the top of the file."""
    function = script.function
    shared = {name for part in function.body if isinstance(part, ast.Global) for name in part.names}
    names = _Names((own | BUILTINS) - shared)
    values = _values(function, script.call) or {}
    given: list[ast.stmt] = [
        ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), function)
        for name, value in values.items()
        if not (isinstance(value, ast.Name) and value.id == name)
    ]
    for part in (*given, *function.body):
        yield from _of_the_module(_Shared().visit(copy.deepcopy(part)), names)


def _of_the_module(part: ast.stmt, names: _Names) -> Iterator[ast.stmt]:
    """A statement as it is, where its names are free; else where it counts for the calls that are written down alone."""
    stays = set(chain.from_iterable(map(bound, kept(part))))
    reads = set() if isinstance(part, DEFINED) else names_in(part) & names.lost
    if not stays & names.taken and not reads:
        yield part
    elif constant(part):
        names.lost |= stays
        yield ast.copy_location(ast.With([ast.withitem(ast.Name(NOT_RUN, ast.Load()))], [part]), part)
    elif not isinstance(part, (*DEFINED, *IMPORTS)):
        yield ast.copy_location(ast.While(ast.Name(NOT_RUN, ast.Load()), [part], []), part)
    elif isinstance(part, IMPORTS):
        free = [each for each in part.names if (each.asname or each.name).split(".")[0] not in names.taken]
        if free:
            part.names = free
            yield part


def _stored(parts: Sequence[ast.AST]) -> Iterator[str]:
    """The names that are given a value in there, not in functions in turn."""
    for part in parts:
        if isinstance(part, DEFINED):
            yield part.name
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif not isinstance(part, ast.Lambda):
            yield from _stored(list(ast.iter_child_nodes(part)))


class _Shared(ast.NodeTransformer):
    """What was shared by the functions of a function is shared by those of the module: `nonlocal` becomes `global`."""

    def __init__(self) -> None:
        self._around: list[set[str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """A function, with what it has for itself."""
        takes = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        others = chain.from_iterable(each.names for each in node.body if isinstance(each, ast.Nonlocal | ast.Global))
        self._around.append((takes | set(_stored(node.body))) - set(others))
        self.generic_visit(node)
        self._around.pop()
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt | list[ast.stmt]:
        """Names of functions in between stay what they are."""
        between = set().union(*self._around[:-1])
        kept_names = [name for name in node.names if name in between]
        moved = [name for name in node.names if name not in between]
        found: list[ast.stmt] = [ast.Nonlocal(kept_names)] if kept_names else []
        return [*found, *([ast.Global(moved)] if moved else [])]
