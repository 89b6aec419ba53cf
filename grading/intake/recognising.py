"""Code that comes under any name is told by what it defines. It is parsed, never run, and not too much of it."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import PurePosixPath

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.cells import text_of_script
from grading.intake.containing import by_containing, meant
from grading.intake.entries import Entry
from grading.intake.imports import imports_of
from grading.intake.lifting import defined_in
from grading.intake.matching import Found, Matching, form_of, is_code, is_notebook, match, unwrapped
from grading.intake.notebooks import code_cells_in
from grading.intake.reading import read_at_most
from grading.intake.wording import folded, listed, shown
from grading.records import ExpectedFile

MOST_FILES = 40  # that are looked through
MOST_BYTES = 2 * limits.LARGEST["notebook"]  # of them altogether

Definitions = Mapping[str, frozenset[str]]  # by path, the functions and classes of a file


@dataclass(frozen=True)
class Recognised:
    """Which files are which, and what to tell where it is unclear, by the expected file's name, or was not plain."""

    matching: Matching
    unclear: Mapping[str, str]
    notices: tuple[str, ...] = ()
    between: frozenset[str] = frozenset()  # paths of files between which it could not be told


def recognised(files: Sequence[Entry], expected: Sequence[ExpectedFile]) -> Recognised:
    """Which of the files is which of the expected ones: by their names, then by what they define, then by parts of names."""
    names = [entry.path for entry in files]
    matching = match(names, expected)
    definitions = definitions_of(files) if any(file.defines for file in expected) else {}
    entries = {entry.path: entry for entry in files}
    settled = _settled(matching, expected, definitions, entries)
    matching, between = _by_definitions(settled.matching, expected, definitions)
    names = [name for name in names if name not in settled.between]
    matching = by_containing(matching, names, [file for file in expected if file.name not in between], definitions)
    matching, twins = _twins(matching, entries)
    unclear = {
        name: f"{name} is missing, and {listed(paths)} define what it should. Keep one, under exactly this name."
        for name, paths in between.items()
    }
    rivals = {
        name: f"several files could be {name}: {listed(paths)}. Keep one of them." for name, paths in matching.rivals
    }
    among = frozenset(chain.from_iterable((*between.values(), *(paths for _, paths in matching.rivals))))
    return Recognised(matching, {**unclear, **rivals}, (*settled.notices, *twins), among | settled.between)


def candidates(file: ExpectedFile, definitions: Definitions, spared: Collection[str] = ()) -> tuple[str, ...]:
    """The files that could be this one as well as each other: none, one, or several that only the student can tell apart."""
    scores = {path: len(names & set(file.defines)) for path, names in definitions.items() if path not in spared}
    best = max(scores.values(), default=0)
    paths = [path for path, score in scores.items() if score == best and best]
    top = min((path.count("/") for path in paths), default=0)
    nearest = [path for path in paths if path.count("/") == top]
    stems = {str(PurePosixPath(unwrapped(path)).with_suffix("")) for path in nearest}
    own = [path for path in nearest if form_of(path) == form_of(file.name)]
    return tuple(sorted(own if len(stems) == 1 and own else nearest))


def _settled(
    matching: Matching, expected: Sequence[ExpectedFile], definitions: Definitions, entries: Mapping[str, Entry]
) -> Recognised:
    """The same, but names give way where they mislead: to what a file defines, where another defines nothing of it."""
    found = {each.name: each for each in matching.found}
    rivals = dict(matching.rivals)
    notices: list[str] = []
    left: set[str] = set()
    for file in expected:
        now = found.get(file.name)
        if not file.defines:
            continue
        if now is not None and _defines_nothing(file, definitions.get(now.path), entries[now.path]):
            spared = _spared(file, found.values(), expected, definitions)
            better = _better(file, now, definitions, spared | {each.path for each in found.values()})
            if better is not None:
                found[file.name] = better
                left.add(now.path)
                notices.append(_said_of_both(better, now.path))
            elif _misleads(file, now):
                del found[file.name]
                left.add(now.path)
        elif file.name in rivals:
            among = {path: definitions.get(path, frozenset()) for path in rivals[file.name]}
            chosen = candidates(file, among)
            if len(chosen) == 1:
                del rivals[file.name]
                found[file.name] = Found(file.name, chosen[0], False, defines=_defines(file, among[chosen[0]]))
                left |= set(among) - {chosen[0]}
                notices.append(_said_of_both(found[file.name], *sorted(set(among) - {chosen[0]})))
    missing = tuple(file.name for file in expected if file.name not in found and file.name not in rivals)
    matching = replace(matching, found=tuple(found.values()), rivals=tuple(rivals.items()), missing=missing)
    return Recognised(matching, {}, tuple(notices), frozenset(left))


def _defines_nothing(file: ExpectedFile, names: Collection[str] | None, entry: Entry) -> bool:
    """Whether a file was looked through, and neither defines nor imports anything that is asked for."""
    if names is None or set(names) & set(file.defines):
        return False
    content = read_at_most(entry, limits.LARGEST["notebook" if is_notebook(entry.path) else "script"]) or b""
    own = PurePosixPath(file.name).stem  # a notebook that uses the file, which is not there, is no such file
    imported = chain.from_iterable(map(imports_of, _texts(content, entry.path)))
    return not any({"*", *file.defines} & set(each.names) for each in imported if each.module.split(".")[-1] != own)


