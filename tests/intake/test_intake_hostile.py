"""What hostile archives and folders come to: one clear line, and nothing written."""

import os
import random
import socket
import stat
import struct
import tarfile
import time
import tracemalloc
from pathlib import Path

import pytest
from intake_archives import CODE, EXPECTED, WHOLE, changed, folder_of, tar_of, tar_of_kind, zip_of, zip_of_kind

from grading.errors import IntakeError
from grading.intake import names_in, take_in

GOOD = {"A5_vae_submission.py": CODE}


def refusal_of(submission: Path) -> str:
    """The sentence; asserts that it is one line and that nothing is left behind."""
    target = submission.parent / "taken"
    with pytest.raises(IntakeError) as refusal:
        take_in(submission, EXPECTED, target)
    assert not target.exists()
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 1000
    return str(refusal.value)


TRICKS = ["../vae.pt", "a/../../vae.pt", "/etc/vae.pt", "C:/vae.pt", "c:vae.pt", "..\\vae.pt", "a//vae.pt"]
TRICKS += ["\\vae.pt", "C:\\vae.pt", "a\\..\\..\\vae.pt", "\\\\server\\vae.pt"]


@pytest.mark.parametrize("path", TRICKS)
def test_path_tricks(tmp_path: Path, path: str) -> None:
    for archive in (zip_of(tmp_path / "w.zip", {**GOOD, path: b"x"}), tar_of(tmp_path / "w.tar", {**GOOD, path: b"x"})):
        assert "unsafe path" in refusal_of(archive)
        assert "A5_vae_submission.py" in names_in(archive)


def test_path_cut_short_by_a_nul(tmp_path: Path) -> None:
    archive = changed(zip_of(tmp_path / "w.zip", {**GOOD, "vae.ptXtxt": b"x"}), b"vae.ptXtxt", b"vae.pt\0txt")
    assert "unsafe path" in refusal_of(archive)


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip(tmp_path: Path, mode: int) -> None:
    sentence = refusal_of(zip_of_kind(tmp_path / "w.zip", "vae.pt", mode))
    assert ("vae.pt is a link" if mode == stat.S_IFLNK else "vae.pt is a device or a pipe") in sentence


LINKS = [tarfile.SYMTYPE, tarfile.LNKTYPE]
DEVICES = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", [*LINKS, *DEVICES])
@pytest.mark.parametrize("name", ["vae.pt", "unrelated"])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes, name: str) -> None:
    sentence = refusal_of(tar_of_kind(tmp_path / "w.tar", name, kind, "A5_vae_submission.py"))
    assert (f"{name} is a link" if kind in LINKS else f"{name} is a device or a pipe") in sentence


def test_sparse_file_in_a_tar(tmp_path: Path) -> None:
    sentence = refusal_of(tar_of_kind(tmp_path / "w.tar", "vae.pt", tarfile.GNUTYPE_SPARSE))
    assert "compressed in an unusual way" in sentence


def test_link_in_a_place_that_is_ignored(tmp_path: Path) -> None:
    archive = tar_of_kind(tmp_path / "w.tar", ".venv/bin/python", tarfile.SYMTYPE, "/usr/bin/python3")
    assert len(take_in(archive, EXPECTED, tmp_path / "taken").files) == 1


def test_link_in_a_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the answers")
    folder = folder_of(tmp_path / "work", GOOD)
    (folder / "vae.pt").symlink_to(secret)
    assert "vae.pt is a link; put the file itself in its place" in refusal_of(folder)
    assert "vae.pt" not in names_in(folder)


def test_linked_folder_is_not_entered(tmp_path: Path) -> None:
    elsewhere = folder_of(tmp_path / "elsewhere", {"vae.pt": b"the answers"})
    folder = folder_of(tmp_path / "work", GOOD)
    (folder / "linked").symlink_to(elsewhere)
    assert "vae.pt" in take_in(folder, EXPECTED, tmp_path / "taken").missing


def test_unrelated_link_in_a_folder_is_ignored(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "work", GOOD)
    (folder / "data").symlink_to("/nowhere")
    assert take_in(folder, EXPECTED, tmp_path / "taken").files[0].name == "A5_vae_submission.py"


