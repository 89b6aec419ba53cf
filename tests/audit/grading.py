"""One harmless change to one reference: which rows it costs."""

from dataclasses import dataclass
from pathlib import Path

from audit.submissions import reference_of
from audit.transformations import Transformation
from grading import assignments
from grading.errors import GradingError
from grading.grade import Options, grade
from grading.sandbox.host import Host


@dataclass(frozen=True)
class Found:
    """What became of the rows that were asked."""

    asked: int  # 0: there was nothing to change
    human: int  # rows that wait for a human
    lost: tuple[str, ...]  # rows with fewer than all their points, each with the reason

    def told(self) -> str:
        """The cell of the matrix."""
        if not self.asked:
            return "-"
        if self.lost:
            return f"{len(self.lost)} of {self.asked} lost"
        return f"{self.asked} kept" if not self.human else f"{self.asked - self.human} kept, {self.human} human"


def audited(change: Transformation, name: str, host: Host, folder: Path) -> Found:
    """The cheap rows for code, asked of the changed reference."""
    assignment = assignments.load(name)
    handed = change(reference_of(assignment))
    if handed is None:
        return Found(0, 0, ())
    rows = tuple(item.id for item in assignment.rubric.items if item.check and item.points and not item.slow)
    try:
        report = grade(assignment, handed.written(folder), host, Options(rows, quick=True, more_to_come=True))
    except GradingError as error:
        return Found(len(rows), 0, (f"refused: {error}",))
    short = [each for each in report.outcomes if each.points != each.max_points]
    told = tuple(
        f"{each.item}: {each.verdicts[0].message[:300]}"
        for each in short
        if each.points is not None or each.status == "unscored"
    )
    return Found(len(rows), len(short) - len(told), told)
