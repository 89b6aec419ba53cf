"""The twelve usual mistakes of students, each with the sentence that a student reads."""

from pathlib import Path

import pytest
import torch
from intake_archives import CODE, folder_of, zip_of
from intake_weights import Net, kept, never, refusal, saved, state
from torch import nn

from grading.errors import IntakeError
from grading.intake import explain_mismatch, take_in
from grading.records import ExpectedFile

EXPECTED = (ExpectedFile("A5_vae_submission.py", "code"), ExpectedFile("vae.pt", "weights"))
SAVE = "torch.save(model.state_dict(), 'vae.pt')"


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape, _ in kept(path).tensors}


def model() -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in Net().state_dict().items()}


def test_1_whole_module_saved(tmp_path: Path) -> None:
    assert refusal(saved(tmp_path / "vae.pt", Net()), never) == (
        "vae.pt is a whole pickled model (Net, Linear, BatchNorm1d), which runs code when it is opened. "
        f"Save only its weights: model = torch.load('vae.pt', weights_only=False); {SAVE}."
    )


def test_2_module_prefix(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", nn.DataParallel(Net()).state_dict())
    assert kept(path).notes == (
        "Every key of vae.pt begins with 'module.': the model was wrapped by nn.DataParallel. "
        "Save the model inside: torch.save(model.module.state_dict(), 'vae.pt').",
    )
    assert "torch.save(model.module.state_dict(), …)" in explain_mismatch(shapes(path), model())


def test_2b_compiled_prefix(tmp_path: Path) -> None:
    compiled = {f"_orig_mod.{key}": value for key, value in Net().state_dict().items()}
    [note] = kept(saved(tmp_path / "vae.pt", compiled)).notes
    assert "wrapped by torch.compile" in note and "torch.save(model._orig_mod.state_dict(), 'vae.pt')" in note


def test_3_optimizer_inside(tmp_path: Path) -> None:
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    net.encoder(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 20, "model_state_dict": net.state_dict(), "optimizer_state_dict": optimizer.state_dict()}
    path = saved(tmp_path / "vae.pt", checkpoint)
    assert kept(path).notes == (
        "vae.pt keeps its weights under model_state_dict and also holds epoch, optimizer_state_dict. "
        f"They were taken from there; weights alone are enough: {SAVE}.",
    )
    assert explain_mismatch(shapes(path), model()) == ""


def test_4_cuda_tensors(tmp_path: Path) -> None:
    """What torch.save writes on a GPU differs from what it writes here in the device's name alone."""
    path = saved(tmp_path / "vae.pt", state(), _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    assert kept(path).notes == (
        "vae.pt was saved from cuda:0. Load it with torch.load('vae.pt', map_location=device), "
        "or it cannot be opened on a computer without that device.",
    )


def test_5_wrong_class(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", nn.Sequential(nn.Conv2d(1, 8, 3), nn.Linear(8, 8)).state_dict())
    sentence = explain_mismatch(shapes(path), model())
    assert "Hardly a key fits: the file holds 0.weight, 0.bias, 1.weight and 1 more" in sentence
    assert "weights of another class or of another assignment" in sentence


def test_6_missing_and_extra_keys(tmp_path: Path) -> None:
    tensors = Net().state_dict()
    tensors["classes.weight"] = tensors.pop("encoder.bias")
    sentence = explain_mismatch(shapes(saved(tmp_path / "vae.pt", tensors)), model())
    assert "the file lacks 1 key of the model (encoder.bias)" in sentence
    assert "it holds 1 key that the model has not (classes.weight)" in sentence


def test_7_nan(tmp_path: Path) -> None:
    net = Net()
    nn.init.constant_(net.decoder.bias, float("nan"))
    manifest = kept(saved(tmp_path / "vae.pt", net.state_dict()))
    assert not manifest.finite
    assert manifest.notes == (
        "vae.pt holds NaN, first in 'decoder.bias'. Training has diverged: lower the learning rate, train again "
        "and save a checkpoint whose loss is finite.",
    )


def test_8_empty_file(tmp_path: Path) -> None:
    (tmp_path / "vae.pt").touch()
    assert refusal(tmp_path / "vae.pt", never) == f"vae.pt is empty (0 bytes). Save it again with {SAVE}."


def test_9_git_lfs_pointer(tmp_path: Path) -> None:
    (tmp_path / "vae.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert refusal(tmp_path / "vae.pt", never) == (
        "vae.pt is a Git LFS pointer, not the weights themselves. Run `git lfs pull` and hand in the real file."
    )


def test_10_renamed_file(tmp_path: Path) -> None:
    submission = folder_of(tmp_path / "work", {"smith_12345_A5_vae_submission (1).py": CODE, "my_vae.pt": b"x"})
    intake = take_in(submission, EXPECTED, tmp_path / "taken")
    assert intake.missing == ()
    assert intake.notices == (
        "smith_12345_A5_vae_submission (1).py was taken as A5_vae_submission.py. "
        "Hand it in under exactly this name: A5_vae_submission.py.",
        "my_vae.pt was taken as vae.pt. Hand it in under exactly this name: vae.pt.",
    )


def test_11_wrong_assignment(tmp_path: Path) -> None:
    submission = folder_of(tmp_path / "work", {"q1_vae.py": CODE, "q2_ddpm.py": CODE})
    with pytest.raises(IntakeError) as refused:
        take_in(submission, EXPECTED, tmp_path / "taken")
    assert str(refused.value) == (
        "work holds none of the expected files: A5_vae_submission.py, vae.pt. Found instead: q1_vae.py, q2_ddpm.py. "
        "Check that this is the right assignment and that the names are the handout's."
    )


def test_12_zip_in_a_zip(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "vae.zip", {"vae.pt": b"x", "A5_vae_submission.py": CODE})
    whole = zip_of(tmp_path / "work.zip", {"vae.zip": inner.read_bytes(), "notes.txt": b"see the zip"})
    intake = take_in(whole, EXPECTED, tmp_path / "taken")
    assert intake.missing == () and [file.source for file in intake.files] == [
        "vae.zip/A5_vae_submission.py",
        "vae.zip/vae.pt",
    ]
    assert intake.notices == ("vae.zip is an archive within what was handed in: what it holds was taken from there.",)
