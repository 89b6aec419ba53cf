"""Pieces of a training loop that are never run as a whole: how it adds noise to images, or takes a part of them.

A probe hands in the source that was left out of a module and finds expressions that it can ask about. Holds no answer.
"""

import ast
import builtins
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from .names import called, read, stored

RANDOM = {"randn", "randn_like", "normal", "normal_", "standard_normal", "rand", "rand_like", "uniform", "uniform_"}
HARMLESS = RANDOM | {
    *("clip", "clamp", "clip_", "clamp_", "to", "cuda", "cpu", "float", "double", "minimum", "maximum", "min", "max"),
    *("type", "size", "tensor", "from_numpy", "numpy", "detach", "clone", "add", "mul", "add_", "mul_", "flatten"),
    *("view", "reshape", "unsqueeze", "squeeze", "sqrt", "device", "type_as", "zeros_like", "ones_like", "FloatTensor"),
    *("where", "hardtanh", "hardtanh_", "mean", "std"),
}
MOST, PART = 20, "__part__"  # pieces of one kind; the name of one that has none


def noisy(source: str, names: Mapping[str, Any], images: Tensor) -> list[tuple[str, Tensor]]:
    """What the source makes of images wherever it adds random numbers to something: its text, and the outcome.

    names: what the module defines. The one name that is not among them stands for the images; with two, nobody can tell.
    """
    found = []
    for block in _blocks(source):
        for number, statement in enumerate(block):
            piece = _origin(block, number) + _follow(block[number:]) if _random(statement) else []
            found += _outcome(piece, names, images)
    return found[:MOST]


def parts(source: str, names: Mapping[str, Any], images: Tensor) -> list[tuple[str, Tensor]]:
    """What subscripts in the source, such as x[:, :, 14:, :14], take of images: their text, and the outcome."""
    found = []
    subscripts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Subscript)]
    for node in subscripts:
        if any(isinstance(part, ast.Slice) for part in ast.walk(node.slice)) and not called(node) - HARMLESS:
            piece: list[ast.stmt] = [ast.Assign([ast.Name(PART, ast.Store())], copy.deepcopy(node))]
            found += [*_outcome(piece, names, images), *_outcome(piece, names, images.squeeze(1))]
    return found[:MOST]


def _blocks(source: str) -> Iterator[Sequence[ast.stmt]]:
    """Every list of statements."""
    for node in ast.walk(ast.parse(source)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                yield block


def _random(statement: ast.stmt) -> bool:
    simple = isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr)
    return simple and bool(called(statement) & RANDOM)


def _origin(block: Sequence[ast.stmt], number: int) -> list[ast.stmt]:
    """Where `noisy += …` goes on with what an earlier statement made: that statement."""
    if not isinstance(block[number], ast.AugAssign):
        return []
    target = stored(block[number])
    before = [each for each in block[:number] if stored(each) & target and not called(each) - HARMLESS]
    return before[-1:]


def _follow(block: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The first statement, and those behind it that go on with what it made, as far as they are arithmetic."""
    if called(block[0]) - HARMLESS:
        return _largest(block[0], lambda node: bool(called(node) & RANDOM))
    piece, made = [block[0]], stored(block[0])
    for statement in block[1:]:
        if not read(statement) & made and not isinstance(statement, ast.AugAssign):
            continue
        simple = isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr)
        if not simple or called(statement) - HARMLESS:
            if stored(statement) & made:
                return []  # made anew in a way that is not followed: nobody can tell
            if not isinstance(statement, ast.Assign):
                continue  # a print or a plot
            return piece + _largest(statement, partial(_goes_on, made=frozenset(made)))
        piece.append(statement)
        made |= stored(statement)
    return piece


def _goes_on(node: ast.expr, made: frozenset[str]) -> bool:
    return bool(called(node) and read(node) & made)


def _largest(statement: ast.stmt, wanted: Callable[[ast.expr], bool]) -> list[ast.stmt]:
    """The largest expression in a statement that is wanted and is arithmetic, as a statement of its own."""
    for node in ast.walk(statement):  # the outermost come first
        if isinstance(node, ast.expr) and wanted(node) and not called(node) - HARMLESS:
            return [ast.Assign([ast.Name(PART, ast.Store())], copy.deepcopy(node))]
    return []


def _free(piece: Sequence[ast.stmt]) -> set[str]:
    """The names that a piece reads before it makes them."""
    made, free = set(dir(builtins)), set()
    for statement in piece:
        target = stored(statement)
        free |= (read(statement) | (target if isinstance(statement, ast.AugAssign) else set())) - made
        made |= target
    return free


def _outcome(piece: Sequence[ast.stmt], names: Mapping[str, Any], images: Tensor) -> list[tuple[str, Tensor]]:
    """Runs the piece on images; nothing where it is not clear what they are called there, or where it fails."""
    if not piece:
        return []
    free = _free(piece) - set(names)
    if len(free) > 1:
        return []
    space = {**names, **dict.fromkeys(free, images.clone())}
    module = ast.fix_missing_locations(ast.Module([copy.deepcopy(each) for each in piece], []))
    try:
        exec(compile(module, "<excerpt>", "exec"), space)
    except NotImplementedError:
        raise
    except Exception:  # whatever an excerpt raises: it was taken from its place, so it tells nothing
        return []
    last = next((name for each in reversed(piece) for name in stored(each)), "")
    answer = space.get(last, space.get(next(iter(free), "")))
    text = "; ".join(ast.unparse(each) for each in module.body).replace(f"{PART} = ", "")
    return [(text[:300], answer)] if isinstance(answer, Tensor) else []
