"""What a handed-in notebook claims: numbers that its saved outputs show, for a human to compare with what is measured.

Anybody can write anything into a notebook, so nothing that is read here is ever scored. The file is parsed as JSON and its
types are looked at one by one; nbformat is left out, since it mends and converts before it validates, and what it raises on
the way depends on what is broken. No code is run, and the effort is bounded: so many bytes, parts, characters and lines.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.errors import IntakeError, RubricError
from grading.intake import limits
from grading.intake.texts import as_utf8
from grading.intake.wording import amount, shown

PARTS = 3_000_000  # brackets, braces and commas in the file: what it takes in memory once it is parsed
TOKENS = 8_000_000  # strings and brackets that are told apart, where outputs are passed over
TOKEN = re.compile(rb'(?P<outputs>"outputs"\s*+:\s*+\[)|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
CELL = 128 * 1024  # characters of one cell's text that are looked at, from its end
TEXT = 8 * CELL  # characters of the whole notebook's
LONGEST = 1_000  # characters of one line, from its beginning
RUNS = 20  # claims for one pattern
AGAIN = "Save the notebook again and check that it opens."


@dataclass(frozen=True)
class Claim:
    """A number that a notebook shows as printed."""

    name: str  # of the pattern that found it
    value: float | None  # None: not a number, or not a finite one
    step: int | None  # the epoch that was printed with it
    cell: int  # in the notebook, from 1, whatever their kind
    line: str  # as printed, shortened


Line = tuple[int, str]  # the number of its cell, and its text


def claims(path: Path, patterns: Mapping[str, str]) -> tuple[Claim, ...]:
    """The last number of each run, for each pattern in turn: in the order of the cells, as they were last run.

    patterns: by name, a regular expression with a group `value`, and a group `step` where the number is printed again and
    again. With steps, a run ends where the step does not grow or another cell begins, and every run has its claim: which
    model it was that a student trained twice, or in between, is a human's to see. Without steps, the last number counts.
    A notebook keeps what a cell printed when it was last run, and nothing of earlier times, so running a cell again adds
    no claim. Where nothing fits a pattern, there is none.

    Raises IntakeError, with a sentence for the student, where the file is no notebook that can be read or has no outputs;
    RubricError where a pattern is no regular expression or lacks its group.
    """
    expressions = {name: compiled(name, pattern) for name, pattern in patterns.items()}
    lines = list(_lines(_cells(path.name, _content(path)), path.name))
    return tuple(claim for name, each in expressions.items() for claim in _runs(_found(name, each, lines)))


def code_cells(path: Path) -> list[str]:
    """The sources of a notebook's cells, empty for those that are not code, however much it shows beside them.

    Raises IntakeError, with a sentence for the student, where the file is no notebook that can be read.
    """
    return code_cells_in(_content(path), path.name)


def code_cells_in(content: bytes, name: str) -> list[str]:
    """The same for what is in the file of that name."""
    return [_code(cell) for cell in _cells(name, _without_outputs(as_utf8(content)))]


def sources(path: Path) -> list[tuple[str, str]]:
    """The kinds of a notebook's cells, "code" or "markdown", and their sources. Raises IntakeError as `code_cells` does."""
    cells = _cells(path.name, _without_outputs(_content(path)))
    known = [cell if isinstance(cell, dict) else {} for cell in cells]
    return [(str(cell.get("cell_type")), _joined(cell.get("source"))) for cell in known]


def _code(cell: object) -> str:
    return _joined(cell.get("source")) if isinstance(cell, dict) and cell.get("cell_type") == "code" else ""


