"""What an attack is, what it aims at, and where the attacks lie."""

import importlib.util
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.assignments import ROOT
from grading.errors import StaffError
from grading.rubric import require
from grading.sandbox.box import Limits
from grading.sandbox.inside.loading import load_module

PACKAGE = "elbograde_attacks"  # the name that the attacks are loaded under; `tests` is imported by no one


@dataclass(frozen=True)
class Target:
    """What there is to take or to harm. All of it was laid out for the attack, and is ours to lose."""

    folder: Path  # private to one attack: everything but what the marker shows is below it
    marker: str  # how the name of a file begins that an attack leaves where it can
    secret: str  # in the judge's environment, in another process, in an open file and in another submission
    process: int  # another process of the judge's user, with the secret on its command line
    port: int  # on 127.0.0.1 somebody listens here
    root: Path = ROOT  # the project
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # what varies in an attack is drawn from it

    @property
    def out(self) -> Path:
        """Where the results go."""
        return self.folder / "out"

    @property
    def neighbour(self) -> Path:
        """Another student's submission."""
        return self.folder / "neighbour"

    @property
    def temporary(self) -> Path:
        """Where the grader keeps what it needs for a while; empty again when it is done."""
        return self.folder / "temporary"


@dataclass(frozen=True)
class Attack:
    """One hostile submission."""

    name: str
    rows: tuple[int, ...]  # of the table of attacks
    tries: str  # in a few words, for people
    lay: Callable[[Target], Path]  # writes it below the target's folder; returns what to hand in
    attacked: tuple[str, ...] = ()  # items that must earn nothing
    beside: tuple[str, ...] = ()  # items that must earn what honest work earns
    free: tuple[str, ...] = ()  # items that may earn anything, but the same each time
    say: str = ""  # what must be told of the attacked items, or why it is refused: a regular expression
    refused: bool = False  # it must not even be taken in
    seconds: float | None = None  # for each attacked item, where one waits for nothing
    times: int = 1  # how often it is handed in; the mark must be the same
    assignment: str = "cmput328_a5"
    quick: bool = False  # fewer samples of generated images
    limits: Limits = field(default_factory=Limits)
    altogether: float | None = None  # seconds for the whole submission, where it aims at those
    again: float = 60.0  # seconds for rows that are asked once more
    memory_bytes: int = 2 << 30  # the most that the grader's own process may grow by meanwhile
    longest: float = 300.0  # the most seconds that the grading may take
    before: tuple[Callable[[Target], Path], ...] = ()  # submissions that are graded in the same run before it


@dataclass(frozen=True)
class Suite:
    """The attacks, and the rows of the table that none of them stands for, with the reason."""

    attacks: tuple[Attack, ...]
    untried: Mapping[int, str]


def suite(root: Path = ROOT) -> Suite:
    """The attacks in tests/redteam. Raises StaffError where there are none, as in an installed bundle."""
    if importlib.util.find_spec("jsonschema") is None:
        raise StaffError("redteam holds the results against their schema and needs jsonschema: run make setup")
    folder = root / "tests" / "redteam"
    if not (folder / "__init__.py").exists():
        raise StaffError(f"there are no attacks here ({folder} is missing): redteam runs in the project's own folder")
    module = load_module(PACKAGE, folder / "__init__.py")
    return Suite(module.ATTACKS, module.UNTRIED)


def named(attacks: Iterable[Attack], names: Iterable[str]) -> tuple[Attack, ...]:
    """The attacks of these names or rows, all of them where none is named. Raises StaffError with the nearest names."""
    every, wanted = tuple(attacks), set(names)
    for name in wanted:
        require(
            name, [*(attack.name for attack in every), *(str(row) for each in every for row in each.rows)], "--only"
        )
    return tuple(each for each in every if not wanted or wanted & {each.name, *map(str, each.rows)})
