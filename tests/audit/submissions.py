"""References as submissions in memory, and tools to change them alike, whatever the assignment."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.assignments import Assignment
from grading.intake.modules import module_of

Edit = Callable[[str], str]  # of a module's text


@dataclass(frozen=True)
class Handed:
    """What is handed in: every file by its path, and which of them are modules that a student writes."""

    assignment: str
    files: dict[str, bytes]
    modules: tuple[str, ...]

    def text(self, path: str) -> str:
        """The text of a file."""
        return self.files[path].decode()

    def edited(self, edit: Edit) -> "Handed":
        """The same after an edit of every module."""
        return self.encoded(lambda text: edit(text).encode())

    def encoded(self, encode: Callable[[str], bytes]) -> "Handed":
        """The same with every module written down in another way."""
        return self.having({path: encode(self.text(path)) for path in self.modules})

    def having(self, more: dict[str, bytes]) -> "Handed":
        """The same with other or further files."""
        return Handed(self.assignment, {**self.files, **more}, self.modules)

    def renamed(self, name: Callable[[str], str]) -> "Handed":
        """The same with every module under another path."""
        files = {name(path) if path in self.modules else path: content for path, content in self.files.items()}
        return Handed(self.assignment, files, tuple(map(name, self.modules)))

    def written(self, folder: Path) -> Path:
        """Writes the files below a folder."""
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder


def reference_of(assignment: Assignment) -> Handed:
    """What the reference hands in, notebooks as the scripts that they are built from. What students were given stays out."""
    files: dict[str, bytes] = {}
    modules = []
    for row in assignment.rubric.files:
        name = module_of(row.name) if row.kind == "script" else row.name
        path = assignment.reference / name
        if path.exists() and row.kind in ("code", "script", "weights"):
            files[name] = path.read_bytes()
            modules += [name] if row.kind in ("code", "script") else []
    return Handed(assignment.id, files, tuple(modules))


def behind_imports(text: str, lines: str) -> str:
    """The text with lines behind the imports it begins with."""
    body = ast.parse(text).body
    last = 0
    for node in body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, ast.Import | ast.ImportFrom):
            break
        last = node.end_lineno or last
    rows = text.split("\n")
    return "\n".join([*rows[:last], *lines.strip("\n").split("\n"), *rows[last:]])


def before_imports(text: str, lines: str) -> str:
    """The text with lines before its first import, behind the text that it may begin with."""
    first = next(node.lineno for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom))
    rows = text.split("\n")
    return "\n".join([*rows[: first - 1], *lines.strip("\n").split("\n"), *rows[first - 1 :]])


def at_the_end(text: str, lines: str) -> str:
    """The text with lines at its end."""
    return f"{text.rstrip()}\n\n\n{lines.strip()}\n"


def rewritten(text: str, change: ast.NodeTransformer) -> str:
    """The text after a change of its syntax tree; without its comments."""
    return ast.unparse(ast.fix_missing_locations(change.visit(ast.parse(text)))) + "\n"
