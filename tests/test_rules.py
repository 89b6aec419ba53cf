"""Every check says by which rules of docs/right.md it judges, and every rule is held by something that is there."""

import importlib
import re
from pathlib import Path

import pytest

from grading import assignments

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "right.md").read_text()
ANCHORS = {"#" + title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)}
MODULES = {
    item.check.rpartition(".")[0]
    for name in assignments.ids()
    for item in assignments.load(name).rubric.items
    if item.check
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_check_points_to_its_rules(module: str) -> None:
    told = importlib.import_module(f"grading.checks.{module}").__doc__ or ""
    line = re.search(r"^Judged by docs/right\.md((?:#[a-z-]+(?:, )?)+)\.$", told, flags=re.MULTILINE)
    assert line, told
    assert set(line[1].split(", ")) <= ANCHORS


def test_every_rule_is_judged_by() -> None:
    pointed = set()
    for file in [*(ROOT / "grading").rglob("*.py"), *(ROOT / "rubrics").rglob("*"), *(ROOT / "scripts").glob("*.py")]:
        if file.is_file():
            pointed |= set(re.findall(r"(?:right\.md|(?<=[a-z-], ))(#[a-z-]+)", file.read_text()))
    assert pointed & ANCHORS == ANCHORS - {"#surroundings"}  # held by intake and by the audit, not by a check


def test_what_a_rule_is_held_by_is_there() -> None:
    held = [
        name for part in re.findall(r"\*Held\s+by\*(.+?)(?:\n\n|\Z)", PAGE, flags=re.DOTALL) for name in quoted(part)
    ]
    files = {file.stem for file in [*(ROOT / "grading").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]}
    folders = {folder.name for folder in (ROOT / "grading").rglob("*") if folder.is_dir()}
    for name in held:
        path = ROOT / name
        stem = Path(name.removesuffix(".py")).name.partition(".")[0]
        assert path.exists() or stem in files | folders or name in ("gates", "loops.toml", "sizes.toml"), name


def quoted(part: str) -> list[str]:
    return re.findall(r"`([^`]+)`", part)
