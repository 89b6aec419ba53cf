"""One submission after the other: whatever becomes of one, the others are graded, and at the end it is told of each."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grading.errors import GradingError
from grading.records import Report
from grading.report.presentable import plain_text
from grading.report.tally import tally
from grading.report.wording import shorten, total
from grading.report.write import Also, write_all

REASON = 300  # characters


@dataclass(frozen=True)
class Turn:
    """What became of one submission."""

    path: Path
    folder: Path  # where its results are, or would have been
    report: Report | None = None  # None: it was not graded
    why: str = ""  # it was not graded
    broke: str = ""  # the traceback, where that was the grader's fault

    @property
    def name(self) -> str:
        """What the submission is called, fit to be shown."""
        return shorten(plain_text(self.path.resolve().name), 60)


def taken(path: Path, folder: Path, also: Sequence[Also], grade: Callable[[], Report]) -> Turn:
    """One submission, graded and written down."""
    try:
        report = grade()
        write_all(report, folder, also)
    except GradingError as error:
        return Turn(path, folder, why=plain_text(str(error)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the boundary; a panic in a library written in Rust is no Exception
        said = plain_text(f"the grader broke: {type(error).__name__}: {error}")
        return Turn(path, folder, why=said, broke=plain_text(traceback.format_exc()))
    return Turn(path, folder, report)


def overview(turns: Sequence[Turn]) -> RenderableType:
    """For a terminal: how many were graded, and what became of each."""
    refused = sum(turn.report is None for turn in turns)
    told = f"{len(turns)} submissions: {len(turns) - refused} graded, {refused} not graded"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for column in ("name", "points", "what"):
        table.add_column(column, overflow="fold")
    for turn in turns:
        table.add_row(Text(turn.name), *_became(turn))
    return Group(Text(told, style="bold red" if refused else "bold green"), Padding(table, (0, 0, 0, 2)))


def _became(turn: Turn) -> tuple[Text, Text]:
    if turn.report is not None:
        return Text(total(tally(turn.report.outcomes))), Text(plain_text(str(turn.folder)), style="dim")
    older = f" (what lies in {turn.folder} is older)" if (turn.folder / "report.json").exists() else ""
    why = shorten(turn.why.partition("\n")[0], REASON)
    return Text("–"), Text(f"not graded: {why}{plain_text(older)}", style="red")
