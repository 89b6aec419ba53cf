"""Whole submissions as students leave them: cells run out of order, broken versions still there, everything in one notebook.

All are right, so that a mark they lose is the grader's mistake.
"""

from pathlib import Path

import pytest
from conftest import scored

from grading import assignments
from grading.grade import Options, grade
from grading.sandbox.host import Host

HERE = Path(__file__).parent / "notebooks" / "cmu18786_hw5"
ASSIGNMENT = assignments.load("cmu18786_hw5")
COLOUR = Path(__file__).parent / "notebooks" / "cmput328_a9"


@pytest.mark.parametrize(
    "name",
    [
        "merged",  # four deliverables in one notebook of an old format, with two classes of one name
        pytest.param(
            "colab", marks=pytest.mark.slow
        ),  # drives, magics, .cuda(), broken classes, globals read in methods
        pytest.param(
            "renamed", marks=pytest.mark.slow
        ),  # other names, integer labels, a loss per image; no bonus handed in
    ],
)
def test_a_messy_notebook_that_is_right_keeps_full_marks(host: Host, name: str) -> None:
    assert assignments.recognise(HERE / name) == ASSIGNMENT.id
    bonus = [item.id for item in ASSIGNMENT.rubric.items if item.bonus and name == "renamed"]
    items = tuple(item for item in scored(ASSIGNMENT) if item not in bonus)
    report = grade(ASSIGNMENT, HERE / name, host, Options(items, more_to_come=True))
    for outcome in report.outcomes:
        assert outcome.points == outcome.max_points, (outcome.item, outcome.verdicts)


@pytest.mark.parametrize(
    "name",
    [
        # exported from Colab: shell lines, .cuda(), training at the top, the template's own reparameterize
        pytest.param("colab", marks=pytest.mark.slow),
        # classes within main(), arguments that must be given, criteria and optimisers in dicts, a hinge
        pytest.param("inmain", marks=pytest.mark.slow),
        "minimal",  # no reparameterize, no KLDivLoss, names of its own for nearly everything
        # cells that fail, z is mu in evaluation mode, a global weight, least squares, its own ssim.py
        pytest.param("notebook", marks=pytest.mark.slow),
    ],
)
def test_a_messy_script_that_is_right_keeps_every_mark_for_code(host: Host, name: str) -> None:
    assignment = assignments.load("cmput328_a9")
    assert assignments.recognise(COLOUR / name) == assignment.id
    rows = tuple(item.id for item in assignment.rubric.items if item.check)
    report = grade(assignment, COLOUR / name, host, Options(rows, more_to_come=True))
    for outcome in report.outcomes:
        assert outcome.points == outcome.max_points, (outcome.item, outcome.verdicts)
