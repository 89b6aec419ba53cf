"""What a file imports, read from its text: parsed here and never run."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grading.intake import limits
from grading.intake.cells import NOT_PYTHON, cells_of_script, statements

RELATIVE = re.compile(r"(?<![\w.])from[ \t]+(\.+)[ \t]*([\w.]*)[ \t]+import\b")
LONGEST = 200  # characters of a module's dotted name
MOST = 500  # imports of one file
MAGIC = re.compile(r"%%(?:writefile|file)[ \t]+(-a[ \t]+|--append[ \t]+)?[\"']?([^\"'\n]+?)[\"']?[ \t]*(?:\n|$)")


@dataclass(frozen=True)
class Import:
    """One import: `from ..a.b import c, d`."""

    level: int  # how many dots it begins with
    module: str  # "a.b"
    names: tuple[str, ...] = ()  # what is taken of it, which may be modules as well

    @property
    def said(self) -> str:
        """The module as people write it."""
        return "." * self.level + self.module


def imports_of(text: str) -> tuple[Import, ...]:
    """Everything that a script imports, anywhere in it. A mistake in one cell of an exported notebook costs that cell."""
    if len(text) > limits.MODULE:
        return ()
    return tuple(dict.fromkeys(each for _, cell in cells_of_script(text) for each in imports_of_cell(cell)))[:MOST]


def imports_of_cell(cell: str) -> Iterator[Import]:
    """Everything that a cell imports; nothing where it is not Python."""
    try:
        parts = statements(cell)
        nodes = [node for part in parts for node in ast.walk(part)]
    except NOT_PYTHON:
        return
    for node in nodes:
        yield from (each for each in _imports(node) if len(each.module) <= LONGEST)


def _imports(node: ast.AST) -> Iterator[Import]:
    match node:
        case ast.Import(names):
            yield from (Import(0, alias.name) for alias in names)
        case ast.ImportFrom(module, names, level):
            yield Import(level, module or "", tuple(alias.name for alias in names))
        case ast.Call(ast.Attribute(attr="import_module") | ast.Name("import_module" | "__import__"), [first, *_]):
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                name = first.value.lstrip(".")
                yield Import(len(first.value) - len(name), name)


def absolute(text: str, package: Callable[[int], str], instead: Mapping[str, str]) -> str:
    """The same text where relative imports name their package, and some modules stand under another name. Lines stay.

    package: the dotted name for a number of dots;  instead: new dotted names by the module's own
    """
    text = RELATIVE.sub(lambda found: _named(found, package), text)
    for name, new in instead.items():
        word = re.escape(name)
        text = re.sub(rf"(?m)(?<![\w.])from([ \t]+){word}(?=[ \t.])", rf"from\g<1>{new}", text)
        text = re.sub(rf"(?m)(?<![\w.])import([ \t]+){word}(?=[ \t]+as\b)", rf"import\g<1>{new}", text)
        text = re.sub(rf"(?m)^([ \t]*)import([ \t]+){word}(?=[ \t]*(?:#|;|$))", rf"\1import\g<2>{new} as {name}", text)
    return text


def _named(found: re.Match[str], package: Callable[[int], str]) -> str:
    return f"from {'.'.join(filter(None, (package(len(found[1])), found[2])))} import"


def written_files(cells: Sequence[str]) -> dict[str, str]:
    """The files that cells of a notebook write with `%%writefile`, by the paths that they give."""
    found: dict[str, str] = {}
    for cell in cells:
        if magic := MAGIC.match(cell.lstrip()):
            path = magic[2].strip().removeprefix("./")
            before = found.get(path, "") if magic[1] else ""
            found[path] = before + cell.lstrip()[magic.end() :]
    return found
