"""What a script tells the parsers of its arguments, written down from its text: nothing of it is run."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from grading.intake.staying import CALLED, last_name, plain

PARSES = {"parse_args", "parse_intermixed_args"}
PARSES_KNOWN = {"parse_known_args", "parse_known_intermixed_args"}
GROUPS = {"add_argument_group", "add_mutually_exclusive_group"}
DECLARES = {"add_argument", "set_defaults"}
MOST_ARGUMENTS = 5_000  # of all calls that parse some together
COUNT = {
    "dest",
    "default",
    "action",
    "type",
    "nargs",
    "const",
}  # of what `add_argument` is told; the rest is for people


@dataclass(frozen=True)
class Function:
    """A function of the file."""

    body: list[ast.stmt]
    declares: list[ast.expr]  # what it tells its parser
    parses: bool


@dataclass(frozen=True)
class Known:
    """What is known while one walks through a file, or through a function of it."""

    functions: Mapping[str, Function]
    settings: Mapping[str, bool]  # classes that hold values and nothing else: whether one may tell them others
    parsers: dict[str, list[ast.expr]] = field(default_factory=dict)  # by name: what they, or groups, were told so far
    results: dict[str, ast.expr] = field(default_factory=dict)  # names that stand for arguments, and what gives these
    written: list[int] = field(default_factory=list)  # how many arguments, each time that some were parsed
    inside: bool = False  # a function, in which others are not followed

    def room(self, more: int) -> bool:
        """Whether there is room for so many arguments."""
        self.written.append(more + 1)
        return sum(self.written) <= MOST_ARGUMENTS


def looked_at(function: ast.FunctionDef) -> Function:
    """What counts of a function of the file."""
    declares = [_recorded(call) for call in method_calls(function, DECLARES)]
    return Function(function.body, declares, bool(method_calls(function, PARSES | PARSES_KNOWN)))


def take_down(statement: ast.stmt, known: Known) -> None:
    """What a statement tells parsers, and groups of them."""
    for call in method_calls(statement, DECLARES):
        assert isinstance(call.func, ast.Attribute)
        told_to(call.func.value, known).append(_recorded(call))


def method_calls(part: ast.AST, names: set[str]) -> list[ast.Call]:
    """The calls in it of methods of these names, in the order of the text."""
    calls = [each for each in ast.walk(part) if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    found = [call for call in calls if last_name(call.func) in names]
    return sorted(found, key=lambda call: (call.lineno, call.end_lineno or 0, call.end_col_offset or 0))


def makes_parser(value: ast.expr, known: Known) -> bool:
    """Whether it is a parser, or a group of one: made here, or by a function of the file."""
    if not isinstance(value, ast.Call):
        return False
    function = function_called(value, known)
    if function is not None:
        return bool(function.declares) and not function.parses
    return last_name(value.func).endswith("ArgumentParser") or last_name(value.func) in GROUPS


def function_called(value: ast.expr, known: Known) -> Function | None:
    """The function of the file that an expression calls."""
    called = value.func if isinstance(value, ast.Call) else None
    return known.functions.get(called.id) if isinstance(called, ast.Name) else None


def told_to(parser: ast.expr, known: Known) -> list[ast.expr]:
    """What a parser was told so far: the list that grows where it has a name."""
    match parser:
        case ast.Name(name):
            return known.parsers.setdefault(name, [])
        case ast.Call(ast.Attribute(inner, attribute)) if attribute in GROUPS:
            return told_to(inner, known)
    function = function_called(parser, known)
    return list(function.declares) if function else []


def _recorded(call: ast.Call) -> ast.expr:
    """Flags, and what counts of the rest: (("--epochs",), {"default": lambda: 20, "type": lambda: int})."""
    every = last_name(call.func) == "set_defaults"
    flags: list[ast.expr] = [
        each for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    words = {word.arg: word.value for word in call.keywords if word.arg}
    counting = {name: value for name, value in words.items() if every or (name in COUNT and _fits(name, value))}
    takes = ast.arguments([], [], None, [], [], None, [])
    made: list[ast.expr] = [ast.Lambda(takes, value) for value in counting.values() if plain(value)]
    keys: list[ast.expr | None] = [ast.Constant(name) for name, value in counting.items() if plain(value)]
    return ast.Tuple([ast.Tuple([] if every else flags, ast.Load()), ast.Dict(keys, made)], ast.Load())


def _fits(name: str, value: ast.expr) -> bool:
    """Whether it can be told without running anything of the student's."""
    if name == "type":
        return last_name(value) in CALLED
    return name != "action" or isinstance(value, ast.Constant) or last_name(value) == "BooleanOptionalAction"
