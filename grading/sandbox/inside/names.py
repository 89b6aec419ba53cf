"""Names in Python code: what it calls, reads and gives values to. Parsed here and never run. Holds no answer."""

import ast


def called(part: ast.AST) -> set[str]:
    """The names of the functions and methods that are called in it; "?" for a call of what has no name."""
    calls = [node.func for node in ast.walk(part) if isinstance(node, ast.Call)]
    return {getattr(func, "attr", getattr(func, "id", "?")) for func in calls}


def read(part: ast.AST) -> set[str]:
    """The names that are read in it."""
    return _names(part, ast.Load)


def stored(part: ast.AST) -> set[str]:
    """The names that are given a value in it."""
    return _names(part, ast.Store)


def _names(part: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
