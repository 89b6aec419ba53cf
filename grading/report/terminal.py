"""What course staff see when a grading ends."""

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from grading.records import Measurement, Outcome, Report, Status
from grading.report.presentable import presentable
from grading.report.tally import Part, parts, tally, with_status
from grading.report.wording import MARKS, UNCONFINED, reading, reason, rows, sample, score, shorten, total
from grading.report.wording import points as points_text

_WIDTH = 100  # beyond this the eye loses the line between a title and its points
_LINE = 200  # characters of a reason
_STYLES = {
    Status.PASSED: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.MANUAL: "blue",
    Status.UNSCORED: "magenta",
    Status.SHOWN: "dim",
}


def summary(report: Report) -> RenderableType:
    """The report as a renderable. Nothing in it is read as markup: all text goes through `rich.text.Text`."""
    report = presentable(report)
    body = [_heading(report), *_banners(report)]
    body += [_table(part) for part in parts(report)]
    body += [Text(""), *_totals(report)]
    return Constrain(Group(*body), _WIDTH)


def _heading(report: Report) -> Text:
    return Text.assemble(
        (shorten(report.title, _LINE), "bold"),
        "  ",
        (shorten(report.submission, _LINE), "cyan"),
        ("" if not report.confined else f"  in the sandbox {shorten(report.backend, _LINE)}", "dim"),
        overflow="fold",
    )


def _banners(report: Report) -> list[RenderableType]:
    """What must be known before any mark is read."""
    banners: list[RenderableType] = []
    if not report.confined:
        banners.append(Panel(Text(UNCONFINED, style="bold"), style="white on red"))
    if report.partial_run:
        text = f"Partial run ({shorten(report.partial_run, _LINE)}): the totals are not a mark."
        banners.append(Text(text, style="bold yellow"))
    banners += [Text(f"• {shorten(notice, _LINE)}", style="dim") for notice in report.notices]
    return banners


def _table(part: Part) -> RenderableType:
    """One part: mark, what was asked and why it fell short, points."""
    table = Table(box=None, show_header=False, expand=True, padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    sum_of_part = total(part.tally) if part.tally.judged else ""
    table.add_row("", Text(shorten(part.title, _LINE), style="bold"), Text(sum_of_part, style="bold"))
    for row in part.rows:
        mark = Text(MARKS[row.outcome.status], style=_STYLES[row.outcome.status])
        table.add_row(mark, _told(row.outcome), Text(score(row.outcome)))
    return Padding(table, (1, 0, 0, 0))


def _told(outcome: Outcome) -> RenderableType:
    """The title; below it the reason and what was measured, where there are any."""
    bonus = " (bonus)" if outcome.bonus else ""
    lines: list[RenderableType] = [Text(shorten(outcome.title, _LINE) + bonus)]
    bugs = "".join(f" [{verdict.bug}]" for verdict in outcome.verdicts if verdict.bug)
    if why := shorten(reason(outcome) + bugs, _LINE):
        lines.append(_below(why, _STYLES[outcome.status]))
    if measured := _measured(outcome):
        lines.append(_below(measured, "dim"))
    return Group(*lines)


def _measured(outcome: Outcome) -> str:
    """The first measurement; the page has the others."""
    measurements = outcome.evidence.measurements
    if not measurements:
        return ""
    first = measurements[0]
    more = f"{len(measurements) - 1} more in the report" if len(measurements) > 1 else ""
    return "; ".join(filter(None, (shorten(f"{first.title}: {_number(first)}", _LINE), more)))


def _number(measurement: Measurement) -> str:
    return ", ".join(filter(None, (reading(measurement), sample(measurement))))


def _below(text: str, style: str) -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 2))


def _totals(report: Report) -> list[RenderableType]:
    """The sum of what was judged, and what is missing from it."""
    sums = tally(report.outcomes)
    line = Text.assemble((total(sums), "bold"), " points of what was judged")
    if sums.max_bonus:
        together = points_text(sums.points + sums.bonus)
        line.append(f", and {points_text(sums.bonus)} / {points_text(sums.max_bonus)} bonus: {together}")
    lines: list[RenderableType] = [line]
    for status, what in (
        (Status.MANUAL, "waiting for a human"),
        (Status.UNSCORED, "not judged, by the grader's fault"),
    ):
        if found := with_status(report, status):
            titles = "; ".join(shorten(outcome.title, 60) for outcome in found)
            lines.append(Text(f"{rows(len(found))} {what}: {titles}", style=_STYLES[status]))
    return lines
