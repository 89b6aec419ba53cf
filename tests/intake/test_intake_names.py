"""Names with other words in them, files that names mislead about, and which assignment a lone file is for."""

import shutil
from pathlib import Path

import pytest
from intake_archives import folder_of
from test_intake_taking import notebook

from grading import assignments
from grading.errors import IntakeError
from grading.intake import Intake, take_in
from grading.intake.wording import shown
from grading.records import ExpectedFile

VAE = ExpectedFile("vae.py", "code", defines=("VAE", "loss"))
OTHER = ExpectedFile("diffusion.py", "code", required=False, defines=("Diffusion",))
WEIGHTS = ExpectedFile("vae.pt", "weights", aliases=("vae.pth",), required=False)
CONDITIONAL = ExpectedFile("cvae.pt", "weights", aliases=("cvae.pth",), required=False)
GIVEN = ExpectedFile("utils.py", "starter", required=False)
EXPECTED = (VAE, OTHER, WEIGHTS, CONDITIONAL, GIVEN)
WHOLE = b"class VAE: pass\n\n\ndef loss(): pass\n"
HALF = b"class VAE: pass\n"
BROKEN = b"class VAE:\n    def ("


def take(folder: Path, files: dict[str, bytes]) -> tuple[Intake, dict[str, str]]:
    """What is taken, and by name, the path it came by."""
    intake = take_in(folder_of(folder / "work", files), EXPECTED, folder / "taken")
    return intake, {file.name: file.source for file in intake.files}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "vae_jsmith.py",
            "jsmith_vae.py",
            "vae_final.py",
            "vae_v2.py",
            "HW5_vae_jsmith.ipynb",
            "vae.py.txt",
            "vae.PY",
        ),
        *(
            "vae .py",
            "vae\u2011final.py",
            "my vae.py",
            "vae.ipynb.txt",
            "vae(final).py",
            "VAE - Jane Smith.py",
            "vae.v3.py",
        ),
        *("Vae_Submission_2.PY", "vae.final.ipynb", "vae.ipynb.json", "\uff56\uff41\uff45.py", "vae\u200b.py"),
    ],
)
@pytest.mark.parametrize("content", [WHOLE, BROKEN])
def test_code_under_other_names(tmp_path: Path, name: str, content: bytes) -> None:
    """By what it defines; where it cannot be parsed, by its name."""
    text = content.decode()
    intake, found = take(tmp_path, {name: notebook(text) if ".ipynb" in name else content, "vae.pt": b"x"})
    assert found["vae.py"] == shown(name) and intake.missing == ()
    assert any(f"{shown(name)} was taken as vae.py" in notice for notice in intake.notices)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, "vae.pt")
            for name in ("checkpoints/vae.pt", "vae_best.pt", "vae_final.pth", "vae-epoch-20.pt", "jane_vae.pt")
        ),
        *((name, "cvae.pt") for name in ("cvae_epoch60.pt", "my cvae.pt", "out/CVAE_best.PTH", "cvae (1).pt")),
    ],
)
def test_weights_under_other_names(tmp_path: Path, name: str, expected: str) -> None:
    _, found = take(tmp_path, {"vae.py": WHOLE, name: b"x"})
    assert found == {"vae.py": "vae.py", expected: name}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "train_vae.py",
            "test_vae.py",
            "vae_utils.py",
            "vae_layers.py",
            "my_utils.py",
            "vae.txt",
            "vae.docx",
            "xvae.py",
        ),
        *(
            "vae_optimizer.pt",
            "vae_losses.pt",
            "conditional_vae.pt",
            "vae.json",
            "vaes.pt",
            "vae_images.pt",
            "novae.pt",
        ),
    ],
)
def test_what_other_words_make_of_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(IntakeError, match="none of the expected files"):
        take(tmp_path, {name: b"x = 1"})


def test_code_that_defines_something_else_is_not_meant(tmp_path: Path) -> None:
    intake, found = take(tmp_path, {"vae_jane.py": b"def plot(): pass", "diffusion.py": b"class Diffusion: pass"})
    assert found == {"diffusion.py": "diffusion.py"} and intake.missing == ("vae.py",)


