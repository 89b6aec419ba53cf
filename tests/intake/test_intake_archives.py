"""Archives as people have them: other packers, other operating systems, one within another, or no archive at all."""

import bz2
import gzip
import io
import lzma
import os
import struct
import zipfile
from pathlib import Path

import pytest
from intake_archives import CODE, EXPECTED, WHOLE, changed, folder_of, tar_of, zip_of

from grading.errors import IntakeError
from grading.intake import limits, names_in, take_in
from grading.records import ExpectedFile

PACKERS = {"bz2": bz2.compress, "xz": lzma.compress, "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE)}
WINDOWS = {f"hw\\{name}": content for name, content in WHOLE.items()}


def taken(submission: Path) -> dict[str, bytes]:
    """What is taken of a submission, once its assertions hold."""
    into = submission.parent / f"taken of {submission.name}"
    assert take_in(submission, EXPECTED, into).missing == ()
    return {path.name: path.read_bytes() for path in into.iterdir() if path.suffix != ".lifted"}


def refusal(submission: Path) -> str:
    """The sentence that it is refused with; nothing is left behind."""
    with pytest.raises(IntakeError) as refused:
        take_in(submission, EXPECTED, submission.parent / "refused")
    assert not (submission.parent / "refused").exists() and str(refused.value).isprintable()
    return str(refused.value)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", ["work.tar.{}", "work", "work.t{}"])
def test_tars_of_other_packers(tmp_path: Path, packer: str, name: str) -> None:
    tar = tar_of(tmp_path / "w.tar", WHOLE).read_bytes()
    archive = written(tmp_path / name.format(packer), PACKERS[packer](tar))
    assert taken(archive) == WHOLE and set(names_in(archive)) == set(WHOLE)


def test_packed_in_parallel(tmp_path: Path) -> None:
    """As pbzip2 writes it: many streams in a row."""
    tar = tar_of(tmp_path / "w.tar", WHOLE).read_bytes()
    parts = [tar[start : start + 1000] for start in range(0, len(tar), 1000)]
    assert taken(written(tmp_path / "w.tar.bz2", b"".join(map(bz2.compress, parts)))) == WHOLE
    assert taken(written(tmp_path / "w.tar.xz", b"".join(map(lzma.compress, parts)) + bytes(4))) == WHOLE


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips_packed_otherwise(tmp_path: Path, method: int) -> None:
    files = {**WHOLE, "diffusion.pt": os.urandom(700_000)}
    with zipfile.ZipFile(tmp_path / "w.zip", "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert taken(tmp_path / "w.zip") == files


@pytest.mark.parametrize("packer", PACKERS)
def test_bombs_of_other_packers(tmp_path: Path, packer: str) -> None:
    bomb = PACKERS[packer](tar_of(tmp_path / "w.tar", {**WHOLE, "vae.pt": bytes(40 << 20)}).read_bytes())
    assert "as an archive bomb does" in refusal(written(tmp_path / "w.tar", bomb))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("lies", [False, True])
def test_bombs_in_zips(tmp_path: Path, method: int, lies: bool) -> None:
    with zipfile.ZipFile(tmp_path / "w.zip", "w", method) as archive:
        archive.writestr("A5_vae_submission.py", CODE)
        archive.writestr("vae.pt", bytes(40 << 20))
    if lies:
        changed(tmp_path / "w.zip", struct.pack("<L", 40 << 20), struct.pack("<L", 1000))
    assert ("is damaged" if lies else "as a zip bomb does") in refusal(tmp_path / "w.zip")


def test_a_stream_that_asks_for_too_much_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    xz = lzma.compress(tar_of(tmp_path / "w.tar", WHOLE).read_bytes(), filters=filters)
    assert "is damaged" in refusal(written(tmp_path / "w.tar.xz", xz))
    with zipfile.ZipFile(tmp_path / "w.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("vae.pt", b"x" * 1000)
    content = (tmp_path / "w.zip").read_bytes()
    at = content.index(b"\x05\x00\x5d") + 3
    assert "too much memory" in refusal(
        written(tmp_path / "w.zip", content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
    )


@pytest.mark.parametrize("packer", PACKERS)
def test_damaged_ones(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](tar_of(tmp_path / "w.tar", {**WHOLE, "vae.pt": os.urandom(50_000)}).read_bytes())
    for number, content in enumerate(
        (packed[: len(packed) // 2], packed[:2000] + b"\x55" * 9 + packed[2009:], packed[:9])
    ):
        assert "is damaged" in refusal(written(tmp_path / f"{number}.tar.x", content))


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"\x28\xb5\x2f\xfd\x04", "packed by Zstandard (.zst)"),
        (b"\x1f\x9d\x90", "packed by compress (.Z)"),
        (b"LZIP\x01", "packed by lzip (.lz)"),
        (b"\x04\x22\x4d\x18", "packed by LZ4 (.lz4)"),
    ],
)
@pytest.mark.parametrize("name", ["vae.7z", "work.zip"])
def test_formats_that_are_not_opened_are_named(tmp_path: Path, start: bytes, what: str, name: str) -> None:
    archive = written(tmp_path / name, start + os.urandom(1000))
    assert refusal(archive) == (
        f"{name} is {what}, which cannot be opened here; make a .zip of the same files and hand that in."
    )
    assert f"{name} is {what}, which cannot be opened here" in refusal(
        folder_of(tmp_path / "f", {name: archive.read_bytes()})
    )


def test_one_file_in_a_packer_for_tars(tmp_path: Path) -> None:
    for name, packed in {
        "vae.gz": gzip.compress(CODE),
        "vae.bz2": bz2.compress(CODE),
        "vae.xz": lzma.compress(CODE),
    }.items():
        assert f"{name} is one file packed by " in refusal(written(tmp_path / name, packed))


def test_a_zip_made_on_windows(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        for name, content in WINDOWS.items():
            entry = zipfile.ZipInfo("x")
            entry.filename, entry.create_system = name, 0
            archive.writestr(entry, content)
        folder = zipfile.ZipInfo("x")
        folder.filename = "hw\\empty\\"
        archive.writestr(folder, b"")
    assert taken(tmp_path / "w.zip") == WHOLE


def test_a_folder_that_was_unpacked_of_one_elsewhere(tmp_path: Path) -> None:
    assert taken(folder_of(tmp_path / "work", WINDOWS)) == WHOLE


def test_names_in_other_encodings_do_no_harm(tmp_path: Path) -> None:
    files = {"bXro/A5_vae_submission.py": CODE, "bXro/rXsumX.txt": b"x"}
    archive = changed(changed(zip_of(tmp_path / "w.zip", files), b"bXro", b"b\x81ro"), b"rXsumX", b"r\xe9sum\xe9")
    intake = take_in(archive, EXPECTED, tmp_path / "taken")
    assert [file.name for file in intake.files] == ["A5_vae_submission.py"]


# ---------------------------------------------------------------- one within another, or none


@pytest.mark.parametrize("outer", ["folder", "zip", "tar.gz"])
@pytest.mark.parametrize("inner", ["zip", "tar.xz"])
def test_an_archive_that_is_all_there_is(tmp_path: Path, outer: str, inner: str) -> None:
    tar = tar_of(tmp_path / "w.tar", {f"hw/{name}": content for name, content in WHOLE.items()}).read_bytes()
    packed = zip_of(tmp_path / "w.zip", WHOLE).read_bytes() if inner == "zip" else lzma.compress(tar)
    files = {f"smith/work.{inner}": packed, "smith/report.pdf": b"%PDF", "smith/__MACOSX/._work.zip": b"x"}
    make = {"folder": folder_of, "zip": zip_of, "tar.gz": tar_of}[outer]
    submission = make(tmp_path / f"handed_in.{outer}", files)
    assert taken(submission) == WHOLE and set(WHOLE) <= set(names_in(submission))
    [notice] = take_in(submission, EXPECTED, tmp_path / "again").notices
    assert notice.startswith(f"smith/work.{inner} is an archive within what was handed in")


def test_weights_beside_it_are_taken_too(tmp_path: Path) -> None:
    code = zip_of(
        tmp_path / "w.zip", {name: content for name, content in WHOLE.items() if name.endswith(".py")}
    ).read_bytes()
    files = {"code.zip": code, "vae.pt": WHOLE["vae.pt"], "diffusion.pt": WHOLE["diffusion.pt"]}
    assert taken(folder_of(tmp_path / "work", files)) == WHOLE


def test_an_archive_beside_the_expected_files_is_left_alone(tmp_path: Path) -> None:
    old = zip_of(tmp_path / "w.zip", {"A5_vae_submission.py": b"old"}).read_bytes()
    assert taken(folder_of(tmp_path / "work", {**WHOLE, "backup.zip": old})) == WHOLE


def test_what_an_inner_archive_may_not_hold(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "i.zip", {**WHOLE, "../x.py": CODE}).read_bytes()
    assert "i.zip holds an entry with an unsafe path" in refusal(zip_of(tmp_path / "w.zip", {"i.zip": inner}))
    bomb = zip_of(tmp_path / "b.zip", {**WHOLE, "vae.pt": bytes(40 << 20)}).read_bytes()
    assert "as a zip bomb does" in refusal(zip_of(tmp_path / "w.zip", {"b.zip": bomb}))
    twice = zip_of(tmp_path / "t.zip", {"w.zip": zip_of(tmp_path / "w.zip", WHOLE).read_bytes()}).read_bytes()
    assert "none of the expected files" in refusal(zip_of(tmp_path / "o.zip", {"t.zip": twice}))


@pytest.mark.parametrize(
    "name", ["A5_vae_submission.py", "vae_submission.py", "A5_vae_submission.py.txt", "jane_vae_submission.py"]
)
def test_a_single_file(tmp_path: Path, name: str) -> None:
    intake = take_in(folder_of(tmp_path, {name: CODE}) / name, EXPECTED, tmp_path / "taken")
    assert [file.name for file in intake.files] == ["A5_vae_submission.py"]
    assert (tmp_path / "taken" / "A5_vae_submission.py").read_bytes() == CODE
    assert names_in(tmp_path / name) == (name,)


def test_a_single_weights_file_is_no_archive(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    intake = take_in(folder_of(tmp_path, {"vae.pt": stream.getvalue()}) / "vae.pt", EXPECTED, tmp_path / "taken")
    assert [file.name for file in intake.files] == ["vae.pt"]


def test_a_single_file_that_is_too_large(tmp_path: Path) -> None:
    folder_of(tmp_path, {"vae.py": bytes(limits.LARGEST["code"] + 1)})
    with pytest.raises(IntakeError, match="is larger than"):
        take_in(tmp_path / "vae.py", [ExpectedFile("vae.py", "code")], tmp_path / "taken")
