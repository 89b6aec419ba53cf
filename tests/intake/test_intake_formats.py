"""What is handed in under a weights file's name that is no weights file."""

import copy
import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from intake_archives import zip_of
from intake_weights import Bomb, Net, in_memory, kept, opened, refusal, rezipped, saved, state, with_pickle

AGAIN = "Save it again with torch.save(model.state_dict(), 'vae.pt')."


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_empty_file(tmp_path: Path) -> None:
    assert refusal(written(tmp_path / "vae.pt", b"")) == f"vae.pt is empty (0 bytes). {AGAIN}"


def test_git_lfs_pointer(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    sentence = refusal(written(tmp_path / "vae.pt", pointer))
    assert "is a Git LFS pointer, not the weights" in sentence and "`git lfs pull`" in sentence


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "a web page: the download of the weights failed"),
        (b"\n <html lang=en>", "a web page"),
        (b'{"state_dict": {}}', "a JSON or text file"),
        (b"the weights are on my drive\r\n", "a text file"),
        ("les poids sont là".encode(), "a text file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(80), "an HDF5 file"),
        (b"\x1f\x8b\x08\x00" + bytes(80), "a gzip-compressed file"),
        (b"PK\x05\x06" + bytes(18), "an empty zip"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (bytes(100), "not a file that torch.save wrote"),
        (b"\x00\xff" * 50, "not a file that torch.save wrote"),
    ],
)
def test_first_bytes_tell(tmp_path: Path, content: bytes, what: str) -> None:
    sentence = refusal(written(tmp_path / "vae.pt", content))
    assert f"vae.pt is {what}" in sentence and sentence.endswith(AGAIN)


def test_numpy_files(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    assert "vae.pt is a NumPy array" in refusal(written(tmp_path / "vae.pt", stream.getvalue()))
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(3))
    assert "vae.pt is a NumPy .npz file" in refusal(written(tmp_path / "vae.pt", stream.getvalue()))


def test_safetensors_under_another_name(tmp_path: Path) -> None:
    safetensors.torch.save_file(state(), tmp_path / "vae.pt")
    assert "is a safetensors file under another name" in refusal(tmp_path / "vae.pt")


def test_plain_pickle(tmp_path: Path) -> None:
    for protocol in (2, 4, 5):
        sentence = refusal(written(tmp_path / "vae.pt", pickle.dumps(state(), protocol)))
        assert f"is a plain pickle, not a file that torch.save wrote. {AGAIN}" in sentence


def test_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "vae.pt", "w") as archive:
        archive.add(saved(tmp_path / "inner.pt", state()))
    assert "is a tar archive" in refusal(tmp_path / "vae.pt")


def test_zip_around_a_weights_file(tmp_path: Path) -> None:
    sentence = refusal(zip_of(tmp_path / "vae.pt", {"models/vae.pt": in_memory(state())}))
    assert "is a zip that holds models/vae.pt, not a weights file" in sentence and "directly, not zipped" in sentence


def test_zip_of_other_things(tmp_path: Path) -> None:
    assert "is a zip of other files" in refusal(zip_of(tmp_path / "vae.pt", {"vae.py": b"x"}))


def test_torchscript(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "vae.pt")
    assert "is a TorchScript program (torch.jit.save), not weights alone" in refusal(tmp_path / "vae.pt")