def test_pipe_and_socket_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "work", GOOD)
    os.mkfifo(folder / "vae.pt")
    assert "vae.pt is not a regular file" in refusal_of(folder)
    (folder / "vae.pt").unlink()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as pipe:
        pipe.bind("vae.pt")
        assert "vae.pt is not a regular file" in refusal_of(folder)


def test_file_swapped_for_a_link_after_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "work", GOOD)
    (tmp_path / "secret").write_text("the answers")

    def swap(*_: object) -> None:
        (folder / "A5_vae_submission.py").unlink()
        (folder / "A5_vae_submission.py").symlink_to(tmp_path / "secret")

    monkeypatch.setattr("grading.intake.taking.refuse_twins", swap)
    assert "cannot be read" in refusal_of(folder)


@pytest.mark.parametrize("twin", ["a5_VAE_submission.py", "notes.txt"])
def test_case_twins(tmp_path: Path, twin: str) -> None:
    files = {**GOOD, twin: b"1", "Notes.txt": b"2"}
    for place in (zip_of(tmp_path / "w.zip", files), folder_of(tmp_path / "work", files)):
        assert "one file on many computers. Keep one." in refusal_of(place)


def test_unicode_twins(tmp_path: Path) -> None:
    files = {**GOOD, "r\u00e9sum\u00e9.txt": b"1", "re\u0301sume\u0301.txt": b"2"}
    assert "one file on many computers" in refusal_of(zip_of(tmp_path / "w.zip", files))


def test_duplicate_entries(tmp_path: Path) -> None:
    archive = changed(zip_of(tmp_path / "w.zip", {"vae.pt": b"first", "vae.pX": b"other"}), b"vae.pX", b"vae.pt")
    assert "holds vae.pt twice" in refusal_of(archive)
    tar = tar_of_kind(tmp_path / "w.tar", "A5_vae_submission.py", tarfile.REGTYPE)
    assert "holds A5_vae_submission.py twice" in refusal_of(tar)


def test_encrypted_zip(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "w.zip", GOOD, deflate=False)
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert "encrypted; make the archive again without a password" in refusal_of(archive)


def test_unusual_compression(tmp_path: Path) -> None:
    archive = changed(zip_of(tmp_path / "w.zip", GOOD), struct.pack("<HH", 0, 8), struct.pack("<HH", 0, 9))
    assert "compressed in an unusual way (Deflate64)" in refusal_of(archive)


def test_zip_in_a_zip(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner.zip", WHOLE).read_bytes()
    both = {"inner.zip": inner, "again.zip": inner}
    for place in (zip_of(tmp_path / "w.zip", both), folder_of(tmp_path / "work", both)):
        sentence = refusal_of(place)
        assert "holds other archives, " in sentence and "and none of the expected files" in sentence
        assert "Hand in the files directly: A5_vae_submission.py" in sentence


def test_too_many_entries(tmp_path: Path) -> None:
    crowd = {f"{number}.txt": b"" for number in range(5_001)}
    for place in (zip_of(tmp_path / "w.zip", crowd), tar_of(tmp_path / "w.tgz", crowd)):
        assert "holds more than 5,000 files" in refusal_of(place)
    folder = folder_of(tmp_path / "work", GOOD)
    for name in crowd:
        (folder / name).touch()
    assert "holds more than 5,000 files" in refusal_of(folder)


def test_crowds_that_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment or a deep tree in a folder costs neither time nor the submission."""
    monkeypatch.setattr("grading.intake.limits.ENTRIES", 12)
    crowd = {f"{number}.py": b"" for number in range(20)}
    folder = folder_of(tmp_path / "work", GOOD)
    folder_of(folder / ".venv", crowd)
    folder_of(folder / "a/b/c/d/e/f/g/h/i", crowd)
    assert names_in(folder) == ("A5_vae_submission.py",)


def test_small_files_may_pack_well(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "w.zip", {"A5_vae_submission.py": b"# padding\n" * 90_000})
    assert take_in(archive, EXPECTED, tmp_path / "taken").files[0].size == 900_000


def test_declared_bomb(tmp_path: Path) -> None:
    """A zip that says it holds 4 GiB, in an entry nobody asked for."""
    archive = zip_of(tmp_path / "w.zip", {**GOOD, "data.bin": b"x" * 77777}, deflate=False)
    changed(archive, struct.pack("<2L", 77777, 77777), struct.pack("<2L", 77777, 2**32 - 2))
    assert "unpacks to 4,096.0 MiB; at most 1,024.0 MiB" in refusal_of(archive)


def test_ratio_bomb(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "w.zip", {**GOOD, "vae.pt": bytes(20 << 20)})
    assert archive.stat().st_size < 25_000
    assert "vae.pt unpacks to over 200 times its packed size" in refusal_of(archive)


def test_ratio_bomb_that_says_it_is_small(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "w.zip", {**GOOD, "vae.pt": bytes(20 << 20)})
    changed(archive, struct.pack("<L", 20 << 20), struct.pack("<L", 1000))
    assert "is damaged" in refusal_of(archive)


def test_streamed_bytes_are_counted_whatever_was_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.intake.contents.refuse_bombs", lambda *_: None)
    archive = zip_of(tmp_path / "w.zip", {"A5_vae_submission.py": bytes(6 << 20)})
    assert "over 200 times its packed size" in refusal_of(archive)
    monkeypatch.setattr("grading.intake.copying.refuse_ratio", lambda *_: None)
    assert "larger than 5.0 MiB" in refusal_of(archive)


def test_all_files_together_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.intake.limits.TOTAL", 1000)
    folder = folder_of(tmp_path / "work", {"A5_vae_submission.py": b"x" * 600, "vae.pt": b"x" * 600})
    assert "vae.pt is larger than 400 bytes" in refusal_of(folder)


def test_gzip_bomb(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "w.tar.gz", {**GOOD, "vae.pt": bytes(20 << 20), "z": b""})
    assert "as an archive bomb does" in refusal_of(archive)


def test_tar_header_that_asks_for_a_gulp_of_memory(tmp_path: Path) -> None:
    """A tar keeps long names in a block of its own, which readers take into memory whole."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    (tmp_path / "w.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(64 << 20))
    tracemalloc.start()
    sentence = refusal_of(tmp_path / "w.tar")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "oversized table of contents" in sentence and peak < 20 << 20


