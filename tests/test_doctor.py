"""What the doctor says of a ladder."""

import io
from dataclasses import dataclass

from rich.console import Console

from grading import doctor
from grading.sandbox.backend import PROMISES, Launch


@dataclass(frozen=True)
class Rung:
    """A backend that works, or does not."""

    name: str
    reason: str
    promises: tuple[str, ...]
    confined: bool = True

    def missing(self) -> str:
        return self.reason

    def launch(self, box: object, control: int) -> Launch:
        raise AssertionError("nothing is started here")


BEST = Rung("best", "install the best one", tuple(PROMISES))
GOOD = Rung("good", "", ("no-network",))
LAST = Rung("last", "", ())


def text(*ladder: Rung) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(doctor.told(doctor.examine(ladder), "bounds"))
    return console.export_text()


def test_the_first_that_works_is_chosen() -> None:
    assert [found.chosen for found in doctor.examine((BEST, GOOD, LAST))] == [False, True, False]


def test_it_says_what_is_missing_what_is_kept_and_what_is_not() -> None:
    said = text(BEST, GOOD, LAST)
    assert "→ install the best one" in said
    assert f"✓ {PROMISES['no-network']}" in said
    assert f"✗ not: {PROMISES['private-files']}" in said
    assert "unless --sandbox says otherwise: good" in said


def test_where_nothing_works_it_says_so() -> None:
    assert "nothing is graded" in text(BEST)


def test_how_memory_is_bounded_is_said() -> None:
    assert doctor.limits() in (doctor.IN_A_GROUP, doctor.WATCHED)
