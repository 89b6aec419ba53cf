"""Hostile submissions, graded whole: they gain nothing, cost no other item, leave nothing, and end in a valid result."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hostile_submissions import VAE_ITEMS, Attack, attacks, laid_out
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from grading import assignments
from grading.assignments import Assignment
from grading.grade import Options, grade
from grading.records import Report
from grading.report.gradescope import dump, results
from grading.sandbox.host import Host
from grading.sandbox.ladder import BY_NAME

ROOT = assignments.ROOT
ASKED = (*VAE_ITEMS, "diffusion.schedule")
SECONDS = 2.0
SCHEMA = json.loads((ROOT / "tests/report/results.schema.json").read_text())
ATTACKS = {attack.name: attack for attack in attacks(ROOT)}


def hurried() -> Assignment:
    """The assignment, with seconds to answer in where a submission hangs."""
    whole = assignments.load("cmput328_a5")
    items = tuple(item.model_copy(update={"seconds": SECONDS}) for item in whole.rubric.items)
    return Assignment(
        whole.id, whole.rubric.model_copy(update={"items": items}), whole.reference, whole.probes, whole.stub
    )


@pytest.fixture(scope="module")
def boxes() -> Iterator[Host]:
    """One host for all: it warms the next box up while a submission is graded."""
    if reason := BY_NAME["bubblewrap"].missing():
        pytest.skip(reason)
    with Host(BY_NAME["bubblewrap"]) as host:
        yield host


def graded(attack: Attack, host: Host, folder: Path, more: bool) -> Report:
    assignment = hurried()
    submission = laid_out(attack, assignment.reference, folder / "handed_in")
    only = tuple(dict.fromkeys((*ASKED, *attack.attacked)))
    return grade(assignment, submission, host, Options(only=only, more_to_come=more))


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def seen_outside(folder: Path) -> set[str]:
    """Files that an attack would leave where it does not belong."""
    places = [Path("/"), Path("/tmp"), ROOT, ROOT / "out", Path("/autograder/results"), folder, Path.cwd()]
    names = ("results.json", "elbograde-pwned")
    return {str(place / name) for place in places for name in names if (place / name).exists()}


def inside_boxes(spare: int) -> list[psutil.Process]:
    """Processes of boxes of this process, but for those of the box that warms up."""
    mine = [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
    kept = {spare, *(p.pid for p in psutil.Process(spare).children(recursive=True))} if spare else set()
    return [process for process in mine if process.pid not in kept]


@pytest.mark.parametrize("name", ATTACKS)
def test_it_gains_nothing_and_costs_nobody(name: str, boxes: Host, tmp_path: Path) -> None:
    attack, before = ATTACKS[name], seen_outside(tmp_path)
    report = graded(attack, boxes, tmp_path, more=True)
    for outcome in report.outcomes:
        told = " ".join(verdict.message for verdict in outcome.verdicts)
        if outcome.item not in attack.attacked:
            assert outcome.points == outcome.max_points > 0, told
        else:
            assert not outcome.points, told
            assert outcome.status in ("failed", "shown"), told
            assert re.search(attack.say, told), told
    assert report.confined and len(told) < 20_000
    content = strict(dump(results(report)))
    Draft202012Validator(SCHEMA).validate(content)
    assert seen_outside(tmp_path) == before
    psutil.wait_procs(inside_boxes(boxes._spare._process.pid if boxes._spare else 0), timeout=5)
    assert not inside_boxes(boxes._spare._process.pid if boxes._spare else 0)
    assert not [p for p in psutil.process_iter(["cmdline"]) if "elbograde-spread" in (p.info["cmdline"] or [])]


def test_without_a_sandbox_the_nosy_one_does_read(tmp_path: Path) -> None:
    """So that the suite above can fail; and the report says that nothing was kept apart."""
    with Host(BY_NAME["none"]) as host:
        report = graded(ATTACKS["nosy"], host, tmp_path, more=False)
    (told,) = [o.verdicts[0].message for o in report.outcomes if o.item == "vae.reparameterize"]
    assert re.search(r"found [34]", told)
    assert not report.confined
    content: Any = results(report)
    assert content["extra_data"]["confined"] is False
    assert "sandbox" in content["output"].lower()
