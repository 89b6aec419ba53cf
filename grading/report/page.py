"""One self-contained HTML page: no scripts, nothing fetched, every picture inside it.

The page is for staff and for whoever they give it to: rows that Gradescope hides are on it, marked so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grading.records import Measurement, Outcome, Report, Status, Verdict
from grading.report import wording
from grading.report.bars import Bar, bar
from grading.report.pictures import Inline, inline
from grading.report.presentable import presentable
from grading.report.tally import Part, Row, parts, tally, with_status


@dataclass(frozen=True)
class Reading:
    """A measurement as it is drawn."""

    measurement: Measurement
    text: str
    bar: Bar | None


@dataclass(frozen=True)
class Card:
    """All that the page tells of one row."""

    row: Row
    wrong: tuple[Verdict, ...]
    right: tuple[Verdict, ...]
    readings: tuple[Reading, ...]
    pictures: tuple[Inline, ...]
    unshown: tuple[str, ...]  # captions of pictures whose bytes are no PNG

    @property
    def tells(self) -> bool:
        """Whether there is more to tell than the overview does."""
        outcome = self.row.outcome
        said = any((verdict.message or verdict.bug) for verdict in outcome.verdicts)
        needed = outcome.status in (Status.FAILED, Status.PARTIAL, Status.UNSCORED)
        shown = self.readings or self.pictures or self.unshown
        return bool(needed or said or shown or outcome.stdout)


@dataclass(frozen=True)
class Section:
    """A part of the assignment as the page shows it."""

    part: Part
    cards: tuple[Card, ...]

    @property
    def assumptions(self) -> dict[str, list[str]]:
        """What is assumed of rows that have no card to say it in: the reason, and the numbers of its rows."""
        found: dict[str, list[str]] = {}
        for card in self.cards:
            if card.row.outcome.assumed and not card.tells:
                found.setdefault(card.row.outcome.assumed, []).append(card.row.number)
        return found


def page(report: Report) -> str:
    """The page. Jinja escapes every text that is put into it."""
    report = presentable(report)
    sections = [Section(part, tuple(map(_card, part.rows))) for part in parts(report)]
    template = _environment().get_template("page.html")
    return template.render(
        report=report,
        sums=tally(report.outcomes),
        sections=sections,
        to_mend=_to_mend([card for section in sections for card in section.cards]),
        counts=_counts(report),
        waiting=len(with_status(report, Status.MANUAL)),
        unjudged=len(with_status(report, Status.UNSCORED)),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(wording=wording, Status=Status)
    environment.filters.update(
        points=wording.points, clip=wording.clip, shorten=wording.shorten, bytes=_bytes, time=_time, share=_share
    )
    return environment


def _card(row: Row) -> Card:
    outcome = row.outcome
    wrong = wording.wrong(outcome)
    measurements, pictures = outcome.evidence.measurements, outcome.evidence.pictures
    return Card(
        row=row,
        wrong=wrong,
        right=tuple(verdict for verdict in outcome.verdicts if verdict.share >= 1 and verdict.message),
        readings=tuple(Reading(m, wording.reading(m), bar(m, measurements)) for m in measurements),
        pictures=tuple(shown for shown in map(inline, pictures) if shown),
        unshown=tuple(picture.caption for picture in pictures if inline(picture) is None),
    )


def _to_mend(cards: list[Card]) -> list[tuple[Card, float]]:
    """Rows that lost points and how many, the dearest first; what was only extra comes last."""
    found = [(card, lost) for card in cards if (lost := _lost(card.row.outcome)) > 0]
    return sorted(found, key=lambda entry: (entry[0].row.outcome.bonus, -entry[1]))


def _lost(outcome: Outcome) -> float:
    return 0.0 if outcome.points is None else outcome.max_points - outcome.points


def _counts(report: Report) -> Iterator[tuple[Status, int]]:
    """How many rows ended how, without the ways in which none did."""
    for status in Status:
        if count := len(with_status(report, status)):
            yield status, count


def _share(part: Part) -> float:
    """How much of a part was earned, in percent."""
    sums = part.tally
    earned, most = (sums.points, sums.max_points) if sums.max_points else (sums.bonus, sums.max_bonus)
    return round(100 * min(max(earned / most, 0.0), 1.0), 2) if most > 0 else 0.0


def _bytes(size: int) -> str:
    """A size for people: 812 bytes, 3.4 kB, 12.0 MB."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def _time(seconds: float) -> str:
    """A time for people: 0.4 s, 3 min 20 s."""
    if not 0 <= seconds < 1e9:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
