"""What was handed in, opened: a folder, an archive, or one file; with what an archive in it holds, and what cells write."""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.archives import entries_of_archive, readable
from grading.intake.entries import (
    Entry,
    files_among,
    ignored,
    refuse_bombs,
    refuse_flaws,
    refuse_ratio,
    refuse_tricks,
    tricky,
)
from grading.intake.folders import entries_of_folder, entry_of_file
from grading.intake.imports import written_files
from grading.intake.matching import is_notebook, match
from grading.intake.notebooks import code_cells_in
from grading.intake.reading import read_at_most
from grading.intake.texts import as_utf8
from grading.intake.wording import amount, folded, shown
from grading.records import ExpectedFile

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".rar", ".7z", ".xz", ".bz2", ".tbz", ".tbz2", ".txz", ".zst", ".z")
SINGLE = (".py", ".ipynb", ".py.txt", ".ipynb.txt", ".pt", ".pth", ".ckpt", ".pkl")  # that may be all that is handed in
CODE = (".py", ".ipynb")
WRITES = (b"%%writefile", b"%%file")
MOST_NOTEBOOKS = 20  # that are looked through for cells that write files


@dataclass(frozen=True)
class Contents:
    """The entries of a submission. They can be opened inside the block only."""

    entries: tuple[Entry, ...]
    notices: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Entry, ...]:
        """Those that may be what was asked for."""
        return files_among(self.entries)


@contextmanager
def contents(submission: Path, expected: Sequence[ExpectedFile] = (), refuse: bool = False) -> Iterator[Contents]:
    """Opens a submission. Raises IntakeError where it cannot be opened.

    expected: where none of these is there but one archive is, it is what was handed in
    refuse: whether to raise IntakeError also where an archive holds what it may not
    """
    with ExitStack() as opened:
        entries = opened.enter_context(_outer(submission, refuse))
        notices: tuple[str, ...] = ()
        if inner := _archive_among(files_among(entries), expected):
            within = opened.enter_context(_inner(inner, refuse))
            entries = (*(entry for entry in entries if entry is not inner), *within)
            notices = (
                f"{shown(inner.path)} is an archive within what was handed in: what it holds was taken from there.",
            )
        yield Contents((*entries, *_written(files_among(entries))), notices)


@contextmanager
def _outer(submission: Path, refuse: bool) -> Iterator[tuple[Entry, ...]]:
    if not submission.exists():
        raise IntakeError(f"{submission} does not exist. Name a folder, a .zip or a .tar.gz.")
    if submission.is_dir():
        yield entries_of_folder(submission)
    elif not submission.is_file():
        raise IntakeError(f"{submission} is neither a folder nor a file. Name a folder, a .zip or a .tar.gz.")
    elif _single(submission):
        yield (entry_of_file(submission),)
    else:
        with entries_of_archive(submission) as entries:
            if refuse:
                _refuse(entries, submission.name)
            yield entries


def _single(file: Path) -> bool:
    """Whether a file is itself what was asked for. Weights are zips too, so their name counts."""
    name = file.name.lower()
    with file.open("rb") as stream:
        zipped = stream.read(4) == b"PK\x03\x04"
    return name.endswith(SINGLE) and not (zipped and name.endswith((*CODE, ".txt")))


def _refuse(entries: Sequence[Entry], name: str) -> None:
    """What an archive may not hold, whether or not it was asked for."""
    refuse_tricks(entries, name)
    kept = [entry for entry in entries if not ignored(entry.path)]
    refuse_flaws(kept, name)
    refuse_bombs(kept, name)


def _archive_among(files: Sequence[Entry], expected: Sequence[ExpectedFile]) -> Entry | None:
    """The one archive that holds the work, since the files beside it do not."""
    archives = [entry for entry in files if entry.name.lower().endswith(ARCHIVES) and not entry.flaw]
    if len(archives) != 1:
        return None
    code = any(entry.name.lower().endswith(CODE) for entry in files)
    found = match([entry.path for entry in files], expected).found if code else ()
    return None if found or (code and not expected) else archives[0]


@contextmanager
def _inner(archive: Entry, refuse: bool) -> Iterator[tuple[Entry, ...]]:
    """What an archive within a submission holds: one level, and within the same bounds."""
    with tempfile.NamedTemporaryFile() as copy:
        size = 0
        with readable(archive.name), archive.open() as stream:
            while piece := stream.read(limits.CHUNK):
                size += len(piece)
                if size > limits.TOTAL:
                    raise IntakeError(f"{shown(archive.path)} is larger than {amount(limits.TOTAL)}. Hand in less.")
                refuse_ratio(archive, size, archive.name)
                copy.write(piece)
        copy.flush()
        with entries_of_archive(Path(copy.name), archive.name) as entries:
            if refuse:
                _refuse(entries, archive.name)
            yield tuple(replace(each, path=f"{archive.path}/{each.path}") for each in entries)


def _written(files: Sequence[Entry]) -> Iterator[Entry]:
    """Python files that cells of notebooks write, as if they lay beside the notebook; a file that lies there goes first."""
    there = {folded(entry.path) for entry in files}
    notebooks = [entry for entry in files if is_notebook(entry.path) and not entry.flaw]
    for notebook in sorted(notebooks, key=lambda entry: (entry.size, entry.path))[:MOST_NOTEBOOKS]:
        for name, text in _cells_that_write(notebook).items():
            plain = name.split("/")[-1] if tricky(name) else name
            path = str(PurePosixPath(notebook.path).parent / plain)
            if plain.endswith(".py") and folded(path) not in there and not tricky(path):
                there.add(folded(path))
                content = text.encode("utf-8", "backslashreplace")
                opener = cast(Callable[[], IO[bytes]], partial(io.BytesIO, content))
                origin = f"a cell of {shown(notebook.name)}"
                yield Entry(path, opener, len(content), len(content), origin=origin)


def _cells_that_write(notebook: Entry) -> dict[str, str]:
    content = as_utf8(read_at_most(notebook, limits.LARGEST["notebook"]) or b"")
    if not any(word in content for word in WRITES):
        return {}
    try:
        return written_files(code_cells_in(content, notebook.name))
    except IntakeError:  # said where the notebook itself is asked for
        return {}
