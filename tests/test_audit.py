"""Changes that leave every answer as it is cost no mark, whatever the assignment.

Every day many of them come together. The slow tests make each of them alone, as `make audit` does.
"""

from pathlib import Path

import pytest
from audit.grading import audited
from audit.submissions import Handed
from audit.transformations import every

from grading import assignments
from grading.sandbox.host import Host

SURROUNDINGS = ("own_module", "decorated", "colab", "asserted_gpu", "loads_weights")
SURROUNDINGS += ("reads_files", "asks", "parses_arguments", "strict_warnings", "newer_library", "compiled")
WRITTEN = (
    "lists",
    "own_copies",
    "relative_import",
    "double_precision",
    "cuda_tensors",
    "quotes_within_quotes",
    "utf_16",
)
TOGETHER = {"surroundings": SURROUNDINGS, "written": WRITTEN, "imports": ("unused_packages", "downloads")}
EVERYDAY = [
    *((group, name) for group in ("surroundings", "written") for name in assignments.ids()),
    ("imports", "cmput328_a5"),  # packages that take seconds to import, in every box
]


@pytest.mark.parametrize(("group", "name"), EVERYDAY)
def test_changes_that_come_together_cost_nothing(group: str, name: str, host: Host, tmp_path: Path) -> None:
    def change(handed: Handed) -> Handed | None:
        for each in TOGETHER[group]:
            handed = every()[each](handed) or handed
        return handed

    found = audited(change, name, host, tmp_path)
    assert found.asked and not found.lost, found.lost
    assert not found.human, found


@pytest.mark.slow
@pytest.mark.parametrize("name", assignments.ids())
@pytest.mark.parametrize("change", every())
def test_a_change_that_alters_no_answer_costs_nothing(change: str, name: str, host: Host, tmp_path: Path) -> None:
    assert not audited(every()[change], name, host, tmp_path).lost


def test_there_are_enough_of_them() -> None:
    assert len(every()) >= 50
