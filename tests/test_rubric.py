"""Rubrics: what is there loads; what is wrong in one stops, with what would have been right."""

import shutil
from pathlib import Path

import pytest

from grading import assignments, rubric
from grading.errors import AssignmentUnknown, RubricError

ROOT = Path(__file__).parents[1]
RUBRICS = sorted((ROOT / "rubrics").glob("*/rubric.toml"))
TINY = """
title = "Tiny"
course = "A course"
seed = "tiny"

[[files]]
name = "model.py"
kind = "code"

[[files]]
name = "model.pt"
kind = "weights"

[[parts]]
id = "vae"
title = "The VAE"
points = 7

[[items]]
id = "vae.kl_loss"
part = "vae"
title = "KL"
check = "gaussian.kl_to_standard_normal"
points = 5

[[items]]
id = "vae.size"
part = "vae"
title = "Size"
metric = "parameters.count"
needs = ["vae.kl_loss"]
sampling = {file = "model.pt"}

[[items]]
id = "vae.report"
part = "vae"
title = "Report"
manual = true
points = 2
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one small assignment."""
    for room in ("reference", "rubrics"):
        (tmp_path / room / "tiny").mkdir(parents=True)
    (tmp_path / "rubrics/tiny/rubric.toml").write_text(TINY)
    (tmp_path / "rubrics/tiny/probes.py").write_text("")
    return tmp_path


def with_change(root: Path, before: str, after: str) -> Path:
    assert TINY.count(before) >= 1, "the test changes nothing"
    (root / "rubrics/tiny/rubric.toml").write_text(TINY.replace(before, after, 1))
    return root


@pytest.mark.parametrize("path", RUBRICS, ids=lambda path: path.parent.name)
def test_every_rubric_loads(path: Path) -> None:
    found = assignments.load(path.parent.name)
    assert found.rubric == rubric.load(path)


def test_the_small_one_loads(root: Path) -> None:
    found = assignments.load("tiny", root)
    assert [item.id for item in found.rubric.items] == ["vae.kl_loss", "vae.size", "vae.report"]
    assert found.rubric.items[0].ramp is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('title = "KL"', 'title = "KL"\npoinst = 5', r"items\.0\.poinst"),
        ('part = "vae"', 'part = "vea"', "part 'vea' does not exist; did you mean vae"),
        ('["vae.kl_loss"]', '["vae.kl_los"]', "needs 'vae.kl_los' does not exist; did you mean vae.kl_loss"),
        ('["vae.kl_loss"]', '["vae.report"]', "vae.size: needs 'vae.report' does not exist"),
        ('file = "model.pt"', 'file = "modle.pt"', "file 'modle.pt' does not exist; did you mean model.pt"),
        ("gaussian.kl_to", "gausian.kl_to", "topic 'gausian' does not exist; did you mean gaussian"),
        ("kl_to_standard_normal", "kl_to_standart_normal", "did you mean kl_to_standard_normal"),
        ("parameters.count", "parameters.coutn", "did you mean count"),
        ("gaussian.kl_to_standard_normal", "gaussian", "function '' does not exist"),
        ("gaussian.kl_to_standard_normal", "gaussian.smallest_failure", "'smallest_failure' does not exist"),
        ("points = 7", "points = 8", "'vae' add up to 7, not 8"),
        ("points = 5", "points = -5", r"items\.0\.points"),
        ("points = 5", 'points = 5\nmetric = "parameters.count"', "exactly one of check, metric, manual"),
        ('check = "gaussian.kl_to_standard_normal"', "", "exactly one of check, metric, manual"),
        ("manual = true", 'manual = true\ncheck = "gaussian.reparameterization"', "exactly one of check"),
        ('title = "Size"', 'title = "Size"\nscore_by = "parameters"', "score_by needs full and zero"),
        ('title = "Size"', 'title = "Size"\nscore_by = "x"\nfull = 1\nzero = 1', "must differ"),
        ('title = "Size"', 'title = "Size"\npoints = 1', "a metric worth points needs score_by"),
        ('title = "Size"', 'title = "Size"\ngates = [{measurement = "a", because = ""}]', "at_least or at_most"),
        ('id = "vae.size"', 'id = "vae.kl_loss"', "two items are called vae.kl_loss"),
        ('kind = "code"', 'kind = "cod"', r"files\.0\.kind"),
        ('title = "Tiny"', 'title = "Tiny', "not TOML"),
    ],
)
def test_a_mistake_stops_the_grading(root: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        assignments.load("tiny", with_change(root, before, after))


@pytest.mark.parametrize("key", ["probe", "first"])
def test_a_probe_that_does_not_exist_stops_the_grading(root: Path, key: str) -> None:
    """Asked of a submission, it would be the student's crash."""
    (root / "rubrics/tiny/probes.py").write_text("def generate(code, labels):\n    return labels\n")
    right = with_change(root, 'file = "model.pt"', f'file = "model.pt", {key} = "generate"')
    assert assignments.load("tiny", right)
    wrong = with_change(root, 'file = "model.pt"', f'file = "model.pt", {key} = "generat"')
    with pytest.raises(RubricError, match="probe 'generat' does not exist; did you mean generate"):
        assignments.load("tiny", wrong)


@pytest.mark.parametrize(
    "missing", ["rubrics/tiny/rubric.toml", "rubrics/tiny/probes.py", "reference/tiny", "rubrics/tiny"]
)
def test_a_half_built_assignment_is_an_error(root: Path, missing: str) -> None:
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(RubricError, match="half-built"):
        assignments.load("tiny", root)


def test_an_unknown_assignment_is_told_what_there_is(root: Path) -> None:
    with pytest.raises(AssignmentUnknown, match="'tyni'; there are: tiny"):
        assignments.load("tyni", root)
