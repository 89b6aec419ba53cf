"""What a notebook says of itself: shown beside what was measured, and never scored."""

from grading.intake.notebooks import Claim, claims
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.rubric import ClaimRow
from grading.subjects import Submission


def printed(student: Submission, setting: Setting) -> Evidence:
    """The numbers that the notebook's saved outputs show, run by run. Raises IntakeError where it cannot be read."""
    rows = {row.name: row for row in setting.sampling.claims}
    found = claims(student.file(setting.sampling.file), {name: row.pattern for name, row in rows.items()})
    return Evidence(tuple(_shown(claim, rows[claim.name], number) for number, claim in enumerate(found, 1)))


def _shown(claim: Claim, row: ClaimRow, number: int) -> Measurement:
    value = float("nan") if claim.value is None else claim.value
    note = f"cell {claim.cell} printed: {claim.line}"
    return Measurement(
        f"{claim.name}_{number}", f"claimed, not measured: {row.title}", value, value, value, 1, row.unit, note
    )
