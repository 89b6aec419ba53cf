"""Archives as lists of entries: zips, and tars packed by gzip, bzip2 or xz.

Nothing is unpacked to disk by a name that an archive gives, and no declared size is believed.
"""

import gzip
import io
import lzma
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from grading.errors import IntakeError
from grading.intake import limits, unpacking
from grading.intake.entries import Entry, refuse_crowds, slashed
from grading.intake.wording import shown

UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, struct.error, EOFError,
    ValueError, OverflowError, RuntimeError, lzma.LZMAError, MemoryError,
)  # fmt: skip
LINK = "is a link; put the file itself in its place"
SPECIAL = "is a device or a pipe; put an ordinary file in its place"
ENCRYPTED = "is encrypted; make the archive again without a password"
UNUSUAL = "is compressed in an unusual way; make an ordinary .zip or .tar.gz"
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
METHODS = {1: "shrunk", 6: "imploded", 9: "Deflate64", 93: "Zstandard", 95: "xz", 97: "WavPack", 98: "PPMd"}
HEADER = 8192  # bytes of a tar's extended header
TARS = (".tgz", ".tbz", ".tbz2", ".txz", ".tlz")
CLOSED = {  # by their first bytes, formats that the standard library does not open
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard (.zst)",
    b"\x1f\x9d": "packed by compress (.Z)",
    b"\x1f\xa0": "packed by compress (.Z)",
    b"LZIP": "packed by lzip (.lz)",
    b"\x04\x22\x4d\x18": "packed by LZ4 (.lz4)",
    b"PK\x07\x08": "a zip in several parts",
    b"xar!": "a xar archive",
    b"MSCF": "a cabinet (.cab)",
    b"koly": "a disk image (.dmg)",
}


def bomb(name: str) -> str:
    """What is said of an archive that is larger than it looks."""
    return (
        f"{name} unpacks to far more than its size allows, as an archive bomb does. Hand in only the files asked for."
    )


class Sips(io.BufferedReader):
    """A file that is read little by little: an archive's book-keeping cannot make us hold more than a gulp in memory.

    `end` is the furthest position it may be read to, `gulp` the most that one read may ask for.
    """

    def __init__(self, source: Any, end: int, name: str) -> None:
        super().__init__(source)
        self._end, self._name, self.gulp = end, name, limits.GULP

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads a gulp at most. Raises IntakeError where more is asked for by name."""
        if size is not None and size > self.gulp:
            raise IntakeError(f"{self._name} has an oversized table of contents. Make the archive again.")
        self._stay_inside(self.tell())
        return super().read(self.gulp if size is None or size < 0 else size)

    def seek(self, target: int, whence: int = 0, /) -> int:
        """Moves like any file, but not past the end that was set."""
        if whence == io.SEEK_SET:
            self._stay_inside(target)
            target = max(target, 0)
        return super().seek(target, whence)

    def _stay_inside(self, position: int) -> None:
        if position > self._end:
            raise IntakeError(bomb(self._name))


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns what the archive readers raise into a sentence."""
    try:
        yield
    except (*UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, UNREADABLE):
            raise  # of the disk's, not of the archive's
        raise IntakeError(
            f"{name} is damaged ({type(error).__name__}: {shown(str(error))}). "
            "Make the archive again, check that it opens, and hand it in again."
        ) from None


@contextmanager
def entries_of_archive(archive: Path, name: str = "") -> Iterator[tuple[Entry, ...]]:
    """What an archive holds, told from its first bytes. Entries can be opened inside the block only.

    name: what it is called where people read of it
    """
    name = name or archive.name
    with reader_of(archive, name)(archive, name) as entries:
        yield entries


def reader_of(archive: Path, name: str) -> Callable[[Path, str], Any]:
    """How it is read. Raises IntakeError where it cannot be, naming the format and the way out."""
    with archive.open("rb") as file:
        head = file.read(512)
    for start, reader in READERS.items():
        if head.startswith(start):
            return reader
    if head[257:262] == b"ustar" or name.endswith(".tar"):
        return _tar
    for start, what in CLOSED.items():
        if head.startswith(start):
            raise IntakeError(
                f"{shown(name)} is {what}, which cannot be opened here; make a .zip of the same files and hand that in."
            )
    raise IntakeError(
        f"{shown(name)} is not a folder, a .zip, a .tar or a .tar.gz, nor a .py or an .ipynb. Hand in one of these."
    )


