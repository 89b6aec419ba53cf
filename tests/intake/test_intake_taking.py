"""What ordinary submissions become."""

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from intake_archives import CODE, EXPECTED, WHOLE, folder_of, tar_of, zip_of

from grading.errors import IntakeError
from grading.intake import Intake, names_in, take_in
from grading.records import ExpectedFile
from grading.sandbox.inside.loading import LIFTED


def take(submission: Path) -> Intake:
    return take_in(submission, EXPECTED, submission.parent / "taken")


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != LIFTED}


@pytest.fixture(params=["folder", "work.zip", "work.tar", "work.tar.gz", "work.tgz", "no_suffix"])
def submission(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same four files, one level down and with what tools leave behind, in every form that is accepted."""
    litter = {"__MACOSX/work/._vae.pt": b"x", "work/.git/vae.pt": b"x", "work/notes.txt": b"x"}
    files = {f"work/{name}": content for name, content in WHOLE.items()} | litter
    place = tmp_path / request.param
    if request.param == "folder":
        return folder_of(place, files)
    return tar_of(place, files) if "t" in place.suffix else zip_of(place, files)


def test_every_form_gives_the_same_folder(submission: Path) -> None:
    intake = take(submission)
    assert content_of(submission.parent / "taken") == WHOLE
    assert intake.missing == () and intake.notices == ()
    assert [file.name for file in intake.files] == [file.name for file in EXPECTED]
    assert intake.files[0].source == "work/A5_vae_submission.py"
    assert intake.files[0].size == len(CODE)
    assert intake.files[0].sha256 == hashlib.sha256(CODE).hexdigest()


def test_every_form_names_its_files(submission: Path) -> None:
    assert set(names_in(submission)) == {*WHOLE, "notes.txt"}


def test_folder_and_files_have_plain_modes(submission: Path) -> None:
    old = os.umask(0o077)
    take(submission)
    os.umask(old)
    taken = submission.parent / "taken"
    assert stat.S_IMODE(taken.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in taken.iterdir()} == {0o644}


def test_submission_is_left_as_it_was(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "work", WHOLE)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    take(folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_target_must_be_new(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        take(folder_of(tmp_path / "work", WHOLE))


def test_dot_slash_tar_is_ordinary(tmp_path: Path) -> None:
    files = {f"./{name}": content for name, content in WHOLE.items()}
    assert take(tar_of(tmp_path / "work.tgz", files)).missing == ()


def test_missing_required_file_is_reported(tmp_path: Path) -> None:
    intake = take(folder_of(tmp_path / "work", {"vae.pt": b"x", "A5_vae_submission.py": CODE}))
    assert intake.missing == ("A5_diffusion_submission.py",)  # diffusion.pt is not required
    assert intake.notices == ("A5_diffusion_submission.py is missing. Hand it in under exactly this name.",)


def test_missing_file_with_a_similar_one(tmp_path: Path) -> None:
    intake = take(folder_of(tmp_path / "work", {"vea.pt": b"x", **dict.fromkeys(list(WHOLE)[:2], CODE)}))
    assert intake.missing == ("vae.pt",)
    assert intake.notices == ("vae.pt is missing: found vea.pt, expected vae.pt — rename it.",)


def notebook(*cells: str) -> bytes:
    code = [{"cell_type": "code", "id": str(n), "source": cell, "outputs": []} for n, cell in enumerate(cells)]
    text = {"cell_type": "markdown", "id": "text", "source": "class Wrong:"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [text, *code]}).encode()


def test_notebook_in_place_of_a_module_becomes_one(tmp_path: Path) -> None:
    cells = (
        "!pip install torch\nimport math",
        "class VAE:\n    pass",
        "VAE().train()",
        "class VAE:\n    size = math.pi",
        "x = (",
    )
    files = {"A5_vae_submission.py": CODE, "vae.pt": b"x", "A5_diffusion_submission.ipynb": notebook(*cells)}
    intake = take(folder_of(tmp_path / "work", files))
    module = (tmp_path / "taken" / "A5_diffusion_submission.py").read_text()
    assert module.count("class VAE:") == 2 and "import math" in module
    assert "pip" not in module and "Wrong" not in module
    assert "__rest__ = 'VAE().train()'" in module and module.count("train") == 1
    assert set(content_of(tmp_path / "taken")) == set(files) - {"A5_diffusion_submission.ipynb"} | {
        "A5_diffusion_submission.py"
    }
    taken, broken, twice = intake.notices
    assert "A5_diffusion_submission.ipynb was taken as A5_diffusion_submission.py" in taken
    assert "cell 6 is not Python" in broken
    assert "VAE is defined 2 times; the last one, in cell 5, counts" in twice


@pytest.mark.parametrize("content", [b"{}", b"", b'{"cells": [', b"[" * 100_000])
def test_broken_notebook_in_place_of_a_module(tmp_path: Path, content: bytes) -> None:
    files = {"A5_vae_submission.py": CODE, "vae.pt": b"x", "A5_diffusion_submission.ipynb": content}
    intake = take(folder_of(tmp_path / "work", files))
    module = (tmp_path / "taken" / "A5_diffusion_submission.py").read_text()
    assert any(("notebook" in notice or "empty" in notice) for notice in intake.notices)
    with pytest.raises(ImportError, match=r"notebook|empty"):
        exec(module, {})


def test_notebook_of_nearly_the_name_of_a_module(tmp_path: Path) -> None:
    files = {"A5_vae_submission.py": CODE, "vae.pt": b"x", "A5_difusion_submission.ipynb": b"{}"}
    [notice] = take(folder_of(tmp_path / "work", files)).notices
    assert "found A5_difusion_submission.ipynb" in notice and "export the notebook to that file" in notice


def test_none_expected_names_both_sides(tmp_path: Path) -> None:
    with pytest.raises(IntakeError) as refusal:
        take(folder_of(tmp_path / "work", {"q1_vae.py": CODE, "q2_ddpm.py": CODE}))
    sentence = str(refusal.value)
    assert "none of the expected files: A5_vae_submission.py, A5_diffusion_submission.py, vae.pt" in sentence
    assert "Found instead: q1_vae.py, q2_ddpm.py" in sentence and "right assignment" in sentence
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("files", [{}, {"__MACOSX/._vae.pt": b"x"}, {"a/b/c/d/e/f/g/h/i/vae.pt": b"x"}])
def test_nothing_handed_in(tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "work").mkdir()
    for place in (folder_of(tmp_path / "work", files), zip_of(tmp_path / "work.zip", files)):
        with pytest.raises(IntakeError, match=r"holds no files. Hand in A5_vae_submission.py"):
            take(place)


def test_eight_folders_deep_is_looked_at(tmp_path: Path) -> None:
    files = {"a/b/c/d/e/f/g/h/vae.pt": b"x"}
    for place in (folder_of(tmp_path / "work", files), zip_of(tmp_path / "work.zip", files)):
        assert names_in(place) == ("vae.pt",)


def test_submission_that_does_not_exist(tmp_path: Path) -> None:
    for call in (take, names_in):
        with pytest.raises(IntakeError, match="does not exist"):
            call(tmp_path / "nowhere.zip")


def test_something_else_handed_in(tmp_path: Path) -> None:
    for name, content in {"work.docx": b"%PDF", "vae": CODE, "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IntakeError, match=r"not a folder, a .zip, a .tar or a .tar.gz"):
            take(tmp_path / name)


def test_pipe_handed_in(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "work")
    with pytest.raises(IntakeError, match="neither a folder nor a file"):
        take(tmp_path / "work")


def test_empty_and_lfs_files_are_taken_with_a_word(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    files = {"A5_vae_submission.py": b"", "A5_diffusion_submission.py": pointer, "vae.pt": b"", "diffusion.pt": pointer}
    intake = take(folder_of(tmp_path / "work", files))
    assert [file.note for file in intake.files] == ["empty", "a Git LFS pointer", "empty", "a Git LFS pointer"]
    assert intake.notices == (
        "A5_vae_submission.py is empty. Hand in the file with your code.",
        "A5_diffusion_submission.py is a Git LFS pointer. Hand in the file with your code.",
    )  # the weights' troubles are told where they are opened


def test_two_at_the_same_depth(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"could be vae.pt: final/vae.pt, old/vae.pt. Keep one of them"):
        take(folder_of(tmp_path / "work", {"old/vae.pt": b"1", "final/vae.pt": b"2"}))


def test_nearest_the_top_is_taken(tmp_path: Path) -> None:
    intake = take(folder_of(tmp_path / "work", {**WHOLE, "old/vae.pt": b"old"}))
    assert (tmp_path / "taken" / "vae.pt").read_bytes() == WHOLE["vae.pt"]
    assert intake.notices == ("vae.pt was taken as vae.pt, not old/vae.pt, which lies deeper. Keep one.",)


def test_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "work", {"vae.pt": b"x", "A5_vae_submission.py": bytes(6 << 20)})
    with pytest.raises(IntakeError, match=r"A5_vae_submission.py is larger than 5.0 MiB"):
        take(folder)
    assert not (tmp_path / "taken").exists()


def test_control_characters_never_reach_a_sentence(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "work", {"\x1b[31mvae\nweights" + "y" * 150: b"x"})
    with pytest.raises(IntakeError) as refusal:
        take_in(folder, (ExpectedFile("q.py", "code"),), tmp_path / "taken")
    assert str(refusal.value).isprintable() and "\\x1b[31mvae\\x0aweights" in str(refusal.value)
    assert "y" * 100 not in str(refusal.value)
    [file] = take_in(
        folder_of(tmp_path / "other", {"a\x1b/q.py": b"x"}), (ExpectedFile("q.py", "code"),), tmp_path / "t"
    ).files
    assert file.source == "a\\x1b/q.py"
