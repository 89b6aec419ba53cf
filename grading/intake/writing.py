"""Statements as the text of a module, in which none can spoil the others."""

import ast
import warnings
from collections.abc import Sequence

from grading.intake.cells import NOT_PYTHON
from grading.intake.staying import bound
from grading.intake.wording import listed

MOST_NOTES = 20


def written(lines: Sequence[ast.stmt], name: str) -> tuple[list[str], list[str]]:
    """The statements as texts; with notes, where there are some that cannot be compiled and would spoil the others."""
    try:
        texts = [_guarded(line) for line in lines]
        _compiled("\n\n".join(texts))
    except NOT_PYTHON:
        texts, notes = [], []
        for line in lines:
            text, note = _tried(line, name)
            texts.append(text)
            notes += [note] if note else []
        return texts, notes[:MOST_NOTES]
    return texts, []


def _tried(line: ast.stmt, name: str) -> tuple[str, str]:
    names = sorted(bound(line))
    try:
        text = _guarded(line)
        _compiled(text)
    except NOT_PYTHON as error:
        why = f"{type(error).__name__}: {getattr(error, 'msg', '')}".removesuffix(": ")
        told = "\n".join(f"__left_out__[{each!r}] = {why!r}" for each in names)
        return told or "pass", f"{name}: {listed(names)} cannot be compiled ({why})." if names else ""
    return text, ""


def _compiled(text: str) -> None:
    """Compiles it, and no more. Raises one of NOT_PYTHON where that cannot be done."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, "lifted", "exec", dont_inherit=True)


def _guarded(line: ast.stmt) -> str:
    """A statement as text that takes down what went wrong for its names."""
    names = sorted(bound(line))
    taken_down = ast.Call(_named("__missed__"), [_named("__error__"), *map(ast.Constant, names)], [])
    handler = ast.ExceptHandler(_named("Exception"), "__error__", [ast.Expr(taken_down) if names else ast.Pass()])
    return ast.unparse(ast.fix_missing_locations(ast.Try([line], [handler], [], [])))


def _named(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
