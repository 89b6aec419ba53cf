"""results.json, as Gradescope reads it.

Only rows with a score carry "score" and "max_score"; the maximum of the whole is set in the assignment on the site.
A bonus row carries its own score and maximum like any other: it then adds to the sum that Gradescope makes, never above
its own maximum, and the assignment's points on the site must not count it.
"""

import json
import math

from markupsafe import Markup

from grading.records import Outcome, Report, Status
from grading.report.feedback import LIMIT, feedback, paragraph
from grading.report.leaderboard import leaderboard
from grading.report.presentable import presentable
from grading.report.tally import Row, parts
from grading.report.wording import UNCONFINED, fingerprint, rows, shorten, still_to_come

_VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
_NO_SCORE = "Nothing has been scored yet. The 0 shown as the total stands in for a mark and is none."
_NOTICES, _LINE = 20, 300
TOTAL = 4_000_000  # bytes of the whole file


def results(report: Report) -> dict[str, object]:
    """The whole of results.json. Where it would be too large each row has less room: its pictures are the first to go."""
    report, limit = presentable(report), LIMIT
    content = _results(report, limit)
    while len(dump(content)) > TOTAL and limit > 1_000:
        limit //= 2
        content = _results(report, limit)
    return content


def _results(report: Report, limit: int) -> dict[str, object]:
    tests = [_test(row, part.title, limit) for part in parts(report) for row in part.rows]
    places = leaderboard(report)
    scored = any("score" in test for test in tests)
    return {
        "output": _opening(report, scored),
        "output_format": "html",
        "test_output_format": "html",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        **({"execution_time": round(report.seconds, 2)} if math.isfinite(report.seconds) else {}),
        **({} if scored else {"score": 0.0}),  # asked for where no test has one
        "tests": tests,
        **({"leaderboard": places} if places else {}),
        "extra_data": _compact(report),
    }


def dump(content: dict[str, object]) -> str:
    """Strict JSON; a number that JSON has no word for is an error here."""
    return json.dumps(content, allow_nan=False, indent=1) + "\n"


def _test(row: Row, part: str, limit: int) -> dict[str, object]:
    outcome = row.outcome
    name = shorten(outcome.title, _LINE)
    return {
        "number": row.number,
        "name": f"Bonus: {name}" if outcome.bonus else name,
        "name_format": "text",
        **_score(outcome),
        "output": feedback(outcome, limit),
        "output_format": "html",
        "tags": _tags(outcome, part),
        "visibility": outcome.visibility if outcome.visibility in _VISIBILITIES else "hidden",
    }


def _score(outcome: Outcome) -> dict[str, object]:
    """No score, no status: a row that nobody judged has neither passed nor failed. Gradescope colours the rest."""
    if outcome.points is None:
        return {}
    score = {"score": round(outcome.points, 4), "max_score": outcome.max_points}
    if outcome.status in (Status.PASSED, Status.FAILED):
        return {**score, "status": outcome.status.value}
    return {**score}


def _tags(outcome: Outcome, part: str) -> list[str]:
    marks = (("bonus", outcome.bonus), ("assumed", bool(outcome.assumed)))
    return [shorten(part, _LINE), outcome.status.value, *(mark for mark, holds in marks if holds)]


def _opening(report: Report, scored: bool) -> str:
    """What every student may read: it counts no rows that are hidden, and tells no totals."""
    seen = [outcome for outcome in report.outcomes if outcome.visibility == "visible"]
    to_come = sum(map(still_to_come, seen))
    waiting = sum(outcome.status is Status.MANUAL for outcome in seen)
    unjudged = sum(outcome.status is Status.UNSCORED for outcome in seen) - to_come
    lines = [
        UNCONFINED if not report.confined else "",
        f"Partial run ({report.partial_run}): the total is not a mark." if report.partial_run else "",
        "" if scored else _NO_SCORE,
        f"Waiting for a human, without a score yet: {rows(waiting)}." if waiting else "",
        f"Not judged, and counted neither for nor against the submission: {rows(unjudged)}." if unjudged else "",
        f"Not graded yet: {rows(to_come)}." if to_come else "",
        *report.notices[:_NOTICES],
    ]
    return str(Markup("\n").join(paragraph(shorten(line, _LINE)) for line in lines if line))


def _compact(report: Report) -> dict[str, object]:
    """What a regrade is compared with."""
    return {
        "assignment": report.assignment,
        "backend": report.backend,
        "confined": report.confined,
        "partial_run": report.partial_run,
        "seed": fingerprint(report.seed),
        "versions": dict(report.versions),
        "items": {outcome.item: _remembered(outcome) for outcome in report.outcomes},
    }


def _remembered(outcome: Outcome) -> dict[str, object]:
    measured = {m.name: m.value if math.isfinite(m.value) else str(m.value) for m in outcome.evidence.measurements}
    return {
        "points": outcome.points,
        "status": outcome.status.value,
        "bugs": [verdict.bug for verdict in outcome.verdicts if verdict.bug],
        "measured": measured,
    }
