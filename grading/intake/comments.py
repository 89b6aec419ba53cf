"""What a script says of itself in the comments at its top: numbers, for a human to compare with what is measured.

Nothing that is read here is ever scored, no code is run, and the effort is bounded: so many lines of so many characters.
"""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from grading.intake import limits
from grading.intake.cells import NOT_PYTHON, text_of_script
from grading.intake.matching import is_notebook
from grading.intake.notebooks import LONGEST, RUNS, TEXT, Claim, Line, compiled, finite, sources
from grading.intake.wording import shown

MOST_LINES = 60  # of comments: what stands further below is about the code
DECIMAL_COMMA = re.compile(r"(0|\d\d?(?=,\d\d?$)),(\d+)")  # 0,685 and 68,5, but not 1,234


def commented(path: Path, patterns: Mapping[str, str]) -> tuple[Claim, ...]:
    """Each number that a pattern finds in the first comments, or in the docstring, of a script or a notebook.

    patterns: by name, a regular expression with a group `value`. A claim's `cell` is the line of a script, and the number of
    the cell in a notebook, where markdown counts as well.

    Raises IntakeError where a notebook cannot be read; RubricError where a pattern is no regular expression or lacks its
    group.
    """
    expressions = {name: compiled(name, pattern) for name, pattern in patterns.items()}
    every = _of_notebook(path) if is_notebook(path.name) else _of_script(path)
    filled = ((number, text.strip()[:LONGEST]) for number, text in every if text.strip())
    lines = list(islice(filled, MOST_LINES))
    return tuple(claim for name, each in expressions.items() for claim in islice(_found(name, each, lines), RUNS))


def _found(name: str, expression: re.Pattern[str], lines: Iterable[Line]) -> Iterator[Claim]:
    for number, line in lines:
        for match in expression.finditer(line):
            value = (match["value"] or "").strip(" %")
            comma = DECIMAL_COMMA.fullmatch(value)
            said = f"{comma[1]}.{comma[2]}" if comma else value
            yield Claim(name, finite(said), None, number, shown(" ".join(line.split())))


def _of_script(path: Path) -> Iterator[Line]:
    with path.open("rb") as stream:
        content = stream.read(limits.LARGEST["script"])
    return _comments(text_of_script(content)[:TEXT])


def _of_notebook(path: Path) -> Iterator[Line]:
    for number, (kind, source) in enumerate(sources(path), start=1):
        lines = enumerate(source.splitlines()) if kind == "markdown" else _comments(source[:TEXT])
        yield from ((number, text) for _, text in lines)


def _comments(text: str) -> Iterator[Line]:
    """Lines that are comments, and those of strings that stand by themselves, as far as the text can be read as Python."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            own_line = not token.line[: token.start[1]].strip()
            if token.type == tokenize.COMMENT and own_line:
                yield token.start[0], token.string.lstrip("#")
            elif token.type == tokenize.STRING and token.start[1] == 0:
                yield from enumerate(_unquoted(token.string), start=token.start[0])
    except (tokenize.TokenError, *NOT_PYTHON):
        return


def _unquoted(literal: str) -> Iterable[str]:
    return literal.strip("rRuUbBfF").strip("\"'").splitlines()
