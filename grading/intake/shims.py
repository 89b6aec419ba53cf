"""Modules that stand for others: for an expected file under the name that it was handed in by."""

import ast
from collections.abc import Mapping

from grading.intake.cells import NOT_PYTHON
from grading.intake.imports import Import

SHIM = '''"""Stands for {place}, which was handed in under this name."""

import importlib
import sys

sys.modules[__name__] = importlib.import_module({module!r})
'''
LATER = """

def __getattr__(name):
    import importlib

    for module in {modules!r}:
        if not name.startswith("__") and hasattr(importlib.import_module(module), name):
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
"""


def shim(place: str) -> bytes:
    """A module that is the one which lies at that place in the box."""
    return SHIM.format(place=place, module=dotted(place)).encode()


def dotted(place: str) -> str:
    """The name by which a file of the box is imported."""
    return place.removesuffix(".py").replace("/", ".")


def put_off(text: str, late: Mapping[Import, str]) -> str:
    """The text of a package that looks some of its names up when they are asked for, rather than when it is imported.

    late: the imports, and where the files lie in the box that they are of
    """
    try:
        body = ast.parse(text).body if late else []
    except NOT_PYTHON:
        return text
    lines = text.split("\n")
    modules = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            return text
        place = late.get(_imported(node)) if isinstance(node, ast.ImportFrom) else None
        if place is not None:
            modules.append(dotted(place))
            lines[node.lineno - 1 : node.end_lineno] = [
                "pass",
                *[""] * ((node.end_lineno or node.lineno) - node.lineno),
            ]
    return "\n".join(lines) + LATER.format(modules=tuple(dict.fromkeys(modules))) if modules else text


def _imported(node: ast.ImportFrom) -> Import:
    return Import(node.level, node.module or "", tuple(alias.name for alias in node.names))