def test_the_best_of_several_weights(tmp_path: Path) -> None:
    files = {"vae.py": WHOLE, "vae_best.pt": b"1", "vae_last.pt": b"2", "vae_epoch5.pt": b"3"}
    intake, found = take(tmp_path, files)
    assert found["vae.pt"] == "vae_best.pt"
    assert any("vae_best.pt was taken as vae.pt, not vae_epoch5.pt, vae_last.pt" in notice for notice in intake.notices)


def test_what_is_unclear_costs_that_file_alone(tmp_path: Path) -> None:
    files = {"vae.py": WHOLE, "vae_epoch5.pt": b"1", "vae_epoch6.pt": b"2", "cvae.pt": b"3"}
    intake, found = take(tmp_path, files)
    assert found == {"vae.py": "vae.py", "cvae.pt": "cvae.pt"} and intake.missing == ()
    assert intake.notices[0] == intake.unclear["vae.pt"]
    assert intake.unclear["vae.pt"] == "several files could be vae.pt: vae_epoch5.pt, vae_epoch6.pt. Keep one of them."
    intake, found = take(tmp_path / "2", {"a/vae.py": WHOLE, "b/vae.py": WHOLE + b"#", "vae.pt": b"x"})
    assert found == {"vae.pt": "vae.pt"} and intake.missing == ("vae.py",)
    assert "several files could be vae.py: a/vae.py, b/vae.py" in intake.notices[0]


# ---------------------------------------------------------------- what they define decides


def test_of_two_the_one_that_defines_more(tmp_path: Path) -> None:
    intake, found = take(tmp_path, {"vae (1).py": HALF, "vae (2).py": WHOLE})
    assert found == {"vae.py": "vae (2).py"}
    assert "vae (1).py could be vae.py as well, but vae (2).py defines more of what is asked for" in intake.notices[0]
    _, found = take(tmp_path / "2", {"old/vae.py": HALF, "new/vae.py": WHOLE})
    assert found == {"vae.py": "new/vae.py"}
    _, found = take(tmp_path / "3", {"vae_old.py": HALF, "vae_new.py": WHOLE})
    assert found == {"vae.py": "vae_new.py"}


def test_of_two_that_are_the_same_either(tmp_path: Path) -> None:
    intake, found = take(tmp_path, {"a/vae.py": WHOLE, "b/vae.py": WHOLE, "x/vae.pt": b"1", "y/vae.pt": b"1"})
    assert found == {"vae.py": "a/vae.py", "vae.pt": "x/vae.pt"}
    assert "a/vae.py, b/vae.py are the same. Keep one of them." in intake.notices


def test_an_empty_copy_beside_the_work(tmp_path: Path) -> None:
    intake, found = take(tmp_path, {"vae.py": b"", "vae_done.py": WHOLE})
    assert found["vae.py"] == "vae_done.py"
    assert "vae.py could be vae.py as well, but vae_done.py defines more of what is asked for" in intake.notices[0]


@pytest.mark.parametrize("content", [b"from vae_done import VAE, loss", b"from vae_done import *", WHOLE, HALF])
def test_the_exact_name_wins_where_it_says_anything(tmp_path: Path, content: bytes) -> None:
    _, found = take(tmp_path, {"vae.py": content, "vae_done.py": WHOLE})
    assert found == {"vae.py": "vae.py"}


def test_a_half_that_is_done_is_not_taken_for_an_empty_copy(tmp_path: Path) -> None:
    _, found = take(tmp_path, {"vae.py": b"x = 1", "half.py": HALF})
    assert found == {"vae.py": "vae.py"}


def test_starters_are_known_by_their_own_names_alone(tmp_path: Path) -> None:
    _, found = take(tmp_path, {"vae.py": WHOLE, "my_utils.py": WHOLE, "utils_old.py": b"", "lib/utils.py": b"y = 1"})
    assert found == {"vae.py": "vae.py", "utils.py": "lib/utils.py"}


# ---------------------------------------------------------------- the course's own notebooks


