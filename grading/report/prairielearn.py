"""results.json, as PrairieLearn's external graders write it to /grade/results/results.json.

PrairieLearn shows every test to the student, so rows that are not visible count in the score and are not among the tests.
Bonus rows add to the score, which ends at 1.
"""

import json

from grading.records import Outcome, Report
from grading.report.pictures import within
from grading.report.plain import headline, told
from grading.report.presentable import presentable
from grading.report.tally import Row, parts, tally
from grading.report.wording import UNCONFINED, shorten

TOTAL = 1_000_000  # bytes; PrairieLearn takes no more
_NOTICES, _LINE, _ROOM, _PICTURES = 20, 300, 100_000, 4


def results(report: Report) -> dict[str, object]:
    """The whole of it. Where it would be too large each row has less room, for its pictures first."""
    report, room = presentable(report), _ROOM
    content = _results(report, room)
    while len(dump(content).encode()) > TOTAL and room > 200:
        room //= 2
        content = _results(report, room)
    return content


def dump(content: dict[str, object]) -> str:
    """Strict JSON."""
    return json.dumps(content, allow_nan=False) + "\n"


def _results(report: Report, room: int) -> dict[str, object]:
    sums = tally(report.outcomes)
    gradable = sums.judged > 0 and sums.max_points > 0
    nothing = [] if gradable else ["Nothing could be graded. This is not counted as an attempt."]
    return {
        "gradable": gradable,
        "score": min(max((sums.points + sums.bonus) / sums.max_points, 0.0), 1.0) if gradable else 0.0,
        "message": "\n".join(_opening(report)),
        "output": "",
        "images": [],
        "tests": [
            _test(row, room) for part in parts(report) for row in part.rows if row.outcome.visibility == "visible"
        ],
        "format_errors": [*nothing, *(_notices(report) if nothing else ())],
    }


def _opening(report: Report) -> list[str]:
    partial = f"Partial run ({report.partial_run}): the score is not a mark." if report.partial_run else ""
    lines = ["" if report.confined else UNCONFINED, partial, *_notices(report)]
    return [shorten(line, _LINE) for line in lines if line]


def _notices(report: Report) -> list[str]:
    return [shorten(notice, _LINE) for notice in report.notices[:_NOTICES]]


def _test(row: Row, room: int) -> dict[str, object]:
    outcome = row.outcome
    bonus = "Bonus: " if outcome.bonus else ""
    return {
        "name": f"{row.number} {bonus}{shorten(outcome.title, _LINE)}",
        "description": shorten(outcome.part, _LINE),
        **_points(outcome),
        "message": headline(outcome),
        "output": told(outcome, min(room, 20_000)),
        "images": _images(outcome, room),
    }


def _points(outcome: Outcome) -> dict[str, object]:
    """A row that nobody judged has no points: it is neither right nor wrong."""
    if outcome.points is None:
        return {}
    return {"points": round(outcome.points, 4), "max_points": 0 if outcome.bonus else outcome.max_points}


def _images(outcome: Outcome, room: int) -> list[dict[str, str]]:
    found = (within(picture, room) for picture in outcome.evidence.pictures[:_PICTURES])
    return [{"label": shorten(each.caption, _LINE), "url": each.address} for each in found if each]
