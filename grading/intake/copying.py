"""Copies of the files that were taken, piece by piece, whatever sizes they claim to have."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.archives import readable
from grading.intake.entries import Entry, refuse_ratio
from grading.intake.formats import is_lfs_pointer
from grading.intake.matching import Found, is_notebook
from grading.intake.modules import place_of
from grading.intake.wording import amount, shown
from grading.records import FileTaken


def copied(
    found: Sequence[Found], chosen: Mapping[str, Entry], kinds: Mapping[str, str], into: Path, submission: str
) -> tuple[FileTaken, ...]:
    """Lays the files that were found into the new folder `into`; where one cannot be, the folder is left unmade."""
    into.mkdir(parents=True)
    into.chmod(0o755)
    taken: list[FileTaken] = []
    try:
        for each in found:
            kind = "notebook" if is_notebook(each.path) else kinds[each.name]
            room = min(limits.LARGEST[kind], limits.TOTAL - sum(file.size for file in taken))
            target = into / place_of(each, kinds[each.name])
            taken.append(_copy(chosen[each.path], target, each.name, room, submission))
    except BaseException:
        shutil.rmtree(into)
        raise
    return tuple(taken)


def _copy(entry: Entry, target: Path, name: str, room: int, submission: str) -> FileTaken:
    digest, size, head = hashlib.sha256(), 0, b""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as copy:
        for piece in _pieces(entry, submission):
            size += len(piece)
            if size > room:
                raise IntakeError(
                    f"{submission}: {shown(entry.path)} is larger than {amount(room)}, the most accepted for "
                    f"{target.name}. Hand in only what the assignment asks for."
                )
            refuse_ratio(entry, size, submission)
            head = head or piece[:100]
            digest.update(piece)
            copy.write(piece)
    target.chmod(0o644)
    note = "empty" if not size else "a Git LFS pointer" if is_lfs_pointer(head) else ""
    return FileTaken(name, shown(entry.path), size, digest.hexdigest(), note)


def _pieces(entry: Entry, submission: str) -> Iterator[bytes]:
    with readable(submission), entry.open() as stream:
        while piece := stream.read(limits.CHUNK):
            yield piece