def test_a_trainer_in_the_courses_own_notebook(tmp_path: Path) -> None:
    assignment = assignments.load("ift6135_a3")
    expected = [row.expected() for row in assignment.rubric.files]
    trainer = (assignment.reference / "q2_trainer_ddpm.py").read_text()
    other = (assignment.reference / "q3_trainer_cfg.py").read_text()
    files = {"02 - DDPM.ipynb": notebook("!pip install x", trainer), "q2_ddpm.py": b"class DenoiseDiffusion: pass"}
    intake = take_in(folder_of(tmp_path / "a", files), expected, tmp_path / "ta")
    assert {file.name: file.source for file in intake.files}["q2_trainer_ddpm.py"] == "02 - DDPM.ipynb"
    assert "class Trainer" in (tmp_path / "ta" / "q2_trainer_ddpm.py").read_text()
    assert any(notice.startswith("02 - DDPM.ipynb was taken as q2_trainer_ddpm.py") for notice in intake.notices)
    both = {**files, "03 - ClassifierFreeGuidance.ipynb": notebook(other)}
    found = {
        each.name: each.source for each in take_in(folder_of(tmp_path / "b", both), expected, tmp_path / "tb").files
    }
    assert found["q3_trainer_cfg.py"] == "03 - ClassifierFreeGuidance.ipynb"
    without = {
        **both,
        "q3_trainer_cfg.py": other.encode(),
        "02 - DDPM.ipynb": notebook("from q2_trainer_ddpm import Trainer"),
    }
    intake = take_in(folder_of(tmp_path / "c", without), expected, tmp_path / "tc")
    assert "q2_trainer_ddpm.py" in intake.missing and "q3_trainer_cfg.py" not in intake.missing


@pytest.mark.parametrize("handed_in", [("first", "second"), ("second",), ("first",)])
@pytest.mark.parametrize("behind", ["{}_jane_doe.py", "jane {}.py", "HW3_{}_final(1).py"])
def test_of_files_that_define_the_same_the_name_within_decides(
    tmp_path: Path, handed_in: tuple[str, ...], behind: str
) -> None:
    rows = [
        ExpectedFile(f"{name}_trainer.py", "code", required=False, defines=("Trainer",)) for name in ("first", "second")
    ]
    files = {behind.format(f"{name}_trainer"): b"class Trainer: pass  # " + name.encode() for name in handed_in}
    found = take_in(folder_of(tmp_path / "work", files), rows, tmp_path / "taken").files
    assert {file.name: file.source for file in found} == {
        f"{name}_trainer.py": behind.format(f"{name}_trainer") for name in handed_in
    }


# ---------------------------------------------------------------- which assignment


@pytest.mark.parametrize("form", ["folder", "file"])
@pytest.mark.parametrize(
    ("name", "file", "called"),
    [
        ("csci2271_a3", "vae.py", "vae.py"),
        ("cmput328_a9", "A9_vae.py", "vae.py"),
        ("cmput328_a5", "A5_vae_submission.py", "vae.py"),
        ("cmput328_a9", "A9_vae.py", "A9_vae.py"),
        ("ift6135_a3", "q1_vae.py", "vae.py"),
        ("ift6135_a3", "q2_ddpm.py", "my work.py"),
        ("csci2271_a3", "diffusion.py", "diffusion.py"),
        ("cmput328_a5", "A5_diffusion_submission.py", "diffusion.py"),
        ("cmu18786_hw5", "VAE_Starter_Notebook.py", "vae.py"),
        ("cmu18786_hw5", "VAE_Starter_Notebook.ipynb", "VAE.ipynb"),
        ("csci2271_a3", "vae.py", "HW3_vae_jsmith.py"),
    ],
)
def test_a_lone_file_tells_its_assignment_by_what_it_defines(
    tmp_path: Path, name: str, file: str, called: str, form: str
) -> None:
    (tmp_path / "work").mkdir()
    shutil.copy(assignments.load(name).reference / file, tmp_path / "work" / called)
    assert assignments.recognise(tmp_path / "work" / called if form == "file" else tmp_path / "work") == name
