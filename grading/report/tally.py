"""Sums and groups: which rows were judged, what they add up to, and which part they belong to."""

from dataclasses import dataclass

from grading.records import Outcome, Report, Status


@dataclass(frozen=True)
class Tally:
    """Points of the rows that were judged; what can be earned on top is kept apart."""

    points: float
    max_points: float
    bonus: float
    max_bonus: float
    judged: int  # how many rows have a score


@dataclass(frozen=True)
class Row:
    """An outcome and its place in the report: "1.2" is the second row of the first part."""

    number: str
    outcome: Outcome


@dataclass(frozen=True)
class Part:
    """The rows of one part of the assignment, in their order."""

    title: str
    rows: tuple[Row, ...]
    tally: Tally


def tally(outcomes: tuple[Outcome, ...]) -> Tally:
    """Adds up the rows that have a score."""
    judged = [outcome for outcome in outcomes if outcome.points is not None]
    regular = [outcome for outcome in judged if not outcome.bonus]
    extra = [outcome for outcome in judged if outcome.bonus]
    return Tally(
        points=sum(outcome.points or 0.0 for outcome in regular),
        max_points=sum(outcome.max_points for outcome in regular),
        bonus=sum(outcome.points or 0.0 for outcome in extra),
        max_bonus=sum(outcome.max_points for outcome in extra),
        judged=len(judged),
    )


def parts(report: Report) -> tuple[Part, ...]:
    """The parts in the order in which they first appear; a part's rows need not be neighbours."""
    titles = tuple(dict.fromkeys(outcome.part for outcome in report.outcomes))
    return tuple(_part(report, number, title) for number, title in enumerate(titles, start=1))


def with_status(report: Report, status: Status) -> tuple[Outcome, ...]:
    """The rows that ended so."""
    return tuple(outcome for outcome in report.outcomes if outcome.status is status)


def _part(report: Report, number: int, title: str) -> Part:
    outcomes = tuple(outcome for outcome in report.outcomes if outcome.part == title)
    rows = tuple(Row(f"{number}.{place}", outcome) for place, outcome in enumerate(outcomes, start=1))
    return Part(title, rows, tally(outcomes))
