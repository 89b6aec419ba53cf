"""What is told of one row as plain text, for readers that show no HTML."""

from collections.abc import Iterator

from grading.records import Outcome, Status
from grading.report.wording import cited, clip, reading, sample, shorten, unjudged, wrong

_TEXT, _LINE, _COUNT = 4_000, 300, 20  # characters of a text and of a line; pieces of one kind


def headline(outcome: Outcome) -> str:
    """The one line to read if only one is read; empty where there is nothing to say."""
    if outcome.status is Status.UNSCORED:
        return unjudged(outcome)
    if outcome.status is Status.MANUAL:
        return "A human judges this; it has no score yet."
    verdicts = wrong(outcome) or outcome.verdicts
    return shorten(verdicts[0].message.strip().partition("\n")[0], _LINE) if verdicts else ""


def told(outcome: Outcome, limit: int = 20_000) -> str:
    """All that can be told of a row in so many characters."""
    return clip("\n".join(_lines(outcome)), limit)


def _lines(outcome: Outcome) -> Iterator[str]:
    """In the order of need: what is wrong, what was measured, where it comes from."""
    if outcome.status in (Status.UNSCORED, Status.MANUAL):
        yield headline(outcome)
    if outcome.status is not Status.UNSCORED:
        yield from _findings(outcome)
    for measurement in outcome.evidence.measurements[:_COUNT]:
        words = (f"{measurement.title}: {reading(measurement)}", sample(measurement), measurement.note)
        yield shorten(", ".join(filter(None, words)), _LINE)
    if outcome.cite:
        yield shorten(cited(outcome), _LINE)
    if outcome.assumed:
        yield shorten(f"Assumed: {outcome.assumed}", _LINE)


def _findings(outcome: Outcome) -> Iterator[str]:
    for verdict in wrong(outcome)[:_COUNT]:
        yield clip(verdict.message.strip(), _TEXT)
        if verdict.bug:
            yield shorten(f"Known bug: {verdict.bug}", _LINE)
        for label, text in (
            ("expected", verdict.expected),
            ("your code gave", verdict.actual),
            ("to see it yourself", verdict.reproduce),
        ):
            if text:
                yield f"{label}:\n{clip(text, _TEXT)}"
    yield from (
        shorten(verdict.message, _LINE)
        for verdict in outcome.verdicts[: 2 * _COUNT]
        if verdict.share >= 1 and verdict.message
    )
