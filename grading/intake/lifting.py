"""Definitions out of a notebook, or of a script that trains as soon as it is run: the module that can be made of it.

Student code is parsed here and never run. Imports, functions, classes and plain constants stay, in their order; magics,
shell lines, training loops, plots and downloads go.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

MAGIC = re.compile(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*|\?{1,2}[\w.]+\s*)$")
ASSIGNED = re.compile(r"^(\s*)(\w[\w, ]*)=\s*[%!].*$")  # files = !ls
HARMLESS_CELLS = ("%%time", "%%timeit", "%%capture")  # what follows is Python
MOST_CELLS, LONGEST = 2_000, 1 << 20  # cells of a notebook; characters of one
# What a constant may call: none of these trains, draws, downloads or plots.
CALLED = {
    *("int", "float", "str", "bool", "len", "tuple", "list", "dict", "set", "frozenset", "range", "min", "max", "sum"),
    *("abs", "round", "sorted", "zip", "pow", "slice", "Path", "device", "is_available", "device_count", "manual_seed"),
    *("tensor", "zeros", "ones", "arange", "linspace", "sqrt", "log", "exp", "prod", "cumprod"),
    *("MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "L1Loss", "NLLLoss", "KLDivLoss", "SmoothL1Loss"),
    *("Compose", "ToTensor", "Normalize", "Lambda", "Resize", "namedtuple", "EasyDict", "edict", "SimpleNamespace"),
}
BEGINNING = """left_out = {}


def __getattr__(name):
    why = left_out.get(name, "it is not defined there")
    raise AttributeError(f"{name} could not be taken out of the notebook: {why}")"""
DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Lifted:
    """A module, and what people should know of how it was made."""

    source: str
    notes: tuple[str, ...]


def lifted(cells: Sequence[str], name: str) -> Lifted:
    """The module that is in the code cells of a notebook, or in a script as one cell.

    Each statement stands by itself: one that fails, since it needs what was left out or works only elsewhere, leaves its own
    names out, and asking the module for one tells why. Where a function or a class is defined again, the last definition
    counts, and a note says so. A cell that does not parse is left out, and a note says which and why.
    """
    notes: list[str] = []
    kept: list[tuple[int, ast.stmt]] = []
    for number, cell in enumerate(cells[:MOST_CELLS], start=1):
        try:
            body = ast.parse(python_of(cell[:LONGEST])).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            notes.append(f"{name}: cell {number} is not Python and was left out ({_said(error)}).")
            continue
        kept += [(number, statement) for statement in chain.from_iterable(map(_kept, body))]
    notes += _redefinitions(kept, name)
    parts = [ast.unparse(ast.fix_missing_locations(_guarded(statement))) for _, statement in kept]
    return Lifted("\n\n".join([BEGINNING, *parts]) + "\n", tuple(notes))


def python_of(cell: str) -> str:
    """The Python in a cell: lines for IPython or the shell become `pass`, which keeps every other line in its place."""
    lines = cell.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        if not first.startswith(HARMLESS_CELLS):
            return ""
        lines = ["pass" if line == first else line for line in lines]
    return "\n".join(ASSIGNED.sub(r"\1\2= None", MAGIC.sub(r"\1pass", line)) for line in lines)


def _said(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}: {getattr(error, 'msg', error)}" if line else type(error).__name__


def _kept(statement: ast.stmt) -> Iterator[ast.stmt]:
    """What stays of one statement at the top of a cell."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from _single_imports(statement)
    elif isinstance(statement, DEFINED) or _constant(statement):
        yield statement
    elif isinstance(statement, ast.If | ast.Try | ast.With) and not _main(statement):
        yield from _within(statement)


def _within(statement: ast.If | ast.Try | ast.With) -> Iterator[ast.stmt]:
    """A branch that holds nothing but what stays, whole; else the definitions and imports in it."""
    inner = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt)]
    if isinstance(statement, ast.If) and _plain(statement.test) and all(map(_constant, inner)):
        yield statement
    else:
        handlers = statement.handlers if isinstance(statement, ast.Try) else []
        bodies = [inner, *(handler.body for handler in handlers)]
        yield from chain.from_iterable(_kept(part) for body in bodies for part in body if not _constant(part))


def _main(statement: ast.stmt) -> bool:
    """Whether this is what a script does when it is run by itself."""
    return isinstance(statement, ast.If) and "__name__" in {
        part.id for part in ast.walk(statement.test) if isinstance(part, ast.Name)
    }


def _single_imports(statement: ast.Import | ast.ImportFrom) -> Iterator[ast.stmt]:
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield ast.Import([alias])
        else:
            yield ast.ImportFrom(statement.module, [alias], statement.level)


def _guarded(statement: ast.stmt) -> ast.stmt:
    """The same, taking down for its names what went wrong."""
    noted = [
        ast.parse(f"left_out[{name!r}] = f'{{type(error).__name__}}: {{error}}'").body[0]
        for name in sorted(_bound(statement))
    ]
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "error", noted or [ast.Pass()])
    return ast.Try([statement], [handler], [], [])


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning to."""
    if isinstance(statement, DEFINED):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    return {part.id for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _constant(statement: ast.stmt) -> bool:
    """Whether this gives names plain values, such as `latent_dim = 15` or `device = torch.device("cpu")`."""
    if isinstance(statement, ast.Assign):
        return all(map(_name, statement.targets)) and _plain(statement.value)
    return isinstance(statement, ast.AnnAssign) and statement.value is not None and _plain(statement.value)


def _name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple | ast.List) and all(map(_name, target.elts)))


def _plain(value: ast.expr) -> bool:
    """Whether an expression calls nothing but what a constant may."""
    calls = [part for part in ast.walk(value) if isinstance(part, ast.Call)]
    refused = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return all(map(_may_call, calls)) and not any(isinstance(part, refused) for part in ast.walk(value))


def _may_call(call: ast.Call) -> bool:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return called in CALLED


def _redefinitions(kept: Iterable[tuple[int, ast.stmt]], name: str) -> Iterator[str]:
    """Notes on functions and classes that are defined in more than one cell."""
    cells: dict[str, list[int]] = {}
    for number, statement in kept:
        if isinstance(statement, DEFINED):
            cells.setdefault(statement.name, []).append(number)
    for defined, numbers in cells.items():
        if len(numbers) > 1:
            yield f"{name}: {defined} is defined {len(numbers)} times; the last one, in cell {numbers[-1]}, counts."