def test_zip_directory_that_asks_for_a_gulp_of_memory(tmp_path: Path) -> None:
    directory = b"PK\x01\x02" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 200_000 * 46, 4, 0)
    (tmp_path / "w.zip").write_bytes(b"PK\x03\x04" + directory * 200_000 + end)
    assert "oversized table of contents" in refusal_of(tmp_path / "w.zip")


def test_tar_of_headers_without_end(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1
    block = header.tobuf(tarfile.GNU_FORMAT) + bytes(512)
    (tmp_path / "w.tar").write_bytes(block * 3_000)
    assert "is damaged (RecursionError" in refusal_of(tmp_path / "w.tar")


def test_very_long_names_cost_no_time(tmp_path: Path) -> None:
    names = [(letter * 30_000)[:60_000] + ".pt" for letter in ("-", "1", " ", "copy ", "_1")]
    started = time.monotonic()
    assert "none of the expected files" in refusal_of(zip_of(tmp_path / "w.zip", dict.fromkeys(names, b"x")))
    assert time.monotonic() - started < 5


def test_truncated_archives(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(5000)
    for archive in (zip_of(tmp_path / "w.zip", {"vae.pt": noise}), tar_of(tmp_path / "w.tgz", {"vae.pt": noise})):
        archive.write_bytes(archive.read_bytes()[:-2000])
        assert "is damaged" in refusal_of(archive)


def test_tar_with_a_damaged_header_in_the_middle(tmp_path: Path) -> None:
    """Python's reader takes it for the end of the archive, and the files after it would be missing without a word."""
    archive = changed(tar_of(tmp_path / "w.tar", {**GOOD, "vae.pt": b"x"}), b"vae.pt", b"vae.pX")
    assert "w.tar is damaged" in refusal_of(archive)


@pytest.mark.parametrize("name", ["w.zip", "w.tar", "w.tgz"])
def test_damaged_archives_never_crash_the_reader(tmp_path: Path, name: str) -> None:
    """200 archives with a few bytes changed: each is either taken or refused in a sentence."""
    archive = (zip_of if name == "w.zip" else tar_of)(tmp_path / name, WHOLE)
    whole, rng = archive.read_bytes(), random.Random(name)
    for number in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        archive.write_bytes(damaged)
        try:
            take_in(archive, EXPECTED, tmp_path / str(number))
        except IntakeError as refusal:
            assert str(refusal)
            assert not (tmp_path / str(number)).exists()
