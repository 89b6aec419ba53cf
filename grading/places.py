"""Where the results of each submission go: names that we make ourselves, whatever a submission is called."""

import os
import tempfile
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from grading.errors import StaffError

ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".tbz2", ".txz")
KEPT = "-_. "  # beside letters, their marks and digits of any script
LONGEST = 80  # bytes
NAMELESS = "submission"


def places(paths: Sequence[Path], out: Path | None) -> tuple[Path, ...]:
    """A folder for each submission: no two alike, and none outside `out`. A lone one has `out` for itself."""
    if out is not None and len(paths) == 1:
        return (out,)
    home, taken, found = out or Path("out"), set[str](), list[Path]()
    for path in paths:
        name = _unlike(safe(path.resolve().name), taken)
        taken.add(_folded(name))
        found.append(home / name)
    return tuple(found)


def safe(name: str) -> str:
    """A name that is neither a way, nor a word of a command line, nor longer than a folder's name may be."""
    while name.lower().endswith(ENDINGS):
        name = name[: name.rindex(".")]
    kept = [each if each in KEPT or unicodedata.category(each)[0] in "LMN" else "_" for each in _composed(name)]
    short = "".join(kept).lstrip("-. ").encode()[:LONGEST].decode(errors="ignore").rstrip(". ")
    return short or NAMELESS


def refuse_unwritable(folder: Path, files: Sequence[str]) -> None:
    """Raises StaffError where results cannot be written to a folder, which need not exist yet; leaves nothing there."""
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
        if not there.is_dir():
            raise StaffError(f"the results cannot go to {folder}: {there} is no folder. Name one with --out")
        if taken := [name for name in files if (folder / name).is_dir()]:
            raise StaffError(f"the results cannot go to {folder}: {taken[0]} is a folder there")
        with suppress(FileNotFoundError):
            folder.lstat()  # a name that is too long
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise StaffError(f"the results cannot go to {folder}: {error.strerror or error}") from None


def _unlike(name: str, taken: set[str]) -> str:
    """The name, with a number where another submission has it: also where a file system makes no difference."""
    number, made = 1, name
    while _folded(made) in taken:
        number += 1
        made = f"{name}-{number}"
    return made


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
