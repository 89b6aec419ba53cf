"""The code of a notebook, or of a script that was exported from one, as Python statements. Parsed here and never run."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from grading.intake.newer import parses, rewritten
from grading.intake.texts import read_text

MAGIC = re.compile(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*|\?{1,2}[\w.]+\s*)$")
ASSIGNED = re.compile(r"^(\s*)(\w[\w, ]*)=\s*[%!].*$")  # files = !ls
HARMLESS = ("time", "timeit", "capture")  # cell magics: what follows is Python
HARMLESS_CELLS = tuple(f"%%{magic}" for magic in HARMLESS)
MARKER = re.compile(r"^# ?(?:In ?\[[ \d*]*\]:?|%%.*)\s*$")  # as nbconvert, and as jupytext, Spyder and VS Code write it
EFFORT = 1 << 22  # characters that are parsed again and again, for one magic line after the other
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)


def statements(cell: str) -> list[ast.stmt]:
    """The statements of one cell, without magics and shell lines. Raises one of NOT_PYTHON where it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on escapes in strings and the like, which are the student's
        return list(chain.from_iterable(map(_unwrapped, _body(cell))))


def cells_of_script(text: str) -> list[tuple[int, str]]:
    """The cells of a script, each with the number of its first line.

    A script that parses is one cell, whatever its comments look like. One that does not is cut where a notebook's cells
    began, so that a mistake costs one cell.
    """
    lines = text.split("\n")
    try:
        statements(text)
        starts = [0]
    except NOT_PYTHON:
        starts = sorted({0, *(number for number, line in enumerate(lines) if MARKER.match(line))})
    return [(start + 1, "\n".join(lines[start:end])) for start, end in pairwise([*starts, len(lines)])]


def text_of_script(content: bytes) -> str:
    """A script's text, in whatever encoding; what cannot be decoded costs only its own characters."""
    return read_text(content).text


def python_of(cell: str) -> str:
    """The Python in a cell: lines for IPython or the shell become `pass`, which keeps every other line in its place."""
    lines = _without_cell_magic(cell).split("\n")
    for at in range(len(lines)):
        _silence(lines, at)
    return "\n".join(lines)


def _body(cell: str) -> list[ast.stmt]:
    """A line is taken for a magic only where Python fails at it: it may as well be in a string, or go on with `% 2`."""
    lines = _without_cell_magic(cell).split("\n")
    for _ in range(1 + min(len(lines), EFFORT // (len(cell) + 1))):
        try:
            return ast.parse("\n".join(lines)).body
        except SyntaxError as error:
            if not _silence(lines, (error.lineno or 0) - 1):
                break
    text = python_of(cell)
    return ast.parse(text if parses(text) else rewritten(text) or text).body


def _silence(lines: list[str], at: int) -> bool:
    """Takes a line for IPython or the shell out, with the lines that it goes on in; tells whether it was one."""
    if not 0 <= at < len(lines):
        return False
    before = lines[at]
    lines[at] = ASSIGNED.sub(r"\1\2= get_ipython()", MAGIC.sub(r"\1pass", before))
    if lines[at] == before:
        return False
    while before.rstrip().endswith("\\") and at + 1 < len(lines):
        at, before = at + 1, lines[at + 1]
        lines[at] = ""
    return True


def _without_cell_magic(cell: str) -> str:
    """The same as Python alone: nothing of a cell in another language."""
    first = next((line for line in cell.split("\n") if line.strip()), "")
    if not first.startswith("%%"):
        return cell
    return cell.replace(first, "pass", 1) if first.startswith(HARMLESS_CELLS) else ""


def _unwrapped(statement: ast.stmt) -> Sequence[ast.stmt]:
    """nbconvert writes a cell under %%time as one call with its code in a string: that code."""
    match statement:
        case ast.Expr(
            ast.Call(ast.Attribute(attr="run_cell_magic"), [ast.Constant(magic), _, ast.Constant(str(code))])
        ) if magic in HARMLESS:
            return list(_at(statement, _body(code)))
    return [statement]


def _at(place: ast.stmt, found: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in found:
        yield ast.increment_lineno(statement, place.lineno - statement.lineno)
