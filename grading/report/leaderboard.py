"""Places on Gradescope's leaderboard: one measurement of each row that names one."""

import math
from collections.abc import Iterator

from grading.records import Outcome, Report, Status
from grading.report.wording import in_unit, shorten

_EARNED = (Status.PASSED, Status.PARTIAL, Status.SHOWN)  # images that a gate refused lead no board
_SMALLER_IS_BETTER = ("negative_elbo", "frechet", "kernel_distance", "parameters", "copies", "error", "joint_loss")


def leaderboard(report: Report) -> list[dict[str, object]]:
    """What everybody in the course may see, so nothing of rows that are hidden, and only numbers."""
    return [place for outcome in report.outcomes for place in _places(outcome)]


def _places(outcome: Outcome) -> Iterator[dict[str, object]]:
    if not outcome.leaderboard or outcome.visibility != "visible" or outcome.status not in _EARNED:
        return
    for measurement in outcome.evidence.measurements:
        if measurement.name == outcome.leaderboard and math.isfinite(measurement.value):
            shown = in_unit(measurement)
            unit = f" ({shorten(shown.unit, 20)})" if shown.unit else ""
            order = "asc" if measurement.name.startswith(_SMALLER_IS_BETTER) else "desc"
            name = f"{shorten(outcome.title, 80)}{unit}"
            yield {"name": name, "value": round(shown.value, 4), "order": order}
            return