def test_cut_short(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", state())
    written(path, path.read_bytes()[:-100])
    assert "is damaged" in refusal(path) and "cut short on its way" in refusal(path)


def test_legacy_layout_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", Net().state_dict(), _use_new_zipfile_serialization=False)
    zipped = saved(tmp_path / "new.pt", Net().state_dict())
    assert [entry[:2] for entry in kept(path).tensors] == [entry[:2] for entry in kept(zipped).tensors]


def test_legacy_layout_cut_short(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", Net().state_dict(), _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 140, 30):
        assert "is damaged" in refusal(written(path, whole[:length]))


def test_legacy_layout_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", {"a": torch.zeros(7)}, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert content.count(b"K\x07") == 2  # the storage's count, the tensor's size
    assert "should hold 36 bytes for one tensor and has 28" in refusal(
        written(path, content.replace(b"K\x07", b"K\x09"))
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_bomb(tmp_path: Path, zipped: bool) -> None:
    """The command of a real one is run by torch.load without weights_only, and never by us."""
    target = tmp_path / "owned"
    path = saved(tmp_path / "vae.pt", {"fc.weight": Bomb(target)}, _use_new_zipfile_serialization=zipped)
    assert "names posix.system, which weights do not need; it was not opened" in refusal(path)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()


def test_pickle_bomb_where_the_legacy_layout_keeps_plain_values(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", state(), _use_new_zipfile_serialization=False)
    content, plain = path.read_bytes(), b"\x80\x02M\xe9\x03."
    assert content.count(plain) == 1
    assert "imports something" in refusal(written(path, content.replace(plain, b"\x80\x02cos\nsystem\n.")))


def test_deflated_zip_bomb(tmp_path: Path) -> None:
    parts = {"archive/data.pkl": b"\x80\x02}.", "archive/version": b"3", "archive/data/0": bytes(20 << 20)}
    path = rezipped(tmp_path / "vae.pt", parts, deflate=True)
    assert path.stat().st_size < 25_000
    assert "was compressed (archive/data.pkl unpacks to" in refusal(path) and "torch.save never compresses" in refusal(
        path
    )


def test_rezipped_by_hand_opens_again(tmp_path: Path) -> None:
    """Stored parts are enough; the order and the alignment of torch.save are not asked for."""
    with zipfile.ZipFile(saved(tmp_path / "vae.pt", state())) as archive:
        parts = {name: archive.read(name) for name in reversed(archive.namelist())}
    assert len(kept(rezipped(tmp_path / "vae.pt", parts)).tensors) == 2


@pytest.mark.parametrize(
    "part", ["archive/code/model.py", "archive/data/../../x", "brchive/data/1", "archive/data/", "loose"]
)
def test_parts_that_torch_does_not_write(tmp_path: Path, part: str) -> None:
    parts = {"archive/data.pkl": b"\x80\x02}.", "archive/version": b"3", part: b""}
    assert "parts that torch.save does not write" in refusal(rezipped(tmp_path / "vae.pt", parts))


def test_encrypted(tmp_path: Path) -> None:
    path = with_pickle(tmp_path / "vae.pt", b"\x80\x02}.")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted; torch.save never encrypts" in refusal(written(path, bytes(content)))


def test_overlapping_parts(tmp_path: Path) -> None:
    """One stored block that many storages share is a bomb without any compression."""
    path = with_pickle(tmp_path / "vae.pt", b"\x80\x02}.", {"0": bytes(1 << 20)})
    with zipfile.ZipFile(path, "a") as archive:
        for place in range(1, 50):
            twin = copy.copy(archive.getinfo("archive/data/0"))
            twin.filename = f"archive/data/{place}"
            archive.filelist.append(twin)
        archive.writestr("archive/byteorder", b"little")
    assert "claims to hold more bytes than it has" in refusal(path)


def test_part_held_twice(tmp_path: Path) -> None:
    path = with_pickle(tmp_path / "vae.pt", b"\x80\x02}.", {"0": b"first", "1": b"other"})
    sentence = refusal(written(path, path.read_bytes().replace(b"archive/data/1", b"archive/data/0")))
    assert "holds archive/data/0 more than once" in sentence


@pytest.mark.parametrize("place", [50, -100, None])
def test_bytes_added_to_the_zip(tmp_path: Path, place: int | None) -> None:
    """Two readers of one zip must not find two tables of contents."""
    path = with_pickle(tmp_path / "vae.pt", b"\x80\x02}.")
    whole = path.read_bytes()
    sentence = refusal(written(path, whole[:place] + b"more" + whole[place:] if place else whole + b"more"))
    assert "bytes before or after" in sentence or "is damaged" in sentence


def test_second_table_of_contents(tmp_path: Path) -> None:
    """A benign archive and a bomb in one file, with the bomb's table where other readers would look."""
    bomb = with_pickle(tmp_path / "bomb.pt", b"\x80\x02cos\nsystem\n.").read_bytes()
    benign = with_pickle(tmp_path / "benign.pt", b"\x80\x02}.").read_bytes()
    assert "bytes before or after" in refusal(written(tmp_path / "vae.pt", bomb + benign))


def test_crowd_of_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.intake.limits.PARTS", 5)
    assert "at most 5 are accepted" in refusal(saved(tmp_path / "vae.pt", Net().state_dict()))


def test_oversized_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "vae.pt", Net().state_dict())
    monkeypatch.setattr("grading.intake.limits.PICKLE", 100)
    assert "of names and shapes" in refusal(path)
    monkeypatch.undo()
    monkeypatch.setattr("grading.intake.limits.INSTRUCTIONS", 10)
    assert "too long" in refusal(path)


def test_older_torch_layout(tmp_path: Path) -> None:
    """torch 1.6 wrote the pickle, the storages under their addresses, and the version."""
    with zipfile.ZipFile(saved(tmp_path / "vae.pt", OrderedDict(a=torch.ones(3)))) as archive:
        pickled = archive.read("vae/data.pkl").replace(b"X\x01\x00\x00\x000", b"X\x0e\x00\x00\x0094601437963504")
        parts = {"archive/data.pkl": pickled, "archive/data/94601437963504": archive.read("vae/data/0")}
    path = rezipped(tmp_path / "vae.pt", parts | {"archive/version": b"3\n"})
    assert opened(path) == {"a": pytest.approx(torch.ones(3))}
    assert kept(path).tensors == (("a", (3,), "float32"),)
