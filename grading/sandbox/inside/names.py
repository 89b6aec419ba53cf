"""Names in Python code: what it calls, reads and gives values to. Parsed here and never run. Holds no answer."""

import ast
from functools import lru_cache


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


@lru_cache(maxsize=8)
def bound_in(text: str) -> frozenset[str]:
    """The names that a text gives a meaning to anywhere: by assignments, loops, imports, definitions."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    imports = (alias for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names)
    defined = (node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return frozenset({*stored(tree), *defined, *((each.asname or each.name).split(".")[0] for each in imports)})


def _names(part: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
