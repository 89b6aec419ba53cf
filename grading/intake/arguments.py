"""What a script's arguments are where nobody gives any: the defaults that its parser declares.

`args = parser.parse_args()` is never run: it would read the judge's own command line, print, and leave. The lifted module
builds a parser of its own from the calls that were written down here, and asks it for what it makes of no arguments.
"""

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

from grading.intake.parsers import (
    PARSES,
    PARSES_KNOWN,
    Function,
    Known,
    function_called,
    looked_at,
    makes_parser,
    take_down,
    told_to,
)
from grading.intake.staying import DEFINED, constant, last_name, plain


def with_defaults(parts: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The same statements, but the arguments that a script parses are those of a call without any.

    `args = parser.parse_args()` becomes a constant, whatever the names are, and so does `args.cuda = …` behind it; of what
    `add_argument` is told, the rules of argparse count, and a value that cannot be told without running more does not.
    """
    classes = [each for each in parts if isinstance(each, ast.ClassDef)]
    settings = {each.name: bool(each.decorator_list) for each in classes if _holds_values(each)}
    known = Known({each.name: looked_at(each) for each in parts if isinstance(each, ast.FunctionDef)}, settings)
    return [_tried(each, known) for each in parts]


def _tried(statement: ast.stmt, known: Known) -> ast.stmt:
    try:
        return _settled(statement, known)
    except RecursionError:  # too deep to be looked at, and so to be kept
        return statement


def _settled(statement: ast.stmt, known: Known) -> ast.stmt:
    if isinstance(statement, DEFINED):
        return statement
    if isinstance(statement, ast.If | ast.With | ast.Try):
        if isinstance(statement, ast.If):
            statement.test = _Settling(known).visit(statement.test)
        for body in _bodies(statement):
            there = replace(known, results=dict(known.results)) if known.inside else known
            body[:] = [_settled(inner, there) for inner in body]
        return statement
    take_down(statement, known)
    return _assigned(statement, known)


def _holds_values(each: ast.ClassDef) -> bool:
    """Whether it is `class Args: epochs = 5`, as it is or as a dataclass."""
    values = [part for part in each.body if not isinstance(part, ast.Pass | ast.Expr)]
    makers = [part.func if isinstance(part, ast.Call) else part for part in each.decorator_list]
    decorated = all(last_name(maker) == "dataclass" for maker in makers)
    plainly = decorated and not each.bases and not each.keywords
    return plainly and bool(values) and all(isinstance(part, ast.Assign | ast.AnnAssign) for part in values)


def _bodies(statement: ast.If | ast.With | ast.Try) -> Iterator[list[ast.stmt]]:
    yield statement.body
    if not isinstance(statement, ast.With):
        yield statement.orelse
    if isinstance(statement, ast.Try):
        yield statement.finalbody
        yield from (handler.body for handler in statement.handlers)


def _assigned(statement: ast.stmt, known: Known) -> ast.stmt:
    match statement:
        case ast.Assign([ast.Attribute(ast.Name(name), attribute)], value) if name in known.results and plain(value):
            known.results[name] = _changed(known.results[name], name, attribute, value)
            again = _changed(ast.Name(name, ast.Load()), name, attribute, value)
            return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], again), statement)
        case ast.Assign([ast.Name(name)], value) if makes_parser(value, known):
            known.parsers[name] = told_to(value, known)
            return statement
        case ast.Assign() | ast.AnnAssign(value=ast.expr()):
            found = _Settling(known).visit(copy.deepcopy(statement)) if _may_settle(statement, known) else statement
            if found is not statement and constant(found):
                _name_result(found, known)
                return ast.copy_location(found, statement)
    return statement


def _name_result(statement: ast.Assign | ast.AnnAssign, known: Known) -> None:
    """The name that from here on stands for arguments."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    value = statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and target.elts:
        target, value = target.elts[0], value.elts[0]
    if isinstance(target, ast.Name) and value is not None:
        known.results[target.id] = value


def _changed(arguments: ast.expr, name: str, attribute: str, value: ast.expr) -> ast.expr:
    takes = ast.arguments([], [ast.arg(name)], None, [], [], None, [])
    return _call("__changed__", [arguments, ast.Constant(attribute), ast.Lambda(takes, value)])


def _call(name: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), arguments, [])


def _may_settle(statement: ast.stmt, known: Known) -> bool:
    names = {last_name(part.func) for part in ast.walk(statement) if isinstance(part, ast.Call)}
    wanted = PARSES | PARSES_KNOWN | known.functions.keys() | known.settings.keys()
    return not names.isdisjoint(wanted) or "argv" in ast.dump(statement)


class _Settling(ast.NodeTransformer):
    """Calls that parse arguments become what they give where there are none; the command line has a name and no more."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """One call."""
        name = last_name(node.func)
        if isinstance(node.func, ast.Attribute) and name in PARSES | PARSES_KNOWN:
            told = told_to(node.func.value, self._known)
            if not self._known.room(len(told)):
                return node
            found = _call("__arguments__", [_given(node), *told])
            return found if name in PARSES else ast.Tuple([found, ast.List([], ast.Load())], ast.Load())
        if isinstance(node.func, ast.Name) and _may_make(node, name, self._known):
            return ast.Call(ast.Name("__made__", ast.Load()), [node.func, *node.args], node.keywords)
        function = function_called(node, self._known)
        return (_returned(function, self._known) if function and not self._known.inside else None) or self._inside(node)

    def _inside(self, node: ast.expr) -> ast.expr:
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`sys.argv`, as it would be without arguments."""
        if node.attr == "argv" and isinstance(node.value, ast.Name):
            return ast.List([ast.Constant("script.py")], ast.Load())
        return self._inside(node)


def _may_make(call: ast.Call, name: str, known: Known) -> bool:
    """Whether it makes nothing but settings."""
    return name in known.settings and (known.settings[name] or not (call.args or call.keywords))


def _given(call: ast.Call) -> ast.expr:
    """The arguments that are written there, as in a notebook: `parse_args(["--epochs", "5"])`."""
    written = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "args")]
    for value in written:
        if isinstance(value, ast.List | ast.Tuple) and all(isinstance(each, ast.Constant) for each in value.elts):
            return ast.List([each for each in value.elts if isinstance(getattr(each, "value", None), str)], ast.Load())
    return ast.List([], ast.Load())


def _returned(function: Function, known: Known) -> ast.expr | None:
    """The arguments that a function of the file parses and returns; None where it does anything else."""
    if not function.parses or not known.room(len(function.body)):
        return None
    parsers = {name: list(told) for name, told in known.parsers.items()}
    inner = Known(known.functions, known.settings, parsers, written=known.written, inside=True)
    for statement in copy.deepcopy(function.body):
        if isinstance(statement, ast.Return) and statement.value is not None:
            if isinstance(statement.value, ast.Name):
                return inner.results.get(statement.value.id)
            found: ast.expr = _Settling(inner).visit(statement.value)
            return found if plain(found) else None
        _settled(statement, inner)
    return None
