"""The HTML that Gradescope shows below one test: plain elements without styles, since what it strips is not documented.

What the student's code printed is not shown there: it could read out the questions of hidden rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from grading.records import Measurement, Outcome, Picture, Status, Verdict
from grading.report.pictures import Inline, within
from grading.report.wording import cited, clip, reading, sample, shorten, unjudged, wrong

LIMIT = 190_000  # bytes of HTML for one test; Gradescope is known to take 200 kB
_TEXT, _LINE, _COUNT = 4_000, 300, 20  # characters of a text and of a line; pieces of one kind
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class _Piece:
    html: Markup
    instead: Markup  # a line for where the piece itself is too large


def feedback(outcome: Outcome, limit: int = LIMIT) -> str:
    """All that can be told of a row within so many bytes; what is left out leaves a line."""
    room = limit
    told = []
    for part in _parts(outcome):
        piece = _picture(part, room) if isinstance(part, Picture) else part
        html = piece.html if len(piece.html.encode()) <= room else piece.instead
        room -= len(html.encode())
        told.append(html)
    return "\n".join(told)


def paragraph(text: str) -> Markup:
    """Text as a paragraph that keeps its line ends."""
    return Markup("<p>{}</p>").format(Markup("<br>").join(clip(text.strip(), _TEXT).split("\n")))


def _parts(outcome: Outcome) -> Iterator[_Piece | Picture]:
    """In the order of need: what is wrong, what was measured, what is right, pictures, where it comes from."""
    bad = () if outcome.status is Status.UNSCORED else wrong(outcome)  # how the grader broke is for staff
    yield from _lines(_opening(outcome))
    yield from _few(bad, _verdict)
    yield from _few(outcome.evidence.measurements, _measurement)
    yield from _lines(f"✓ {v.message}" for v in outcome.verdicts[: 2 * _COUNT] if v.share >= 1 and v.message)
    yield from outcome.evidence.pictures[:_COUNT]
    yield from _more(outcome.evidence.pictures)
    yield from _lines(_closing(outcome))


def _opening(outcome: Outcome) -> Iterator[str]:
    if outcome.status is Status.MANUAL:
        yield "A human judges this; it has no score yet."
    if outcome.status is Status.UNSCORED:
        yield unjudged(outcome)
    if outcome.status is Status.SHOWN:
        yield "For information; it is worth no points."


def _closing(outcome: Outcome) -> Iterator[str]:
    if outcome.cite:
        yield cited(outcome)
    if outcome.assumed:
        yield f"Assumed: {outcome.assumed}"


def _verdict(verdict: Verdict) -> _Piece:
    parts = [paragraph(verdict.message)]
    if verdict.bug:
        parts.append(Markup("<p>Known bug: <code>{}</code></p>").format(shorten(verdict.bug, _LINE)))
    for label, text in (
        ("expected", verdict.expected),
        ("your code gave", verdict.actual),
        ("to see it yourself", verdict.reproduce),
    ):
        if text:
            parts.append(Markup("<p><strong>{}</strong></p>\n<pre>{}</pre>").format(label, clip(text, _TEXT)))
    return _Piece(Markup("\n").join(parts), _left_out("finding", shorten(verdict.message, _LINE)))


def _measurement(measurement: Measurement) -> _Piece:
    title, note = shorten(measurement.title, _LINE), shorten(measurement.note, _LINE)
    said = ", ".join(filter(None, (f"{title}: {reading(measurement)}", sample(measurement), note)))
    return _Piece(paragraph(said), _left_out("measurement", title))


def _picture(picture: Picture, room: int) -> _Piece:
    """Made smaller where it does not fit; its caption is its text too."""
    caption = shorten(picture.caption, _LINE)
    left_out = _left_out("picture", caption)
    shown = within(picture, room - len(_image(caption, None).encode()))
    return _Piece(_image(caption, shown) if shown else left_out, left_out)


def _image(caption: str, shown: Inline | None) -> Markup:
    return Markup('<p>{0}<br><img src="{1}" alt="{0}"></p>').format(caption, shown.address if shown else "")


def _few(things: tuple[_Thing, ...], draw: Callable[[_Thing], _Piece]) -> Iterator[_Piece]:
    """The first of them, and how many more there are."""
    yield from (draw(thing) for thing in things[:_COUNT])
    yield from _more(things)


def _more(things: tuple[object, ...]) -> Iterator[_Piece]:
    if len(things) > _COUNT:
        yield from _lines([f"[{len(things) - _COUNT:,} more left out]"])


def _lines(texts: Iterable[str]) -> Iterator[_Piece]:
    """One short paragraph each."""
    for text in texts:
        line = paragraph(shorten(text, _LINE))
        yield _Piece(line, line)


def _left_out(what: str, name: str) -> Markup:
    return Markup("<p>[{} left out, too large to show here: {}]</p>").format(what, name)