def compiled(name: str, pattern: str) -> re.Pattern[str]:
    """Raises RubricError where a pattern is no regular expression or lacks its group."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise RubricError(f"{name}: {pattern!r} is not a regular expression: {error}") from None
    if "value" not in expression.groupindex:
        raise RubricError(f"{name}: {pattern!r} has no group (?P<value>…)")
    return expression


def _cells(name: str, written: bytes) -> list[object]:
    """The cells of a notebook, whatever they are. Raises IntakeError where there are none to be had."""
    content = _parsed(name, written)
    version = content.get("nbformat") if isinstance(content, dict) else None
    if version in (1, 2, 3):
        raise IntakeError(
            f"{name} is a notebook of format {int(version)}, which is not used any more. "
            "Open it with a current Jupyter, run its cells and save it."
        )
    cells = content.get("cells") if isinstance(content, dict) else None
    if version is None or not isinstance(cells, list):
        raise IntakeError(f"{name} is JSON, but not a notebook. {AGAIN}")
    return cells


def _content(path: Path) -> bytes:
    """What is in a file that is not too large."""
    most = limits.LARGEST["notebook"]
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if not content:
        raise IntakeError(f"{path.name} is empty (0 bytes). {AGAIN}")
    if len(content) > most:
        raise _too_large(path.name, content)
    return as_utf8(content)


def _too_large(name: str, content: bytes) -> IntakeError:
    return IntakeError(
        f"{name} is too large to be read ({amount(len(content))}). Clear long outputs and save it again."
    )


def _without_outputs(content: bytes) -> bytes:
    """The same with every list of outputs empty. What is in them is passed over, not parsed: it may be 50 MB.

    Where they are of too many pieces to be told apart in a few seconds, or do not end, they stay.
    """
    pieces, left, depth = [], 0, 0
    for number, token in enumerate(TOKEN.finditer(content)):
        if number > TOKENS:
            return content
        if token.lastgroup == "outputs" and not depth:
            pieces.append(content[left : token.end()])
            depth = 1
        elif depth and content[token.start()] in b"[{":
            depth += 1
        elif depth and content[token.start()] in b"]}":
            depth, left = depth - 1, token.start()
    return content if depth else b"".join([*pieces, content[left:]])


def _parsed(name: str, content: bytes) -> Any:
    """The JSON in a file."""
    if sum(map(content.count, (b"[", b"{", b","))) > PARTS:
        raise _too_large(name, content)
    try:
        return json.loads(content)
    except RecursionError:
        raise IntakeError(f"{name} is not a notebook: its parts are nested too deep. {AGAIN}") from None
    except ValueError as error:
        raise IntakeError(f"{name} is damaged or not a notebook: {shown(str(error))}. {AGAIN}") from None


def _lines(cells: Iterable[object], name: str) -> Iterator[Line]:
    """What the cells show as text, line by line. Raises IntakeError where none has any output."""
    room, any_output = TEXT, False
    for number, cell in enumerate(cells, start=1):
        outputs = _outputs(cell)
        any_output |= bool(outputs)
        text = _text(outputs)[-min(CELL, room) :] if room else ""
        room -= len(text)
        yield from ((number, line[:LONGEST]) for line in re.split(r"[\r\n]", text) if line)
    if not any_output:
        raise IntakeError(f"{name} was handed in without outputs. Run all its cells, save it and hand it in again.")


def _outputs(cell: object) -> list[object]:
    outputs = cell.get("outputs") if isinstance(cell, dict) and cell.get("cell_type") == "code" else None
    return outputs if isinstance(outputs, list) else []


def _text(outputs: Iterable[object]) -> str:
    """Standard error, standard output, results: each in one piece, as a line may have come in several.

    What is too long loses its beginning, so progress bars come first.
    """
    streams: dict[str, list[str]] = {"stderr": [], "stdout": [], "results": []}
    for output in outputs:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        if output.get("output_type") == "stream":
            streams["stderr" if output.get("name") == "stderr" else "stdout"].append(_joined(output.get("text")))
        elif isinstance(data, dict):
            streams["results"].append(_joined(data.get("text/plain")) + "\n")
    return "\n".join("".join(pieces) for pieces in streams.values())


def _joined(text: object) -> str:
    """Text as notebooks keep it, in one string or in a list of them; nothing where it is anything else."""
    if isinstance(text, list):
        return "".join(piece for piece in text if isinstance(piece, str))
    return text if isinstance(text, str) else ""


def _found(name: str, expression: re.Pattern[str], lines: Iterable[Line]) -> Iterator[Claim]:
    """Every number that a pattern finds, one after the other."""
    stepped = "step" in expression.groupindex
    for cell, line in lines:
        for match in expression.finditer(line):
            step = _step(match["step"] or "") if stepped else None
            yield Claim(name, finite(match["value"] or ""), step, cell, shown(" ".join(line.split())))


def _step(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def finite(text: str) -> float | None:
    """A finite number; commas between its thousands, as in 1,271,986, are passed over."""
    try:
        number = float(re.sub(r"(?<=\d),(?=\d{3}\b)", "", text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _runs(found: Iterable[Claim]) -> list[Claim]:
    """The last claim of each run."""
    runs: list[Claim] = []
    for claim in found:
        if runs and _continues(claim, runs[-1]):
            runs[-1] = claim
        elif len(runs) < RUNS:
            runs.append(claim)
        else:
            break
    return runs


def _continues(claim: Claim, before: Claim) -> bool:
    if claim.step is None or before.step is None:
        return claim.step is before.step
    return claim.step > before.step and claim.cell == before.cell
