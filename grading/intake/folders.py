"""A folder as it lies there. No link is followed."""

import os
import stat
from functools import partial
from pathlib import Path
from typing import IO

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.entries import Entry, ignored, refuse_crowds, slashed
from grading.intake.wording import shown


def entries_of_folder(folder: Path) -> tuple[Entry, ...]:
    """Every file below `folder`, down to the deepest level looked at. Links and devices among them carry a flaw."""
    entries: list[Entry] = []
    count = 0
    for place, folders, files in os.walk(folder, followlinks=False):
        inside = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not ignored(name) and len(inside.parts) < limits.DEEPEST)
        count += len(folders) + len(files)
        refuse_crowds(count, folder.name)
        entries += [_entry(folder, inside / name) for name in sorted(files)]
    return tuple(entries)


def entry_of_file(file: Path) -> Entry:
    """One file that is all that was handed in."""
    return _entry(file.parent, Path(file.name))


def _entry(folder: Path, inside: Path) -> Entry:
    found = (folder / inside).lstat()
    flaw = ""
    if stat.S_ISLNK(found.st_mode):
        flaw = "is a link; put the file itself in its place"
    elif not stat.S_ISREG(found.st_mode):
        flaw = "is not a regular file; put an ordinary file in its place"
    return Entry(slashed(inside.as_posix()), partial(_open, folder / inside), found.st_size, found.st_size, flaw)


def _open(path: Path) -> IO[bytes]:
    """Opens a file that is still the regular file it was."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise IntakeError(f"{shown(path.name)} cannot be read ({error.strerror}). Hand it in again.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IntakeError(f"{shown(path.name)} is not a regular file; put an ordinary file in its place.")
    return os.fdopen(descriptor, "rb")
