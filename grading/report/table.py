"""A class at a glance: one row for each submission."""

from collections.abc import Sequence

import pandas as pd

from grading.records import Report, Status
from grading.report.presentable import presentable
from grading.report.tally import tally, with_status

# A spreadsheet takes a cell that starts so for a formula; the wide forms count in some languages.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table(reports: Sequence[Report]) -> pd.DataFrame:
    """Totals, how many rows ended how, and the points of each item, empty where it has no score."""
    shown = [presentable(report) for report in reports]
    items = dict.fromkeys(f"item.{outcome.item}" for report in shown for outcome in report.outcomes)
    columns = [*_FIXED, *items]
    return pd.DataFrame([_row(report) for report in shown], columns=columns)


def csv(reports: Sequence[Report]) -> str:
    """The table as CSV that a spreadsheet can open without running anything."""
    frame = table(reports)
    guarded = frame.map(_guarded).rename(columns=_guarded)
    text: str = guarded.to_csv(index=False, lineterminator="\n")
    return text


_FIXED = (
    "submission", "assignment", "started", "seconds", "backend", "confined", "partial_run",
    "points", "max_points", "bonus", "max_bonus", *(f"rows_{status}" for status in Status),
)  # fmt: skip


def _row(report: Report) -> dict[str, object]:
    sums = tally(report.outcomes)
    return {
        **{name: getattr(report, name) for name in _FIXED[:7]},
        **{name: getattr(sums, name) for name in _FIXED[7:11]},
        **{f"rows_{status}": len(with_status(report, status)) for status in Status},
        **{f"item.{outcome.item}": outcome.points for outcome in report.outcomes},
    }


def _guarded(cell: object) -> object:
    """Text that looks like a formula gets an apostrophe in front; numbers are left alone."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