@contextmanager
def _zip(path: Path, name: str) -> Iterator[tuple[Entry, ...]]:
    with Sips(io.FileIO(path), path.stat().st_size, name) as file:
        with readable(name):
            archive = zipfile.ZipFile(file)
            members = archive.infolist()
            refuse_crowds(len(members), name)
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
    elif member.compress_type not in PACKED:
        flaw = UNUSUAL.replace("way", f"way ({METHODS.get(member.compress_type, member.compress_type)})", 1)
    path = slashed(member.orig_filename).removeprefix("./")
    by_zipfile = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    opener = partial(archive.open, member) if by_zipfile else partial(unpacking.member, archive, member)
    opens = cast(Callable[[], IO[bytes]], opener)
    return Entry(path.rstrip("/"), opens, member.file_size, member.compress_size, flaw, path.endswith("/"))


@contextmanager
def _gzipped_tar(path: Path, name: str) -> Iterator[tuple[Entry, ...]]:
    with gzip.open(path, "rb") as unpacked:
        with readable(name):
            _refuse_single(unpacked.read(tarfile.BLOCKSIZE), name, "gzip")
        with Sips(unpacked, _most(path), name) as file:
            file.seek(0)
            yield _tar_entries(file, name)


@contextmanager
def _packed_tar(unpack: Callable[[IO[bytes]], Any], how: str, path: Path, name: str) -> Iterator[tuple[Entry, ...]]:
    """A tar that is unpacked into a file without a name first, so that one may move about in it."""
    with path.open("rb") as source, tempfile.TemporaryFile(buffering=0) as whole:
        with readable(name), io.BufferedReader(unpack(source)) as stream:
            size, head = 0, b""
            while piece := stream.read(limits.CHUNK):
                head, size = head or piece, size + len(piece)
                if size > _most(path):
                    raise IntakeError(bomb(name))
                whole.write(piece)
        _refuse_single(head, name, how)
        with Sips(whole, size, name) as file:
            file.seek(0)
            yield _tar_entries(file, name)


def _most(path: Path) -> int:
    """How many bytes a packed tar may unpack to."""
    return min(limits.TOTAL, max(limits.RATIO_FROM, limits.RATIO * path.stat().st_size))


def _refuse_single(head: bytes, name: str, how: str) -> None:
    """Raises IntakeError where one file was packed that is no tar."""
    tar = head[257:262] == b"ustar" or not head.strip(b"\0") or ".tar" in name.lower() or name.lower().endswith(TARS)
    if not tar:
        raise IntakeError(
            f"{shown(name)} is one file packed by {how}, not a .tar.gz; hand in the file itself, or a .zip of your files."
        )


@contextmanager
def _tar(path: Path, name: str) -> Iterator[tuple[Entry, ...]]:
    with Sips(io.FileIO(path), limits.TOTAL, name) as file:
        yield _tar_entries(file, name)


def _tar_entries(file: Sips, name: str) -> tuple[Entry, ...]:
    members = []
    with readable(name):
        file.gulp = HEADER  # a longer one names no file; numbers in it are read in a time that grows with its square
        archive = tarfile.TarFile(fileobj=file)
        for member in archive:
            members.append(member)
            refuse_crowds(len(members), name)
        file.seek(archive.offset)
        if any(file.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError("it goes on after a header that cannot be read")
        file.gulp = limits.GULP
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
    return Entry(slashed(member.name).removeprefix("./"), opener, member.size, member.size, flaw, member.isdir())


READERS: dict[bytes, Callable[[Path, str], Any]] = {
    b"PK\x03\x04": _zip,
    b"PK\x05\x06": _zip,
    b"\x1f\x8b": _gzipped_tar,
    b"BZh": partial(_packed_tar, unpacking.bzipped, "bzip2"),
    b"\xfd7zXZ\0": partial(_packed_tar, unpacking.xzipped, "xz"),
    b"\x5d\0\0\x80\0": partial(_packed_tar, unpacking.xzipped, "LZMA"),
}
