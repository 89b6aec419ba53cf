"""Which names are recognised, and which are only guessed at."""

import unicodedata

import pytest

from grading.intake import match
from grading.intake.matching import nearest_name
from grading.records import ExpectedFile

CODE = ExpectedFile("A5_vae_submission.py", "code", aliases=("vae_submission.py",))
WEIGHTS = ExpectedFile("vae.pt", "weights", aliases=("vae.pth",))
EXPECTED = (CODE, WEIGHTS)


@pytest.mark.parametrize(
    "name",
    [
        "a5_VAE_Submission.py",
        "A5_vae_submission.PY",
        "vae_submission.py",
        "A5_vae_submission (1).py",
        "A5_vae_submission(2).py",
        "A5_vae_submission copy.py",
        "A5_vae_submission copy 2.py",
        "A5_vae_submission - Copy.py",
        "Copy of A5_vae_submission.py",
        "A5_vae_submission-1.py",
        "A5 vae submission.py",
        "A5-vae-submission.py",
        "smith_12345_A5_vae_submission.py",
        "smithjohn_LATE_12345_678910_A5_vae_submission-2.py",
        "Jane Smith_1234567_assignsubmission_file_A5_vae_submission.py",
        "smith_12345_vae_submission.py",
        "A5_vae_submission.ipynb",
    ],
)
def test_names_that_are_recognised(name: str) -> None:
    matching = match([name], EXPECTED)
    [found] = matching.found
    assert (found.name, found.path, found.exact) == ("A5_vae_submission.py", name, False)
    assert matching.missing == ("vae.pt",)


@pytest.mark.parametrize(
    "name",
    [
        "my_A5_vae_submission.py",
        "A5_vae_submission_final.py",
        "A5_vae_submission_final.ipynb",
        "A5_vae_submission.py.txt",
        "A5_diffusion_submission.py",
        "smith_12345_my_vae_submission.py",
        "2024_vae_submission.py",
        "submission.py",
        "vae.py",
    ],
)
def test_names_that_are_not(name: str) -> None:
    assert match([name], EXPECTED).missing == ("A5_vae_submission.py", "vae.pt")


def test_composed_and_decomposed_names_are_one() -> None:
    expected = (ExpectedFile("r\u00e9seau.py", "code"),)
    [found] = match([unicodedata.normalize("NFD", "R\u00e9seau.py")], expected).found
    assert found.name == "r\u00e9seau.py"


def test_exact_goes_before_everything_else() -> None:
    names = ["vae_submission.py", "a5_vae_submission.py", "deep/down/A5_vae_submission.py", "A5_vae_submission (1).py"]
    [found] = match(names, EXPECTED).found
    assert found.path == "deep/down/A5_vae_submission.py" and found.exact


def test_one_file_is_never_two() -> None:
    expected = (ExpectedFile("vae.pt", "weights"), ExpectedFile("model.pt", "weights", aliases=("vae.pt",)))
    matching = match(["vae.pt"], expected)
    assert [found.name for found in matching.found] == ["vae.pt"] and matching.missing == ("model.pt",)


def test_rivals_are_left_to_the_student() -> None:
    matching = match(["vae (1).pt", "vae (2).pt"], EXPECTED)
    assert matching.rivals == (("vae.pt", ("vae (1).pt", "vae (2).pt")),)
    assert matching.missing == ("A5_vae_submission.py",)


def test_base_names_do_for_recognition() -> None:
    assert len(match(("A5_vae_submission.py", "report.pdf", "vae.pth"), EXPECTED).found) == 2


@pytest.mark.parametrize(
    ("missing", "names", "nearest"),
    [
        ("vae.pt", ["unet.pt", "vae_final.pt"], "vae_final.pt"),
        ("vae.pt", ["vae.ckpt"], "vae.ckpt"),
        ("vae.pt", ["vae.py"], None),
        ("vae.pt", ["unet.pt", "gan.pt"], None),
        ("A5_vae_submission.py", ["A5_vae_submission.py.txt", "utils.py"], "A5_vae_submission.py.txt"),
        ("A5_vae_submission.py", ["A5_vae_submision.py"], "A5_vae_submision.py"),
        ("A5_vae_submission.py", [], None),
    ],
)
def test_nearest_name(missing: str, names: list[str], nearest: str | None) -> None:
    assert nearest_name(missing, names) == nearest
