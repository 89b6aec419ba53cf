"""Makes a report fit to be shown: text that cannot steer a terminal or a browser, and marks that are numbers.

Escaping for HTML or for rich is left to each emitter; what no reader should meet anywhere is taken out here.
"""

import math
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

from grading.records import Outcome, Report, Status, Verdict

# CSI, OSC and two-byte escape sequences of ECMA-48, in their 7-bit and 8-bit forms.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# Control characters other than tab and newline, and those that turn the direction of writing.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_HALVES = re.compile(r"[\ud800-\udfff]")  # halves of surrogate pairs cannot be written as UTF-8


def presentable(report: Report) -> Report:
    """The same report with plain text throughout, and with rows whose mark is no number shown as not judged."""
    plain: Report = _plain(report)
    return replace(plain, outcomes=tuple(_settled(outcome) for outcome in plain.outcomes))


def plain_text(text: str) -> str:
    """Without escape sequences and control characters; every line end is a newline."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _HALVES.sub("\ufffd", _CONTROLS.sub("", text))


def steering(text: str) -> str:
    """The characters in a text that would have been taken out, by their numbers; "" where there are none."""
    return " ".join(sorted({f"U+{ord(each):04X}" for each in (*_CONTROLS.findall(text), *_HALVES.findall(text))}))


def _plain(value: Any) -> Any:
    """Walks through dataclasses and tuples and leaves everything but text as it is."""
    if isinstance(value, Status):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, tuple):
        return tuple(_plain(member) for member in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _plain(getattr(value, field.name)) for field in fields(value)})
    return value


def _settled(outcome: Outcome) -> Outcome:
    """A mark that is no number is the grader's fault and becomes no mark."""
    finite_max = outcome.max_points if math.isfinite(outcome.max_points) else 0.0
    if outcome.points is None or (math.isfinite(outcome.points) and finite_max == outcome.max_points):
        return replace(outcome, max_points=finite_max)
    fault = Verdict(share=0.0, message=f"The grader worked out a mark that is no number ({outcome.points}).")
    return replace(
        outcome,
        status=Status.UNSCORED,
        points=None,
        max_points=finite_max,
        verdicts=(fault, *outcome.verdicts),
    )