def _better(file: ExpectedFile, now: Found, definitions: Definitions, taken: Collection[str]) -> Found | None:
    """The one file that defines what is asked for, all of it where a file has exactly the name that it should have."""
    paths = candidates(file, definitions, taken)
    if len(paths) != 1:
        return None
    named = _defines(file, definitions[paths[0]])
    whole = len(named) == len(file.defines)
    return Found(file.name, paths[0], False, defines=named) if whole or not now.exact else None


def _misleads(file: ExpectedFile, now: Found) -> bool:
    """Whether it is a notebook that may hold the work under the course's own name for it, and does not."""
    return file.kind == "code" and is_notebook(now.path) and _named(now.path, file)


def _said_of_both(found: Found, *others: str) -> str:
    return (
        f"{listed(others)} could be {found.name} as well, but {shown(found.path)} defines more of what is asked for. "
        "Keep one of them."
    )


def _by_definitions(
    matching: Matching, expected: Sequence[ExpectedFile], definitions: Definitions
) -> tuple[Matching, dict[str, tuple[str, ...]]]:
    """The same matching with files that no name fits; and by name, the paths between which it is unclear which is meant.

    The file that defines most of what a row asks for is taken, and of several the one nearest the top. It may serve other
    rows as well: some students hand in one notebook for everything. But what is another row's by its name, and is told by
    the same definitions, is not this one's too.
    """
    found = list(matching.found)
    between: dict[str, tuple[str, ...]] = {}
    for file in expected:
        if file.name not in matching.missing or not file.defines:
            continue
        paths = candidates(file, definitions, _spared(file, found, expected, definitions))
        paths = tuple(path for path in paths if meant(path, file, expected, definitions)) or paths
        if len(paths) == 1:
            found.append(Found(file.name, paths[0], False, defines=_defines(file, definitions[paths[0]])))
        elif paths:
            between[file.name] = paths
    missing = tuple(name for name in matching.missing if name not in {each.name for each in found})
    return replace(matching, found=tuple(found), missing=missing), between


def _spared(
    file: ExpectedFile, found: Iterable[Found], expected: Sequence[ExpectedFile], definitions: Definitions
) -> set[str]:
    """The files that are another row's, or would be by their names, which is told by the same definitions."""
    alike = [other for other in expected if other is not file and set(other.defines) & set(file.defines)]
    taken = {each.path for each in found if each.name in {other.name for other in alike}}
    named = {path for path in definitions if any(_named(path, other) for other in alike)}
    held = {path for path in definitions if any(meant(path, other, expected, definitions) for other in alike)}
    return taken | named | {path for path in held if not meant(path, file, expected, definitions)}


def _named(path: str, file: ExpectedFile) -> bool:
    """Whether a file has one of the names that another is known by."""
    return folded(path.rpartition("/")[2]) in {folded(name) for name in (file.name, *file.aliases)}


def _defines(file: ExpectedFile, names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in file.defines if name in names)


def _twins(matching: Matching, entries: Mapping[str, Entry]) -> tuple[Matching, list[str]]:
    """The same, where files that cannot be told apart need not be, since they are the same byte for byte."""
    found, rivals, notices = list(matching.found), [], []
    for name, paths in matching.rivals:
        if len({_digest(entries[path]) for path in paths}) == 1:
            found.append(Found(name, paths[0], False))
            notices.append(f"{listed(paths)} are the same. Keep one of them.")
        else:
            rivals.append((name, paths))
    return replace(matching, found=tuple(found), rivals=tuple(rivals)), notices


def _digest(entry: Entry) -> object:
    """What tells whether two files are the same; nothing is the same as one that cannot be read."""
    content = read_at_most(entry, limits.LARGEST["notebook"])
    return object() if content is None else hashlib.sha256(content).digest()


def definitions_of(files: Sequence[Entry]) -> dict[str, frozenset[str]]:
    """What the notebooks and scripts among the files define, the smallest first, as far as there is room."""
    found: dict[str, frozenset[str]] = {}
    room = MOST_BYTES
    scripts = [entry for entry in files if is_code(entry.path) and not entry.flaw]
    for entry in sorted(scripts, key=lambda entry: (entry.size, entry.path))[:MOST_FILES]:
        kind = "notebook" if is_notebook(entry.path) else "script"
        content = read_at_most(entry, min(room, limits.LARGEST[kind])) or b""
        room -= len(content)
        found[entry.path] = _defined(content, entry.path)
    return found


def _defined(content: bytes, path: str) -> frozenset[str]:
    texts = _texts(content, path)
    return defined_in(texts if is_notebook(path) else texts[0])


def _texts(content: bytes, path: str) -> list[str]:
    """The text of a script, or of a notebook's cells; none of one that cannot be read."""
    if not is_notebook(path):
        return [text_of_script(content)]
    try:
        return code_cells_in(content, path)
    except IntakeError:  # said of the files that are asked for, not of those that lie beside them
        return []
