"""How code that is not run calls what matters: the arguments of its models, optimisers and loaders, as they are there.

For every such call the lifted module gets a statement that records it, in the place of the statement that was left out.
What cannot be told without running more is recorded as None, so that nothing untrue is: what a loop or a branch gave a
name, what a training returned.
"""

import ast
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, count

from grading.intake.staying import DEFINED, constant, main, plain

RECORDED = {"Adam", "AdamW", "SGD", "RMSprop", "DataLoader"}  # besides the classes that the file defines
CHANGES = {"append", "extend", "insert", "update", "pop", "remove", "clear", "setdefault", "add", "sort", "reverse"}
LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class Scope:
    """What is known while one walks through a file."""

    classes: frozenset[str]  # that the file defines, anywhere
    moved: dict[str, int | None] = field(default_factory=dict)  # names that code not run gave a value: where it is kept
    slots: Iterator[int] = field(default_factory=count)

    def branch(self) -> "Scope":
        """The same, for code that may or may not be reached."""
        return replace(self, moved=dict(self.moved))

    def lose(self, names: Iterable[str]) -> None:
        """From here on nobody knows what they stand for."""
        self.moved.update(dict.fromkeys(names))


def declarations(statement: ast.stmt, scope: Scope) -> Iterator[ast.stmt]:
    """Statements that record the calls in one that was left out, in its order; `scope` then knows what it changed."""
    if isinstance(statement, DEFINED):
        return
    if constant(statement):
        yield from _kept_aside(statement, scope)
        return
    heads = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.expr | ast.withitem)]
    yield from _recorded(heads, scope)
    straight, apart = _bodies(statement)
    scope.lose(_changed([statement] if isinstance(statement, LOOPS) else [*heads, *_bare(statement)]))
    for inner in straight:
        yield from declarations(inner, scope)
    for body in apart:
        beside = scope.branch()
        for inner in body:
            yield from declarations(inner, beside)
    scope.lose(_changed(chain.from_iterable(apart)))


def _bare(statement: ast.stmt) -> list[ast.AST]:
    """A statement without a body changes names by itself."""
    return [] if hasattr(statement, "body") or isinstance(statement, ast.Match) else [statement]


def _bodies(statement: ast.stmt) -> tuple[list[ast.stmt], list[list[ast.stmt]]]:
    """The statements in this one: those that are reached with it, and those that may be."""
    match statement:
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return body, []
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            return [*body, *orelse, *final], [handler.body for handler in handlers]
        case ast.If(body=body, orelse=orelse):
            return (body, [orelse]) if main(statement) else ([], [body, orelse])
        case ast.Match(cases=cases):
            return [], [case.body for case in cases]
        case ast.For() | ast.AsyncFor() | ast.While():
            return [], [statement.body, statement.orelse]
    return [], []


def _kept_aside(statement: ast.stmt, scope: Scope) -> Iterator[ast.stmt]:
    """`latent_dim = 15` where it is not the module's own: the value goes to a place that nothing else can see."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    names = [part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)]
    value = _value(statement.value, scope, set()) if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    scope.lose(names)
    if value is None:
        return
    places = {name: next(scope.slots) for name in names}
    scope.moved.update(places)
    aside = [_Placed(dict(places)).visit(copy.deepcopy(target)) for target in targets if target]
    yield ast.Assign(aside, value)


def _recorded(parts: Iterable[ast.AST], scope: Scope) -> Iterator[ast.stmt]:
    """A statement for each call that matters, the inner ones first."""
    found = [part for each in parts for part in reached(each)]
    hidden = {name for part in found if isinstance(part, ast.comprehension) for name in _stored(part.target)}
    calls = [part for part in found if isinstance(part, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0)):
        name = _name_of(call, scope.classes)
        starred = any(isinstance(arg, ast.Starred) for arg in call.args) or any(not word.arg for word in call.keywords)
        if name and not starred:
            unknown = ast.Constant(None)
            args = [_value(arg, scope, hidden) or unknown for arg in call.args]
            words = [ast.keyword(word.arg, _value(word.value, scope, hidden) or unknown) for word in call.keywords]
            yield ast.Expr(ast.Call(ast.Name("__declare__", ast.Load()), [ast.Constant(name), *args], words))


def _name_of(call: ast.Call, classes: frozenset[str]) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id if call.func.id in classes | RECORDED else ""
    return call.func.attr if isinstance(call.func, ast.Attribute) and call.func.attr in RECORDED else ""


def _value(value: ast.expr | None, scope: Scope, hidden: set[str]) -> ast.expr | None:
    """The expression, with names taken from where their values are kept; None where it cannot be told."""
    if value is None or not plain(value):
        return None
    names = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    names -= {name for part in ast.walk(value) if isinstance(part, ast.comprehension) for name in _stored(part.target)}
    places = {name: scope.moved[name] for name in names if name in scope.moved}
    if names & hidden or None in places.values():
        return None
    moved: ast.expr = _Placed({name: place for name, place in places.items() if place is not None}).visit(
        copy.deepcopy(value)
    )
    return moved


class _Placed(ast.NodeTransformer):
    """Names become the places where their values are kept."""

    def __init__(self, places: dict[str, int]) -> None:
        self._places = places

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """One name."""
        if node.id not in self._places:
            return node
        return ast.Subscript(ast.Name("__aside__", ast.Load()), ast.Constant(self._places[node.id]), node.ctx)


def reached(part: ast.AST) -> Iterator[ast.AST]:
    """What runs where this does: nothing that stands in a function, a class or a lambda."""
    left = [part]
    while left:
        node = left.pop()
        if not isinstance(node, (*DEFINED, ast.Lambda)):
            yield node
            left += ast.iter_child_nodes(node)


def _changed(parts: Iterable[ast.AST]) -> set[str]:
    """The names that may stand for something else afterwards, or for something that was changed in place."""
    found = set()
    for part in chain.from_iterable(map(reached, parts)):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Attribute(value=inner, ctx=ast.Store()) | ast.Subscript(value=inner, ctx=ast.Store()):
                found |= _root(inner)
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in CHANGES:
                found |= _root(inner)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
    return found


def _root(value: ast.expr) -> set[str]:
    while isinstance(value, ast.Attribute | ast.Subscript):
        value = value.value
    return {value.id} if isinstance(value, ast.Name) else set()


def _stored(target: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
