"""junit.xml, for continuous integration: a suite for each part, a case for each row.

It is for staff, as the page is: rows that Gradescope hides are in it, and their property "visibility" says so. A row that is
partly right is a failure; one that waits for a human is skipped; one that the grader could not judge is an error.
"""

import math
import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grading.records import Outcome, Report, Status
from grading.report.plain import headline, told
from grading.report.presentable import presentable
from grading.report.tally import Part, parts
from grading.report.wording import UNCONFINED, clip, last_line, points, shorten

_LINE, _PRINTED = 300, 10_000
_NO_XML = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_KINDS = {
    Status.PARTIAL: "failure",
    Status.FAILED: "failure",
    Status.SKIPPED: "skipped",
    Status.MANUAL: "skipped",
    Status.UNSCORED: "error",
}


def junit(report: Report) -> str:
    """The whole file."""
    report = presentable(report)
    root = Element(
        "testsuites", {"name": _line(report.title), **_counts(report.outcomes), "time": _time(report.seconds)}
    )
    for part in parts(report):
        _suite(root, report, part)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(root: Element, report: Report, part: Part) -> None:
    outcomes = tuple(row.outcome for row in part.rows)
    seconds = sum(outcome.seconds for outcome in outcomes)
    attributes = {
        "name": _line(part.title),
        **_counts(outcomes),
        "time": _time(seconds),
        "timestamp": _line(report.started),
    }
    suite = SubElement(root, "testsuite", attributes)
    _properties(suite, _about(report))
    for outcome in outcomes:
        _case(suite, report.assignment, outcome)


def _case(suite: Element, assignment: str, outcome: Outcome) -> None:
    place = f"{assignment}.{outcome.item}".rpartition(".")[0]
    named = {"name": _line(outcome.title), "classname": _line(place), "time": _time(outcome.seconds)}
    case = SubElement(suite, "testcase", named)
    worth = {"max_points": points(outcome.max_points), "item": outcome.item, "visibility": outcome.visibility}
    earned = {} if outcome.points is None else {"points": points(outcome.points)}
    _properties(case, {**earned, **worth, **({"bonus": "true"} if outcome.bonus else {})})
    if kind := _KINDS.get(outcome.status):
        bugs = " ".join(verdict.bug for verdict in outcome.verdicts if verdict.bug) or outcome.status.value
        said = SubElement(case, kind, {"message": _line(_message(outcome)), "type": _line(bugs)})
        said.text = None if kind == "skipped" else _text(told(outcome))
    if outcome.stdout:
        SubElement(case, "system-out").text = _text(clip(outcome.stdout, _PRINTED))


def _message(outcome: Outcome) -> str:
    """How the grader broke is told here, since staff read it."""
    broke = "\n".join(verdict.message for verdict in outcome.verdicts)
    return last_line(broke) if outcome.status is Status.UNSCORED and broke else headline(outcome)


def _counts(outcomes: tuple[Outcome, ...]) -> dict[str, str]:
    kinds = [_KINDS.get(outcome.status) for outcome in outcomes]
    named = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    return {"tests": str(len(kinds)), **{name: str(kinds.count(kind)) for name, kind in named}}


def _about(report: Report) -> dict[str, str]:
    """What the marks rest on, without the seed: who knows it knows the questions."""
    told = {"submission": report.submission, "sandbox": report.backend, "partial_run": report.partial_run}
    warning = {} if report.confined else {"warning": UNCONFINED}
    return {**{name: value for name, value in told.items() if value}, **warning, **dict(report.versions)}


def _properties(parent: Element, values: dict[str, str]) -> None:
    listed = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(listed, "property", {"name": _line(name), "value": _line(value)})


def _line(text: str) -> str:
    return _text(shorten(text, _LINE))


def _text(text: str) -> str:
    """Without what XML 1.0 has no way to write."""
    return _NO_XML.sub("\ufffd", text)


def _time(seconds: float) -> str:
    return f"{seconds:.3f}" if math.isfinite(seconds) and 0 <= seconds < 1e9 else "0"
