"""Right answers that look unusual keep full marks."""

from pathlib import Path
from typing import Any

import pytest
from conftest import scored
from edited import HERE, cases, edited

from grading import assignments
from grading.grade import Options, grade
from grading.sandbox.host import Host

VARIANTS = [
    (path.name, case) for path in sorted((HERE / "variants").iterdir()) for case in cases("variants", path.name)
]


@pytest.mark.parametrize(
    ("name", "case"), VARIANTS, ids=lambda value: value["name"] if isinstance(value, dict) else value
)
def test_a_variant_keeps_full_marks(name: str, case: dict[str, Any], host: Host, tmp_path: Path) -> None:
    assignment = assignments.load(name)
    kept = tuple(item for item in scored(assignment) if item.startswith(tuple(case["keeps"])))
    assert kept
    folder = edited(assignment, tmp_path / "variant", case)
    report = grade(assignment, folder, host, Options(kept, quick=True, more_to_come=True))
    for outcome in report.outcomes:
        assert outcome.points in (None, outcome.max_points), outcome.verdicts
        assert outcome.status != "unscored", outcome.verdicts


def test_there_are_enough_of_them() -> None:
    for name in assignments.ids():
        assert len([case for owner, case in VARIANTS if owner == name]) >= 12, name
