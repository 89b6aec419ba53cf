"""From what a student handed in to a fresh folder with the expected files, and nothing else."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    refuse_twins,
)
from grading.intake.folders import entries_of_folder
from grading.intake.formats import is_lfs_pointer
from grading.intake.matching import Found, Matching, is_notebook, match, nearest_name
from grading.intake.modules import made_modules, place_of, section_of
from grading.intake.recognising import by_definitions, definitions_of
from grading.intake.wording import amount, listed, shown
from grading.records import ExpectedFile, FileTaken

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".rar", ".7z", ".xz", ".bz2")


@dataclass(frozen=True)
class Intake:
    """What was taken in."""

    files: tuple[FileTaken, ...]
    missing: tuple[str, ...]  # required files that nothing handed in fits
    notices: tuple[str, ...]


def take_in(submission: Path, expected: Sequence[ExpectedFile], into: Path) -> Intake:
    """Copies the expected files of a folder or an archive into the new folder `into`, under their expected names.

    Raises IntakeError where what was handed in cannot be taken as it is; `into` is then left unmade.
    """
    submission = submission.absolute()
    with _contents(submission) as entries:
        files = files_among(entries)
        if not files:
            raise IntakeError(f"{submission.name} holds no files. Hand in {_asked(expected)}.")
        if not submission.is_dir():
            _refuse(entries, submission.name)
        refuse_twins(files, submission.name)
        matching, unclear = by_definitions(match([entry.path for entry in files], expected), files, expected)
        _refuse_unclear(matching, files, expected, submission.name)
        chosen = {entry.path: entry for entry in files}
        refuse_flaws([chosen[found.path] for found in matching.found], submission.name)
        kinds = {file.name: file.kind for file in expected}
        taken = _copied(matching, chosen, kinds, into, submission.name)
        lifting = tuple(dict.fromkeys(_modules(matching, expected, into)))
    required = [file.name for file in expected if file.required and file.name in matching.missing]
    missing = (
        *unclear.values(),
        *_notices_on_missing([name for name in required if name not in unclear], matching, files),
    )
    return Intake(taken, tuple(required), (*missing, *_notices_on_found(matching, taken, expected), *lifting))


def _modules(matching: Matching, expected: Sequence[ExpectedFile], into: Path) -> Iterator[str]:
    """Makes modules of notebooks and scripts; yields what to tell people of them."""
    kinds = {file.name: file.kind for file in expected}
    for found in matching.found:
        yield from made_modules(found, kinds[found.name], into, section_of(found, matching.found, expected))


def add_starters(names: Sequence[str], given: Path, files: Path) -> None:
    """Puts the files that students were given beside what they handed in; their own copy of one stays."""
    for name in names:
        if not (files / name).exists():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given / name, files / name)


def names_in(submission: Path) -> tuple[str, ...]:
    """The names of the files handed in, sorted, each once. Unpacks nothing, and passes over entries that are odd."""
    with _contents(submission) as entries:
        return tuple(sorted({entry.name for entry in files_among(entries) if not entry.flaw}))


def defined_names(submission: Path) -> dict[str, frozenset[str]]:
    """What the notebooks and scripts handed in define, by their paths. They are parsed, not run."""
    with _contents(submission) as entries:
        return definitions_of(files_among(entries))


@contextmanager
def _contents(submission: Path) -> Iterator[tuple[Entry, ...]]:
    if not submission.exists():
        raise IntakeError(f"{submission} does not exist. Name a folder, a .zip or a .tar.gz.")
    if submission.is_dir():
        yield entries_of_folder(submission)
    elif submission.is_file():
        with entries_of_archive(submission) as entries:
            yield entries
    else:
        raise IntakeError(f"{submission} is neither a folder nor a file. Name a folder, a .zip or a .tar.gz.")


def _refuse(entries: Sequence[Entry], name: str) -> None:
    """What an archive may not hold, whether or not it was asked for."""
    refuse_tricks(entries, name)
    kept = [entry for entry in entries if not ignored(entry.path)]
    refuse_flaws(kept, name)
    refuse_bombs(kept, name)


def _refuse_unclear(
    matching: Matching, files: Sequence[Entry], expected: Sequence[ExpectedFile], submission: str
) -> None:
    """Raises IntakeError where it cannot be told which file is meant, or where none is there."""
    for name, paths in matching.rivals:
        raise IntakeError(f"{submission} holds several files that could be {name}: {listed(paths)}. Keep one of them.")
    if matching.found:
        return
    inner = [entry.path for entry in files if entry.name.lower().endswith(ARCHIVES)]
    if inner:
        raise IntakeError(
            f"{submission} holds another archive, {listed(inner)}, and none of the expected files. "
            f"Hand in the files directly: {_asked(expected)}."
        )
    raise IntakeError(
        f"{submission} holds none of the expected files: {_asked(expected)}. "
        f"Found instead: {listed(sorted({entry.name for entry in files}))}. "
        "Check that this is the right assignment and that the names are the handout's."
    )


def _asked(expected: Sequence[ExpectedFile]) -> str:
    return listed((file.name for file in expected), most=20)


def _copied(
    matching: Matching, chosen: Mapping[str, Entry], kinds: Mapping[str, str], into: Path, submission: str
) -> tuple[FileTaken, ...]:
    into.mkdir(parents=True)
    into.chmod(0o755)
    taken: list[FileTaken] = []
    try:
        for found in matching.found:
            kind = "notebook" if is_notebook(found.path) else kinds[found.name]
            room = min(limits.LARGEST[kind], limits.TOTAL - sum(file.size for file in taken))
            target = into / place_of(found, kinds[found.name])
            taken.append(_copy(chosen[found.path], target, found.name, room, submission))
    except BaseException:
        shutil.rmtree(into)
        raise
    return tuple(taken)


def _copy(entry: Entry, target: Path, name: str, room: int, submission: str) -> FileTaken:
    """Copies one file piece by piece, whatever size it claims to have."""
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


def _notices_on_missing(required: Sequence[str], matching: Matching, files: Sequence[Entry]) -> Iterator[str]:
    paths = {found.path for found in matching.found}
    left = [entry.name for entry in files if entry.path not in paths]
    for name in required:
        similar = nearest_name(name, left)
        if similar is None:
            yield f"{name} is missing. Hand it in under exactly this name."
        elif similar.endswith(".ipynb") and not name.endswith(".ipynb"):
            yield f"{name} is missing: found {shown(similar)}, expected {name} — export the notebook to that file."
        else:
            yield f"{name} is missing: found {shown(similar)}, expected {name} — rename it."


def _notices_on_found(
    matching: Matching, taken: Sequence[FileTaken], expected: Sequence[ExpectedFile]
) -> Iterator[str]:
    kinds = {file.name: file.kind for file in expected}
    for found in matching.found:
        yield from _notices_on_name(found, place_of(found, kinds[found.name]))
    for file in taken:
        if file.note and kinds[file.name] != "weights":
            yield f"{file.name} is {file.note}. Hand in the file with your code."


def _notices_on_name(found: Found, place: str) -> Iterator[str]:
    """What to tell where a file has not the name it should have, which is `place` in the form it was handed in in."""
    name = shown(found.path.rpartition("/")[2])
    since = f", since it defines {listed(found.defines)}" if found.defines else ""
    if not found.exact and name == place != found.name:
        yield f"{name} was taken as {found.name}."
    elif not found.exact:
        yield f"{name} was taken as {found.name}{since}. Hand it in under exactly this name: {place}."
    if found.others:
        yield f"{shown(found.path)} was taken as {found.name}, not {listed(found.others)}, which lies deeper. Keep one."
