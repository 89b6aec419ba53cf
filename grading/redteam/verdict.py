"""Whether an attack was held, as far as the reports tell it."""

import re
from collections.abc import Iterator, Sequence

from grading.records import Outcome, Report, Status
from grading.redteam.attack import Attack

LOOT = re.compile(r"LOOT<([^>]*)>")  # how an attack tells what it found; "nothing" where it found nothing
LONGEST = 100_000  # characters of what one item says, with what it printed
NO_MARK = (Status.FAILED, Status.SKIPPED, Status.SHOWN, Status.MANUAL)


def refusal(attack: Attack, said: str) -> Iterator[str]:
    """Why it is wrong to refuse this, or to refuse it with these words."""
    if not attack.refused:
        yield f"the whole submission was refused: {said}"
    elif not re.search(attack.say, said):
        yield f"it was refused with other words: {said}"


def judged(attack: Attack, reports: Sequence[Report]) -> Iterator[str]:
    """What the reports of one submission, handed in once or several times, show to be wrong."""
    if reports and attack.refused:
        yield "it should have been refused, and was taken in"
    for report in reports[:1]:
        for outcome in report.outcomes:
            yield from _of_attacked(outcome) if outcome.item in attack.attacked else ()
            yield from _of_honest(outcome) if outcome.item in attack.beside else ()
        yield from _of_words(attack, report)
    marks = [tuple((outcome.item, outcome.points) for outcome in report.outcomes) for report in reports]
    if len(set(marks)) > 1:
        totals = ", ".join(f"{report.points:g}" for report in reports)
        yield f"the same submission earned different marks: {totals}"


def told(outcome: Outcome) -> str:
    """Everything that an item says of itself."""
    return " ".join([verdict.message for verdict in outcome.verdicts] + [outcome.stdout])


def _of_attacked(outcome: Outcome) -> Iterator[str]:
    if outcome.points:
        yield f"it earned {outcome.points:g} of {outcome.max_points:g} points for {outcome.item}"
    elif outcome.status not in NO_MARK:
        yield f"{outcome.item} should have earned nothing, and is {outcome.status}: {told(outcome)[:300]}"


def _of_honest(outcome: Outcome) -> Iterator[str]:
    if outcome.points != outcome.max_points:
        earned = "no score" if outcome.points is None else f"{outcome.points:g} of {outcome.max_points:g}"
        yield f"{outcome.item} was honest and got {earned}: {told(outcome)[:300]}"


def _of_words(attack: Attack, report: Report) -> Iterator[str]:
    """What it brought home, and whether its items say why they failed."""
    said = [told(outcome) for outcome in report.outcomes if outcome.item in attack.attacked]
    found = {what for text in said for what in LOOT.findall(text)} - {"nothing"}
    if found:
        yield f"it found: {'; '.join(sorted(found))}"
    elif not all(re.search(attack.say, text) for text in said):
        yield f"its items do not say {attack.say!r}: {' | '.join(said)[:300]}"
    if any(len(text) > LONGEST for text in said):
        yield "an item says more than anybody could read"


def still_graded(attack: Attack, reports: Sequence[Report]) -> str:
    """How many of the items that it did not attack were graded."""
    if not reports:
        return "refused"
    asked = [outcome for outcome in reports[0].outcomes if outcome.item in attack.beside]
    full = sum(outcome.points == outcome.max_points for outcome in asked)
    return f"{full} of {len(asked)}"
