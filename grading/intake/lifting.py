"""Definitions out of a notebook, or of a script that trains as soon as it is run: the module that can be made of it.

Student code is parsed here and never run. Imports that are used, functions, classes and plain constants stay, in their
order; magics, shell lines, training loops, plots and downloads go. What stands in `main()` counts as if it stood
outside, and a script that parses arguments gets none. Of what goes, the module tells three things:
`__left_out__`, why a name is missing; `__declared__`, how models, optimisers and loaders are called; `__rest__`, its text,
with `__imports__`, which only it uses.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from grading.intake import limits
from grading.intake.arguments import with_defaults
from grading.intake.cells import NOT_PYTHON, cells_of_script, statements
from grading.intake.declaring import Scope, declarations
from grading.intake.defaults import ARGUMENTS
from grading.intake.importing import LATER, NOTHING, Beside, names_in, needed, unneeded
from grading.intake.leaving import all_kept, resting_on_the_rest, text_left_out
from grading.intake.nesting import unnested
from grading.intake.staying import DEFINED, bound, defined, leaves_out, main
from grading.intake.wording import amount, shown
from grading.intake.writing import MOST_NOTES, written

MOST_CELLS = 2_000
MOST_CODE = limits.MIB // 2  # characters of all cells together
MOST_STATEMENTS = 4_000  # at the top of cells
MOST_RECORDED = 2_000  # calls, and constants for them
FUTURE = "from __future__ import annotations"
BEGINNING = """__left_out__, __declared__, __aside__, __errors__ = {{}}, {{}}, {{}}, {{}}
__rest__ = {rest!r}
__imports__ = {imports!r}


def __missed__(error, *names):
    __left_out__.update((name, f"{{error.__class__.__name__}}: {{error}}") for name in names)
    __errors__.update(dict.fromkeys(names, error))


def __declare__(name, /, *args, **kwargs):
    __declared__.setdefault(name, []).append((args, kwargs))


def __getattr__(name):
    why = __left_out__.get(name, {missing!r})
    why = f"{{name}} could not be taken out of " + {file!r} + f": {{why}}"
    raise AttributeError(why, name=name) from __errors__.get(name)"""


@dataclass(frozen=True)
class Lifted:
    """A module, and what people should know of how it was made."""

    source: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Parsed:
    """What a file says: its statements, each with the place that people are told."""

    statements: tuple[tuple[str, ast.stmt], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Which part of a file counts that holds the work for several: what that part defines, and what the others do."""

    own: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


WHOLE = Section()


def lifted(cells: Sequence[str], name: str, section: Section = WHOLE, own: Beside = NOTHING) -> Lifted:
    """The module that is in the code cells of a notebook.

    Each statement stands by itself: one that fails, since it needs what was left out or works only elsewhere, leaves its own
    names out, and asking the module for one tells why. Where a function or a class is defined again, the last definition
    counts, and a note says so; but what the part for another file defines anew does not count for this one, since a notebook
    runs from top to bottom. A cell that does not parse is left out, and a note says which and why. own: the student's own
    modules, the imports of which stay
    """
    return _module(_of_section(_parsed_notebook(cells, shown(name)), section), shown(name), own)


def lifted_script(text: str, name: str, section: Section = WHOLE, own: Beside = NOTHING) -> Lifted:
    """The module that is in a script, in the same way; where it was exported from a notebook, cell by cell."""
    return _module(_of_section(_parsed_script(text, shown(name)), section), shown(name), own)


def _of_section(parsed: _Parsed, section: Section) -> _Parsed:
    """The statements without those that define again, behind where the next part begins, what stood there before."""
    defines = [{each.name for each in defined(part) if isinstance(each, DEFINED)} for _, part in parsed.statements]
    last = max((number for number, names in enumerate(defines) if names & section.own), default=len(defines))
    after = (number for number, names in enumerate(defines) if number > last and names & section.others)
    end = next(after, len(defines))
    while 0 < end < len(defines) and parsed.statements[end - 1][0] == parsed.statements[end][0]:
        end -= 1  # the whole cell is the next part's
    before = set().union(*defines[:end])
    rows = enumerate(zip(parsed.statements, defines, strict=True))
    kept_rows = tuple(row for number, (row, names) in rows if number < end or not names & before)
    return _Parsed(kept_rows, parsed.notes)


def readable(text: str) -> bool:
    """Whether a script can be lifted without a mistake in it being passed over: it parses, but for magics, or has cells."""
    if len(text) > MOST_CODE:
        return False
    cells = cells_of_script(text)
    try:
        return len(cells) > 1 or bool(statements(cells[0][1]))
    except NOT_PYTHON:
        return False


def defined_in(cells: Sequence[str] | str) -> frozenset[str]:
    """The functions and classes that the cells of a notebook, or the text of a script, define."""
    parsed = _parsed_script(cells, "") if isinstance(cells, str) else _parsed_notebook(cells, "")
    found = (each for _, statement in parsed.statements for part in all_kept([statement]) for each in defined(part))
    return frozenset(each.name for each in found if isinstance(each, DEFINED))


