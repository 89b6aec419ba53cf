"""Submissions that are graded in one run: whatever the first ones are, each is told of, and none takes another's place."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree

from rich.console import Console

from grading import assignments
from grading.grade import Options, grade
from grading.places import places
from grading.records import Report
from grading.redteam.attack import Attack
from grading.redteam.bait import Camp
from grading.report.presentable import steering
from grading.turns import Turn, overview, taken

FOLDER = "class"  # where the results of all of them go


def spoilt(attack: Attack, paths: Sequence[Path], camp: Camp) -> list[str]:
    """What is wrong after all of these were graded, one after the other; the last is honest. Leaves nothing behind."""
    home = camp.target.folder / FOLDER
    folders = places(paths, home)
    try:
        turns = []
        for path, folder in zip(paths, folders, strict=True):
            turns.append(taken(path, folder, (), _grading(attack, path, camp)))
        return [*_of_places(folders, home), *_of_turns(turns, attack)]
    finally:
        rmtree(home, ignore_errors=True)


def _grading(attack: Attack, path: Path, camp: Camp) -> Callable[[], Report]:
    """Another follows each of them: the attack's own turn."""
    options = Options(attack.beside, attack.quick, more_to_come=True, limits=attack.limits)
    return partial(grade, assignments.load(attack.assignment), path, camp.host, options)


def _of_places(folders: Sequence[Path], home: Path) -> Iterator[str]:
    if len({str(folder).casefold() for folder in folders}) < len(folders):
        yield "two submissions have one place for their results"
    for folder in folders:
        if folder.parent != home or not folder.name.strip(". ") or steering(folder.name):
            yield f"results would go to {str(folder)!r}"


def _of_turns(turns: Sequence[Turn], attack: Attack) -> Iterator[str]:
    """Each was graded or refused with a sentence; the last, which is honest, with full marks, in its own folder."""
    for turn in turns:
        if turn.broke:
            yield f"it broke the grading of {turn.name}: {turn.why[:300]}"
        if turn.report is None and (turn.folder / "report.json").exists():
            yield f"{turn.name} was refused, and has results"
        if turn.report is None and (len(turn.why) > 2000 or steering(turn.why)):
            yield f"why {turn.name} was refused is nothing to be read"
        for path in turn.folder.glob("*"):
            if found := steering(path.read_text(encoding="utf-8")):
                yield f"{path.name} of {turn.name} holds characters that steer who shows it: {found}"
    screen = io.StringIO()
    Console(file=screen, width=100).print(overview(turns))
    if found := steering(screen.getvalue()):
        yield f"the table of all of them holds characters that steer who reads it: {found}"
    last = turns[-1]
    if last.report is None:
        yield f"the honest one was not graded: {last.why[:300]}"
    elif (
        any(row.points != row.max_points for row in last.report.outcomes) or not (last.folder / "report.json").exists()
    ):
        yield "the honest one lost marks beside the others"
