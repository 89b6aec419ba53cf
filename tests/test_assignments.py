"""Which assignment a submission is for, by the files it holds."""

import shutil
from pathlib import Path

import pytest

from grading import assignments
from grading.errors import AssignmentUnknown, RubricError

ROOT = Path(__file__).parents[1]
ID = "cmput328_a5"


def copied(root: Path, name: str, **renamed: str) -> None:
    """A copy of the one assignment under another name, with other file names."""
    shutil.copytree(ROOT / "rubrics" / ID, root / "rubrics" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "reference" / name).mkdir(parents=True)
    rubric = root / "rubrics" / name / "rubric.toml"
    text = rubric.read_text()
    for before, after in renamed.items():
        assert before in text
        text = text.replace(before, after)
    rubric.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with two assignments that have their weights' names in common."""
    copied(tmp_path / "root", ID)
    copied(tmp_path / "root", "other", A5_vae_submission="A6_gan", A5_diffusion_submission="A6_flow",
           a5_vae="a6_gan", a5_diffusion="a6_flow", vae_submission="gan", diffusion_submission="flow")  # fmt: skip
    return tmp_path / "root"


def submission(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"1")
    return folder


def test_ids_are_the_folders(root: Path) -> None:
    (root / "rubrics" / "__pycache__").mkdir()
    (root / "rubrics" / ".hidden").mkdir()
    (root / "reference" / "begun").mkdir()
    assert assignments.ids(root) == ["begun", ID, "other"]
    assert ID in assignments.ids()


def test_recognised_by_its_files(root: Path, tmp_path: Path) -> None:
    assert assignments.recognise(submission(tmp_path / "a", "A5_vae_submission.py", "vae.pt"), root) == ID
    assert assignments.recognise(submission(tmp_path / "b", "A6_flow.py", "vae.pt", "diffusion.pt"), root) == "other"


def test_recognised_by_an_alias(root: Path, tmp_path: Path) -> None:
    assert assignments.recognise(submission(tmp_path / "a", "a5_vae.py"), root) == ID


def test_none_fits(root: Path, tmp_path: Path) -> None:
    with pytest.raises(AssignmentUnknown) as told:
        assignments.recognise(submission(tmp_path / "a", "essay.docx"), root)
    for part in ("holds no file of any assignment", "A5_vae_submission.py", "A6_gan.py", "It holds: essay.docx"):
        assert part in str(told.value)


def test_an_empty_folder_fits_nothing(root: Path, tmp_path: Path) -> None:
    with pytest.raises(AssignmentUnknown, match="It holds: nothing"):
        assignments.recognise(submission(tmp_path / "a"), root)


def test_two_fit(root: Path, tmp_path: Path) -> None:
    with pytest.raises(AssignmentUnknown, match=f"a fits {ID} and other: say which with --assignment"):
        assignments.recognise(submission(tmp_path / "a", "vae.pt"), root)


def test_no_assignments_at_all(tmp_path: Path) -> None:
    with pytest.raises(AssignmentUnknown):
        assignments.recognise(submission(tmp_path / "a", "vae.pt"), tmp_path / "nowhere")


def test_a_half_built_one_is_not_overlooked(root: Path, tmp_path: Path) -> None:
    (root / "rubrics" / "other" / "rubric.toml").unlink()
    with pytest.raises(RubricError, match="half-built"):
        assignments.recognise(submission(tmp_path / "a", "A5_vae_submission.py"), root)


def test_judge_finds_only_the_public_functions_of_the_topic_itself() -> None:
    assert assignments.judge("gaussian.reparameterization", "checks").__name__ == "reparameterization"
    for name in ("gaussian.Subject", "gaussian.agree", "gaussian._anything", "os.system", "__init__.x"):
        with pytest.raises(RubricError, match="does not exist"):
            assignments.judge(name, "checks")
