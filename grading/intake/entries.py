"""What a submission holds, before any of it is read, and what it may not hold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.wording import amount, folded, shown

IGNORED = frozenset(
    {"__MACOSX", ".git", "__pycache__", ".ipynb_checkpoints", ".venv", "node_modules", ".DS_Store", "Thumbs.db"}
)


@dataclass(frozen=True)
class Entry:
    """One file or folder of a submission."""

    path: str  # as the archive names it, or relative to the folder
    open: Callable[[], IO[bytes]]
    size: int = 0  # bytes it says it unpacks to
    packed: int = 0  # bytes it takes in the archive
    flaw: str = ""  # why it cannot be taken: "is a link"
    folder: bool = False
    origin: str = ""  # what writes it, where it is no file of its own: "a cell of hw.ipynb"

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name


def ignored(path: str) -> bool:
    """Whether a tool left it there rather than the student."""
    return any(part in IGNORED or part.startswith("._") for part in path.split("/"))


def files_among(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The files that may be what was asked for: not left there by a tool, not buried too deep."""
    return tuple(
        entry
        for entry in entries
        if not entry.folder and not ignored(entry.path) and entry.path.count("/") <= limits.DEEPEST
    )


def slashed(path: str) -> str:
    """A path as Windows writes it, with the slashes that it has everywhere else."""
    return path.replace("\\", "/")


def tricky(path: str) -> bool:
    """Whether a path could lead out of the folder it is unpacked in, on any operating system."""
    odd_part = any(part in ("", ".", "..") for part in path.split("/"))
    return odd_part or "\\" in path or "\0" in path or re.match("[A-Za-z]:", path) is not None


def refuse_tricks(entries: Sequence[Entry], name: str) -> None:
    """Raises IntakeError where a path of an archive is not a plain relative one."""
    for entry in entries:
        if tricky(entry.path):
            raise IntakeError(
                f"{name} holds an entry with an unsafe path, '{shown(entry.path)}'. "
                "Make the archive again from inside the folder with your files."
            )


def refuse_flaws(entries: Sequence[Entry], name: str) -> None:
    """Raises IntakeError where an entry is a link, a device, encrypted or packed in an unusual way."""
    for entry in entries:
        if entry.flaw:
            raise IntakeError(f"{name}: {shown(entry.path)} {entry.flaw}.")


def refuse_twins(entries: Sequence[Entry], name: str) -> None:
    """Raises IntakeError where two paths are one path to some file system."""
    seen: dict[str, str] = {}
    for entry in entries:
        twin = seen.setdefault(folded(entry.path), entry.path)
        if twin is entry.path:
            continue
        if twin == entry.path:
            raise IntakeError(f"{name} holds {shown(twin)} twice. Make the archive again with one of them.")
        raise IntakeError(
            f"{name} holds both {shown(twin)} and {shown(entry.path)}, which are one file on many computers. Keep one."
        )


def refuse_bombs(entries: Sequence[Entry], name: str) -> None:
    """Raises IntakeError where the entries say that they unpack to too much."""
    total = sum(entry.size for entry in entries)
    if total > limits.TOTAL:
        raise IntakeError(
            f"{name} unpacks to {amount(total)}; at most {amount(limits.TOTAL)} are accepted. "
            "Leave out data sets and hand in only the files asked for."
        )
    for entry in entries:
        refuse_ratio(entry, entry.size, name)


def refuse_ratio(entry: Entry, size: int, name: str) -> None:
    """Raises IntakeError where so many bytes came, or would come, out of so few."""
    if size > limits.RATIO_FROM and size > limits.RATIO * max(entry.packed, 1):
        raise IntakeError(
            f"{name}: {shown(entry.path)} unpacks to over {limits.RATIO} times its packed size, as a zip bomb does. "
            "Hand in the files without an archive."
        )


def refuse_crowds(count: int, name: str) -> None:
    """Raises IntakeError where there are too many files and folders to look through."""
    if count > limits.ENTRIES:
        raise IntakeError(
            f"{name} holds more than {limits.ENTRIES:,} files and folders. "
            "Leave out environments and data sets and hand in only the files asked for."
        )
