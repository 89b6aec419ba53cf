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


def changed(part: ast.AST) -> set[str]:
    """The names whose values are changed in place in it: `real.fill_(1)`, `real[:5] = 0`, `real.data = …`, `n += 1`."""
    found = set()
    for node in ast.walk(part):
        match node:
            case ast.Call(ast.Attribute(owner, method)) if method.endswith("_") and not method.startswith("_"):
                found.add(_first(owner))
            case ast.Attribute(owner, "data" | "grad", ast.Store()) | ast.Subscript(owner, _, ast.Store()):
                found.add(_first(owner))
            case ast.AugAssign(ast.Name(name)):
                found.add(name)
    return found - {""}


def _first(owner: ast.expr) -> str:
    """The name that a chain of attributes, subscripts and calls begins with: `real` in `real.resize_(n).data`."""
    while not isinstance(owner, ast.Name):
        inner = getattr(owner, "value", getattr(owner, "func", None))
        if not isinstance(inner, ast.expr):
            return ""
        owner = inner
    return owner.id


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
