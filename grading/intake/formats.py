"""What a file is, told from its first bytes, and what to do about one that holds no weights."""

from enum import StrEnum
from pathlib import Path

from grading.errors import WeightsError

HEAD = 1024
LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save before 1.6, and since where it is asked to
SIGNATURES = (
    (b"\x89HDF", "an HDF5 file (as Keras writes)"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzip-compressed file"),
    (b"PK\x05\x06", "an empty zip"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x80", "a plain pickle, not a file that torch.save wrote"),
)
TEXTS = (
    (b"<!doctype html", "a web page: the download of the weights failed"),
    (b"<html", "a web page: the download of the weights failed"),
    (b"{", "a JSON or text file"),
    (b"[", "a JSON or text file"),
)


class Layout(StrEnum):
    """The two ways in which torch.save writes."""

    ZIP = "zip"
    LEGACY = "legacy"


def save_again(name: str) -> str:
    """The line that writes a file which is accepted."""
    return f"Save it again with torch.save(model.state_dict(), {name!r})."


def is_lfs_pointer(head: bytes) -> bool:
    """Whether a file only says where Git LFS keeps the real one."""
    return head.startswith(b"version https://git-lfs")


def layout(file: Path) -> Layout:
    """How torch.save wrote the file. Raises WeightsError where it did not, naming what the file is instead."""
    name, size = file.name, file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if size == 0:
        raise WeightsError(f"{name} is empty (0 bytes). {save_again(name)}")
    if is_lfs_pointer(head):
        raise WeightsError(
            f"{name} is a Git LFS pointer, not the weights themselves. Run `git lfs pull` and hand in the real file."
        )
    if head.startswith(b"PK\x03\x04"):
        return Layout.ZIP
    if head.startswith(LEGACY_MAGIC):
        return Layout.LEGACY
    for recognise in (_safetensors, _signature, _text):
        if what := recognise(head, size):
            raise WeightsError(f"{name} is {what}. {save_again(name)}")
    raise WeightsError(f"{name} is not a file that torch.save wrote. {save_again(name)}")


def _safetensors(head: bytes, size: int) -> str:
    length = int.from_bytes(head[:8], "little")
    return "a safetensors file under another name" if head[8:9] == b"{" and length + 8 <= size else ""


def _signature(head: bytes, size: int) -> str:
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((what for start, what in SIGNATURES if head.startswith(start)), "")


def _text(head: bytes, size: int) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if what := next((what for word, what in TEXTS if start.startswith(word)), ""):
        return what
    printable = all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)
    return "a text file" if printable and b"\x7f" not in head else ""
