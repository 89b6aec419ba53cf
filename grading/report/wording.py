"""The words and figures that all reports share, so that a mark reads the same wherever it is read."""

import hashlib
import math
from dataclasses import replace

from grading.records import NO_TIME, NOT_YET, Measurement, Outcome, Status, Verdict
from grading.report.tally import Tally

WORDS = {
    Status.PASSED: "passed",
    Status.PARTIAL: "partly right",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
    Status.MANUAL: "waits for a human",
    Status.UNSCORED: "not judged",
    Status.SHOWN: "for information",
}
MARKS = {
    Status.PASSED: "✓",
    Status.PARTIAL: "~",
    Status.FAILED: "✗",
    Status.SKIPPED: "-",
    Status.MANUAL: "?",
    Status.UNSCORED: "!",
    Status.SHOWN: "i",
}
NOT_JUDGED = "The grader could not judge this, by its own fault. It counts neither for nor against the submission."
UNCONFINED = "Graded without a sandbox: nothing stood between the submitted code and this machine."


def number(value: float, decimals: int | None = None) -> str:
    """A number as people write it: 84, 0.0312, 873,409."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    if decimals is not None:
        return f"{value:z,.{decimals}f}"
    if value == round(value):
        return f"{round(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def points(value: float) -> str:
    """Points with two decimals at most: 7.5, 6.67, 12."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")


def score(outcome: Outcome) -> str:
    """Such as "7.5 / 10"; a dash where there is no score; nothing where there are no points to earn."""
    if not outcome.points and outcome.max_points == 0:
        return ""
    return f"{'–' if outcome.points is None else points(outcome.points)} / {points(outcome.max_points)}"


def total(tally: Tally) -> str:
    """Such as "71.5 / 85", "12 / 50 bonus" where there is nothing else to earn, or a dash where nothing was judged."""
    if tally.max_bonus and not tally.max_points:
        return f"{points(tally.bonus)} / {points(tally.max_bonus)} bonus"
    return f"{points(tally.points)} / {points(tally.max_points)}" if tally.judged else "–"


def in_unit(measurement: Measurement) -> Measurement:
    """With its numbers as they are read: what has the unit "%" is kept as a share, 0.84, and read as 84 %."""
    if measurement.unit != "%":
        return measurement
    value, low, high = (100 * end for end in (measurement.value, measurement.low, measurement.high))
    return replace(measurement, value=value, low=low, high=high)


def reading(measurement: Measurement) -> str:
    """The number with its unit and interval: "84 % (71 to 92)". The interval decides how many decimals are shown."""
    unit = f" {shorten(measurement.unit, 20)}" if measurement.unit else ""
    shown = in_unit(measurement)
    if exact(shown):
        return f"{number(shown.value)}{unit}"
    decimals = _decimals(min(shown.high - shown.low, 1e300))
    value, low, high = (number(end, decimals) for end in (shown.value, shown.low, shown.high))
    return f"{value}{unit} ({low} to {high})"


def sample(measurement: Measurement) -> str:
    """How many samples the number rests on; empty where it was counted rather than estimated."""
    if measurement.low == measurement.high and not measurement.cut_short:
        return ""
    return f"n={measurement.n:,}{', cut short' if measurement.cut_short else ''}"


def exact(measurement: Measurement) -> bool:
    """Whether there is no uncertainty to tell."""
    ends = (measurement.value, measurement.low, measurement.high)
    return not all(math.isfinite(end) for end in ends) or measurement.low >= measurement.high


def reason(outcome: Outcome) -> str:
    """Why the row ended as it did, in one line; empty where there is nothing to explain."""
    if outcome.status is Status.PASSED:
        return ""
    said = next((verdict.message for verdict in wrong(outcome) if verdict.message.strip()), "")
    if outcome.status is Status.UNSCORED:
        return last_line(said) or NOT_JUDGED  # the last line of a traceback is the one that tells
    return first_line(said)


def still_to_come(outcome: Outcome) -> bool:
    """Whether the grading has not got so far yet."""
    return outcome.status is Status.UNSCORED and any(verdict.message == NOT_YET for verdict in outcome.verdicts)


def unjudged(outcome: Outcome) -> str:
    """What a student may know of a row without a verdict; how the grader broke is for staff."""
    said = reason(outcome)
    if said == NOT_YET:
        return "Not graded yet."
    return f"{said[0].upper()}{said[1:]}." if said == NO_TIME else NOT_JUDGED


def cited(outcome: Outcome) -> str:
    """Where the handout asks for it: "2.1.1: …" becomes "Handout 2.1.1: …"."""
    return f"Handout {outcome.cite}" if outcome.cite[:1].isdigit() else outcome.cite


def fingerprint(seed: str) -> str:
    """Tells whether two gradings had the same seed, and not what it was: who knows it knows the questions."""
    return hashlib.sha256(seed.encode("utf-8", "backslashreplace")).hexdigest()[:8] if seed else ""


def wrong(outcome: Outcome) -> tuple[Verdict, ...]:
    """The verdicts that found something to mend."""
    return tuple(verdict for verdict in outcome.verdicts if not verdict.share >= 1)


def first_line(text: str) -> str:
    """The first line that says anything."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line that says anything."""
    return first_line("\n".join(reversed(text.splitlines())))


def rest(text: str) -> str:
    """What follows the first line that says anything."""
    return text.strip().partition("\n")[2].strip()


def clip(text: str, limit: int) -> str:
    """The text, or its head and tail with a note of how much is missing between them."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    missing = len(text) - limit
    return f"{text[: limit - tail]}\n… {missing:,} characters left out …\n{text[len(text) - tail :]}"


def shorten(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def rows(count: int) -> str:
    """Such as "1 row" or "3 rows"."""
    return f"{count} row" if count == 1 else f"{count} rows"


def _decimals(width: float) -> int | None:
    """As many decimals as give the width of an interval two figures; None where they would be too many to read."""
    decimals = max(1 - math.floor(math.log10(width)), 0)
    return decimals if decimals <= 6 else None
