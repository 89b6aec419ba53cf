"""What a notebook or a script says of itself: shown beside what was measured, and never scored."""

from dataclasses import replace
from pathlib import Path

from grading.errors import IntakeError
from grading.intake import apart
from grading.intake.comments import commented as found_in_comments
from grading.intake.modules import original_of
from grading.intake.notebooks import Claim, claims
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.rubric import ClaimRow
from grading.subjects import Submission

MOST_OF_ONE = 1.5  # a share above it is one of a hundred: 69.5 rather than 0.695


def printed(student: Submission, setting: Setting) -> Evidence:
    """The numbers that the notebook's saved outputs show, run by run. Raises IntakeError where it cannot be read."""
    rows = {row.name: row for row in setting.sampling.claims}
    path, patterns = student.file(setting.sampling.file), {name: row.pattern for name, row in rows.items()}
    found = apart(claims, path, patterns, what=path.name)  # whatever a pattern makes of what it meets there
    return Evidence(tuple(_shown(claim, rows[claim.name], number, "printed") for number, claim in enumerate(found, 1)))


def commented(student: Submission, setting: Setting) -> Evidence:
    """The numbers in the comments at the top of a script, as it was handed in. Raises IntakeError where it was not."""
    rows = {row.name: row for row in setting.sampling.claims}
    path = _as_handed_in(student, setting.sampling.file)
    found = apart(
        found_in_comments, path, {name: row.pattern for name, row in rows.items()}, what=setting.sampling.file
    )
    shares = [replace(claim, value=_share(claim.value, rows[claim.name].unit)) for claim in found]
    place = "cell" if path.suffix == ".ipynb" else "line"
    return Evidence(
        tuple(_shown(claim, rows[claim.name], number, "says", place) for number, claim in enumerate(shares, 1))
    )


def _as_handed_in(student: Submission, name: str) -> Path:
    """The script before its definitions were lifted out of it, or its notebook."""
    stem = original_of(name).removesuffix(".py.txt")
    for there in (original_of(name), f"{stem}.ipynb"):
        try:
            return student.file(there)
        except IntakeError:
            continue
    raise IntakeError(f"{name} was not handed in")


def _share(value: float | None, unit: str) -> float | None:
    """69.5 % as 0.695, which is how shares are kept."""
    return value / 100 if unit == "%" and value is not None and value > MOST_OF_ONE else value


def _shown(claim: Claim, row: ClaimRow, number: int, verb: str, place: str = "cell") -> Measurement:
    value = float("nan") if claim.value is None else claim.value
    note = f"{place} {claim.cell} {verb}: {claim.line}"
    return Measurement(
        f"{claim.name}_{number}", f"claimed, not measured: {row.title}", value, value, value, 1, row.unit, note
    )
