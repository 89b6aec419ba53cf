"""Zip and tar archives as lists of entries. Nothing is unpacked to disk, and no declared size is believed."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.entries import Entry, refuse_crowds
from grading.intake.wording import shown

UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, struct.error, EOFError,
    ValueError, OverflowError, RuntimeError,
)  # fmt: skip
LINK = "is a link; put the file itself in its place"
SPECIAL = "is a device or a pipe; put an ordinary file in its place"
ENCRYPTED = "is encrypted; make the archive again without a password"
UNUSUAL = "is compressed in an unusual way; make an ordinary .zip or .tar.gz"


class Sips(io.BufferedReader):
    """A file that is read little by little: an archive's book-keeping cannot make us hold more than a gulp in memory.

    `end` is the furthest position it may be read to.
    """

    def __init__(self, source: Any, end: int, name: str) -> None:
        super().__init__(source)
        self._end, self._name = end, name

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads a gulp at most. Raises IntakeError where more is asked for by name."""
        if size is not None and size > limits.GULP:
            raise IntakeError(f"{self._name} has an oversized table of contents. Make the archive again.")
        self._stay_inside(self.tell())
        return super().read(limits.GULP if size is None or size < 0 else size)

    def seek(self, target: int, whence: int = 0, /) -> int:
        """Moves like any file, but not past the end that was set."""
        if whence == io.SEEK_SET:
            self._stay_inside(target)
            target = max(target, 0)
        return super().seek(target, whence)

    def _stay_inside(self, position: int) -> None:
        if position > self._end:
            raise IntakeError(
                f"{self._name} unpacks to far more than its size allows, as an archive bomb does. "
                "Hand in only the files asked for."
            )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns what the archive readers raise into a sentence."""
    try:
        yield
    except UNREADABLE as error:
        raise IntakeError(
            f"{name} is damaged ({type(error).__name__}: {shown(str(error))}). "
            "Make the archive again, check that it opens, and hand it in again."
        ) from None


@contextmanager
def entries_of_archive(archive: Path) -> Iterator[tuple[Entry, ...]]:
    """What a .zip, .tar, .tar.gz or .tgz holds, told from its first bytes. Entries can be opened inside the block only."""
    with archive.open("rb") as file:
        head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        reader: Callable[[Path], Any] = _zip
    elif head.startswith(b"\x1f\x8b"):
        reader = _gzipped_tar
    elif head[257:262] == b"ustar" or archive.suffix == ".tar":
        reader = _tar
    else:
        raise IntakeError(f"{archive.name} is not a folder, a .zip, a .tar or a .tar.gz. Hand in one of these.")
    with reader(archive) as entries:
        yield entries


@contextmanager
def _zip(path: Path) -> Iterator[tuple[Entry, ...]]:
    with Sips(io.FileIO(path), path.stat().st_size, path.name) as file:
        with readable(path.name):
            archive = zipfile.ZipFile(file)
            members = archive.infolist()
            refuse_crowds(len(members), path.name)
        yield tuple(_zip_entry(archive, member) for member in members if member.orig_filename != "./")


def _zip_entry(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Entry:
    kind = stat.S_IFMT(member.external_attr >> 16)
    flaw = ""
    if kind == stat.S_IFLNK:
        flaw = LINK
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        flaw = SPECIAL
    elif member.flag_bits & 0x41:
        flaw = ENCRYPTED
    elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        flaw = UNUSUAL
    path = member.orig_filename.removeprefix("./")
    opener = cast(Callable[[], IO[bytes]], partial(archive.open, member))
    return Entry(path.rstrip("/"), opener, member.file_size, member.compress_size, flaw, path.endswith("/"))


@contextmanager
def _gzipped_tar(path: Path) -> Iterator[tuple[Entry, ...]]:
    end = min(limits.TOTAL, max(limits.RATIO_FROM, limits.RATIO * path.stat().st_size))
    with gzip.open(path, "rb") as unpacked, Sips(unpacked, end, path.name) as file:
        yield _tar_entries(file, path.name)


@contextmanager
def _tar(path: Path) -> Iterator[tuple[Entry, ...]]:
    with Sips(io.FileIO(path), limits.TOTAL, path.name) as file:
        yield _tar_entries(file, path.name)


def _tar_entries(file: Sips, name: str) -> tuple[Entry, ...]:
    members = []
    with readable(name):
        archive = tarfile.TarFile(fileobj=file)
        for member in archive:
            members.append(member)
            refuse_crowds(len(members), name)
        file.seek(archive.offset)
        if any(file.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError("it goes on after a header that cannot be read")
    return tuple(_tar_entry(archive, member) for member in members if member.name != ".")


def _tar_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    flaw = ""
    if member.issym() or member.islnk():
        flaw = LINK
    elif member.issparse():
        flaw = UNUSUAL
    elif not member.isreg() and not member.isdir():
        flaw = SPECIAL
    opener = cast(Callable[[], IO[bytes]], partial(archive.extractfile, member))
    return Entry(member.name.removeprefix("./"), opener, member.size, member.size, flaw, member.isdir())
