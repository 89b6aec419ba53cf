"""What is left out of a script whose definitions are lifted: its text, and the constants that rest on it."""

import ast
from collections.abc import Iterable, Sequence
from itertools import chain

from grading.intake.cells import NOT_PYTHON
from grading.intake.staying import bound, constant, kept, leaves_out
from grading.sandbox.inside.names import read

MOST_REST = 256 * 1024  # characters of `__rest__`


def all_kept(found: Iterable[ast.stmt]) -> list[ast.stmt]:
    """What stays; nothing of statements whose parts are nested too deep to be looked at."""
    try:
        return list(chain.from_iterable(map(kept, found)))
    except RecursionError:
        return []


def resting_on_the_rest(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The constants that rest on what is left out, such as `random_z = noise` behind `noise = torch.randn(20, 128)`."""
    constants = [each for each in statements if constant(each)]
    out = _bound([each for each in statements if leaves_out(each)])
    out -= _bound(chain.from_iterable(all_kept([each]) for each in statements if each not in constants))
    resting: list[ast.stmt] = []
    while True:
        staying = [each for each in constants if each not in resting]
        unknown = out - _bound(staying)
        more = [each for each in staying if read(each) & unknown]
        if not more:
            return resting
        resting += more
        out |= _bound(more)


def _bound(statements: Iterable[ast.stmt]) -> set[str]:
    return set().union(*map(bound, statements))


def text_left_out(found: Iterable[tuple[str, ast.stmt]], resting: Sequence[ast.stmt]) -> str:
    """The text of what is left out, statement by statement, as far as there is room."""
    texts: list[str] = []
    room = MOST_REST
    for _, statement in found:
        if not leaves_out(statement) and statement not in resting:
            continue
        try:
            text = ast.unparse(statement)
        except NOT_PYTHON:
            continue
        if len(text) < room:
            texts.append(text)
            room -= len(text) + 1
    return "\n".join(texts)
