"""Bytes out of bzip2 and LZMA, a few at a time: however much a piece unpacks to, no more is made than is asked for."""

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any

from grading.intake import limits

DICTIONARY = 128 * limits.MIB  # bytes of memory that a stream may ask for
HEADER = struct.Struct("<4s22xHH")  # of a member: a signature, then how long its name and its extra field are
LZMA = struct.Struct(
    "<2xHBL"
)  # a version, how long the properties are, three small numbers in one, the dictionary's size


class Unpacked(io.RawIOBase):
    """A stream of unpacked bytes; several packed streams in a row are one, as parallel packers write them."""

    def __init__(self, source: IO[bytes], new: Callable[[], Any], again: bool = True) -> None:
        super().__init__()
        self._source, self._new, self._again = source, new, again
        self._stream, self._left = new(), b""

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer as far as one step of unpacking does."""
        while True:
            if self._stream.eof:
                self._left = self._stream.unused_data or self._source.read(limits.CHUNK)
                if not self._left.strip(b"\0") or not self._again:
                    return 0
                self._stream = self._new()
            piece = self._left if self._stream.needs_input else b""
            if self._stream.needs_input and not piece:
                piece = self._source.read(limits.CHUNK)
                if not piece:
                    raise EOFError("it ends too early")
            self._left = b""
            made = self._stream.decompress(piece, len(buffer))
            if made:
                buffer[: len(made)] = made
                return len(made)


def bzipped(source: IO[bytes]) -> Unpacked:
    """What is packed by bzip2."""
    return Unpacked(source, bz2.BZ2Decompressor)


def xzipped(source: IO[bytes]) -> Unpacked:
    """What is packed by xz, or by its predecessor."""
    return Unpacked(source, lambda: lzma.LZMADecompressor(memlimit=DICTIONARY))


def member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member of a zip that is packed by bzip2 or LZMA: zipfile itself would unpack whole pieces of it at once."""
    packed = io.BufferedReader(_Packed(archive, info))
    if info.compress_type == zipfile.ZIP_BZIP2:
        stream = Unpacked(packed, bz2.BZ2Decompressor, again=False)
    else:
        filters = [_filter(packed)]
        stream = Unpacked(packed, lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters), again=False)
    return io.BufferedReader(_Checked(stream, info))


def _filter(packed: IO[bytes]) -> dict[str, int]:
    """What the head of an LZMA member says of how it was packed. Raises ValueError where that is out of bounds."""
    length, numbers, size = LZMA.unpack(packed.read(LZMA.size))
    if length != 5 or numbers >= 225 or size > DICTIONARY:
        raise ValueError("it is packed in a way that takes too much memory to unpack")
    lc, lp, pb = numbers % 9, numbers // 9 % 5, numbers // 45
    return {"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), "lc": lc, "lp": lp, "pb": pb}


class _Packed(io.RawIOBase):
    """The packed bytes of one member."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        super().__init__()
        file = archive.fp
        assert file is not None
        file.seek(info.header_offset)
        signature, name, extra = HEADER.unpack(file.read(HEADER.size))
        if signature != b"PK\x03\x04":
            raise zipfile.BadZipFile("a file does not begin where it should")
        self._file, self._at, self._left = file, info.header_offset + HEADER.size + name + extra, info.compress_size

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer from wherever the member's bytes go on."""
        self._file.seek(self._at)
        piece = self._file.read(min(len(buffer), self._left, limits.CHUNK))
        self._at, self._left = self._at + len(piece), self._left - len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class _Checked(io.RawIOBase):
    """The same bytes; at their end their sum must be the one that is written down."""

    def __init__(self, stream: Unpacked, info: zipfile.ZipInfo) -> None:
        super().__init__()
        self._stream, self._info, self._sum, self._size = stream, info, 0, 0

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer. An LZMA stream need not say where it ends, so its size does."""
        left = self._info.file_size - self._size
        count = self._stream.readinto(memoryview(buffer)[: min(len(buffer), left)]) if left > 0 else 0
        self._sum, self._size = zlib.crc32(bytes(buffer[:count]), self._sum), self._size + count
        if not count and (self._sum, self._size) != (self._info.CRC, self._info.file_size):
            raise zipfile.BadZipFile("a file's sum is wrong")
        return count