def _parsed_notebook(cells: Sequence[str], name: str) -> _Parsed:
    return _parsed([(f"cell {number}", 0, cell) for number, cell in enumerate(cells, start=1)], name)


def _parsed_script(text: str, name: str) -> _Parsed:
    cells = cells_of_script(text) if len(text) <= MOST_CODE else [(1, text)]
    return _parsed([(f"the cell in line {first}", first, cell) for first, cell in cells], name)


def _parsed(cells: Sequence[tuple[str, int, str]], name: str) -> _Parsed:
    """The cells, each with what it is called and, in a script, its first line."""
    found: list[tuple[tuple[str, int], ast.stmt]] = []
    notes: list[str] = []
    room = MOST_CODE
    for called, first, cell in cells[:MOST_CELLS]:
        if len(cell) > room or len(found) > MOST_STATEMENTS:
            notes.append(f"{name}: {called} was left out: there is more code than the {amount(MOST_CODE)} accepted.")
            continue
        room -= len(cell)
        try:
            parts = statements(cell)
        except NOT_PYTHON as error:
            notes.append(f"{name}: {called} is not Python and was left out ({_said(error, max(first - 1, 0))}).")
            continue
        found += [((called, first), part) for part in parts]
    if len(found) > MOST_STATEMENTS:
        notes.insert(0, f"{name}: only the first {MOST_STATEMENTS:,} statements were looked at.")
    return _Parsed(tuple(_settled(found[:MOST_STATEMENTS])), tuple(notes[:MOST_NOTES]))


def _settled(found: Sequence[tuple[tuple[str, int], ast.stmt]]) -> Iterator[tuple[str, ast.stmt]]:
    """The statements without functions around them, and as they are where a script gets no arguments."""
    found = unnested(found)[:MOST_STATEMENTS]
    parts = with_defaults([part for _, part in found])
    for ((called, first), before), part in zip(found, parts, strict=True):
        yield f"line {first + before.lineno - 1}" if first else called, part


def _said(error: BaseException, before: int) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line + before}: {getattr(error, 'msg', error)}" if line else type(error).__name__


def _module(parsed: _Parsed, name: str, own: Beside) -> Lifted:
    resting = resting_on_the_rest([statement for _, statement in parsed.statements])

    def kept_of(statement: ast.stmt) -> list[ast.stmt]:
        return [] if statement in resting else all_kept([statement])

    staying = [(place, part) for place, statement in parsed.statements for part in kept_of(statement)]
    taken = {each for _, part in staying for each in bound(part)}
    classes = [each for _, part in staying for each in defined(part) if isinstance(each, ast.ClassDef)]
    scope = Scope(own.classes | {each.name for each in classes})
    lines: list[ast.stmt] = []
    room = len(staying) + MOST_RECORDED
    for _, statement in parsed.statements:
        stays = kept_of(statement)
        lines += stays
        if statement in resting or leaves_out(statement):
            lines += islice(_declared(statement, scope), max(0, room - len(lines)))
            lines += _under_main(statement, taken)
        for part in stays:
            for bound_name in bound(part):
                scope.moved.pop(bound_name, None)
    future = [FUTURE] if any(_future(line) and bound(line) == {"annotations"} for line in lines) else []
    missing = "; ".join(("it is not defined there", *parsed.notes[:1])).rstrip(".")
    beginning = BEGINNING.format(
        rest=text_left_out(parsed.statements, resting), imports=unneeded(lines, own), missing=missing, file=name
    )
    texts, uncompiled = written([line for line in needed(lines, own) if not _future(line)], name)
    source = "\n\n".join([*future, beginning, *_asked_for(texts), *texts])
    return Lifted(f"{source}\n", (*parsed.notes, *uncompiled, *_redefinitions(staying, name)))


def _asked_for(texts: Sequence[str]) -> Iterator[str]:
    """What some of the statements need to stand before them."""
    if any("__Later__(" in text for text in texts):
        yield LATER
    if any(name in text for text in texts for name in ("__arguments__(", "__changed__(", "__made__(")):
        yield ARGUMENTS


def _under_main(statement: ast.stmt, taken: set[str]) -> list[ast.stmt]:
    """What a script defines where it is run by itself, for functions to read; the module's own names keep their values."""
    parts = all_kept(statement.body) if isinstance(statement, ast.If) and main(statement) else []
    again = {each for part in parts for each in bound(part) if each in taken}
    return [part for part in parts if not again & (bound(part) | names_in(part))]


def _declared(statement: ast.stmt, scope: Scope) -> list[ast.stmt]:
    try:
        return list(declarations(statement, scope))
    except RecursionError:
        return []


def _future(statement: ast.stmt) -> bool:
    """Whether it is one of those that must come first; of them only `annotations` has an effect nowadays."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _redefinitions(staying: Iterable[tuple[str, ast.stmt]], name: str) -> Iterator[str]:
    """Notes on functions and classes that are defined more than once."""
    places: dict[str, list[str]] = {}
    for place, statement in staying:
        if isinstance(statement, DEFINED):
            places.setdefault(statement.name, []).append(place)
    for each, where in places.items():
        if len(where) > 1:
            yield f"{name}: {each} is defined {len(where)} times; the last one, in {where[-1]}, counts."
