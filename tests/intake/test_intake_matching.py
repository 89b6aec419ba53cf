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
        "A5_vae_submission.py.txt",
        "A5_vae_submission .py",
        "A5\u2010vae\u2013submission.py",
        "A5_vae\u00a0submission\u200b.py",
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


NOTEBOOK = ExpectedFile("AE_Notebook.ipynb", "script", aliases=("autoencoder.ipynb", "autoencoder.py"))
SCRIPT = ExpectedFile("A9_vae.py", "script", aliases=("vae.py",))


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        *((NOTEBOOK, name) for name in ("AE_Notebook.ipynb", "ae_notebook.IPYNB", "autoencoder.ipynb")),
        *((NOTEBOOK, name) for name in ("AE Notebook (1).ipynb", "Copy of autoencoder.ipynb")),
        *(
            (NOTEBOOK, name)
            for name in ("AE_Notebook.py", "AE_Notebook (1).py", "autoencoder.py", "AE-Notebook copy.py")
        ),
        *((SCRIPT, name) for name in ("A9_vae.py", "A9_vae.ipynb", "vae (2).ipynb", "Vae.PY", "x_12345_A9_vae.ipynb")),
    ],
)
def test_a_script_is_recognised_in_both_forms(expected: ExpectedFile, name: str) -> None:
    [found] = match(["report.pdf", name], (expected, CODE)).found
    assert (found.name, found.path, found.exact) == (expected.name, name, name == expected.name)


@pytest.mark.parametrize("expected", [NOTEBOOK, SCRIPT])
@pytest.mark.parametrize("stem", ["{}", "{} (1)", "autoencoder", "vae"])
def test_of_both_forms_the_rows_own_is_taken(expected: ExpectedFile, stem: str) -> None:
    own, form = expected.name.rsplit(".", 1)
    names = [f"{stem.format(own)}.{each}" for each in ("py", "ipynb")]
    for found in match(names, (expected,)).found:
        assert found.path == f"{stem.format(own)}.{form}" and not found.others


def test_neither_form_of_a_script_is_taken_for_something_else() -> None:
    matching = match(["AE_Notebook_final.ipynb", "AE_Notebook.txt", "A9_vae.pt"], (NOTEBOOK, SCRIPT))
    assert matching.missing == ("AE_Notebook.ipynb", "A9_vae.py")
