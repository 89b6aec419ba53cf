"""From what a student handed in to a fresh folder: the expected files, the modules that they import, and nothing else."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import IntakeError
from grading.intake.contents import ARCHIVES, contents
from grading.intake.copying import copied
from grading.intake.entries import Entry, refuse_flaws, refuse_twins
from grading.intake.matching import Found, Matching
from grading.intake.modules import code_of, made_modules, module_of, place_of, section_of
from grading.intake.notices import on_found, on_missing
from grading.intake.own_modules import NONE, Own, own_modules, write_own
from grading.intake.recognising import Recognised, definitions_of, recognised
from grading.intake.resolving import tree_of
from grading.intake.wording import listed
from grading.records import ExpectedFile, FileTaken

IMPORTING = ("code", "script", "starter")  # kinds of files that are code


@dataclass(frozen=True)
class Intake:
    """What was taken in."""

    files: tuple[FileTaken, ...]
    missing: tuple[str, ...]  # required files that nothing handed in fits
    notices: tuple[str, ...]
    unclear: Mapping[str, str] = field(default_factory=dict)  # by name, why a file that may be there was not taken


def take_in(submission: Path, expected: Sequence[ExpectedFile], into: Path) -> Intake:
    """Copies the expected files of a folder, an archive or a single file into the new folder `into`, under their names.

    The modules that they import of what lies beside them come along. Raises IntakeError where what was handed in cannot be
    taken as it is; `into` is then left unmade.
    """
    submission = submission.absolute()
    with contents(submission, expected, refuse=True) as held:
        files = held.files
        if not files:
            raise IntakeError(f"{submission.name} holds no files. Hand in {_asked(expected)}.")
        refuse_twins(files, submission.name)
        known = recognised(files, expected)
        _refuse_nothing(known.matching, known.unclear, files, expected, submission.name)
        found = known.matching.found
        chosen = {entry.path: entry for entry in files}
        refuse_flaws([chosen[each.path] for each in found], submission.name)
        kinds = {file.name: file.kind for file in expected}
        taken = copied(found, chosen, kinds, into, submission.name)
        own = _own(known, files, expected, into)
        lifting = tuple(dict.fromkeys(_modules(found, expected, into, own)))
        write_own(own, into)
    required = [file.name for file in expected if file.required and file.name not in {each.name for each in found}]
    missing = on_missing([name for name in required if name not in known.unclear], known.matching, files)
    on_files = (*known.unclear.values(), *missing, *known.notices, *on_found(found, taken, expected))
    told = (*held.notices, *on_files, *lifting, *own.notices)
    return Intake(taken, tuple(required), told, known.unclear)


def _own(known: Recognised, files: Sequence[Entry], expected: Sequence[ExpectedFile], into: Path) -> Own:
    """The modules of the student's own that the files found import."""
    kinds = {file.name: file.kind for file in expected}
    code = [each for each in known.matching.found if kinds[each.name] in IMPORTING]
    places = {each.path: each.name if kinds[each.name] != "script" else module_of(each.name) for each in reversed(code)}
    texts = {each.path: code_of(into / place_of(each, kinds[each.name]), each) for each in code}
    at = {place for file in expected for place in (file.name, file.name.replace(".ipynb", ".py"))}
    return own_modules(texts, tree_of(files, places, at), known.between)


def _modules(found: Sequence[Found], expected: Sequence[ExpectedFile], into: Path, own: Own) -> Iterator[str]:
    """Makes modules of notebooks and scripts; yields what to tell people of them."""
    kinds = {file.name: file.kind for file in expected}
    for each in found:
        yield from made_modules(
            each, kinds[each.name], into, section_of(each, found, expected), own.changes.get(each.path, NONE)
        )


def add_starters(names: Sequence[str], given: Path, files: Path) -> None:
    """Puts the files that students were given beside what they handed in; their own copy of one stays."""
    for name in names:
        if not (files / name).exists():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given / name, files / name)


def names_in(submission: Path) -> tuple[str, ...]:
    """The names of the files handed in, sorted, each once. Unpacks nothing, and passes over entries that are odd."""
    with contents(submission) as held:
        return tuple(sorted({entry.name for entry in held.files if not entry.flaw}))


def defined_names(submission: Path) -> dict[str, frozenset[str]]:
    """What the notebooks and scripts handed in define, by their paths. They are parsed, not run."""
    with contents(submission) as held:
        return definitions_of(held.files)


def _refuse_nothing(
    matching: Matching,
    unclear: Mapping[str, str],
    files: Sequence[Entry],
    expected: Sequence[ExpectedFile],
    submission: str,
) -> None:
    """Raises IntakeError where none of the expected files is there, or it cannot be told of any which one is meant."""
    if matching.found:
        return
    for sentence in unclear.values():
        raise IntakeError(f"{submission}: {sentence}")
    inner = [entry.path for entry in files if entry.name.lower().endswith(ARCHIVES)]
    if inner:
        raise IntakeError(
            f"{submission} holds other archives, {listed(inner)}, and none of the expected files. "
            f"Hand in the files directly: {_asked(expected)}."
        )
    raise IntakeError(
        f"{submission} holds none of the expected files: {_asked(expected)}. "
        f"Found instead: {listed(sorted({entry.name for entry in files}))}. "
        "Check that this is the right assignment and that the names are the handout's."
    )


def _asked(expected: Sequence[ExpectedFile]) -> str:
    return listed((file.name for file in expected), most=20)
