"""Scripts that come under any name are told by what they define. They are parsed, never run, and not too many of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.archives import readable
from grading.intake.cells import text_of_script
from grading.intake.entries import Entry
from grading.intake.lifting import defined_in
from grading.intake.matching import Found, Matching, form_of, is_notebook
from grading.intake.notebooks import code_cells_in
from grading.intake.wording import listed
from grading.records import ExpectedFile

MOST_FILES = 40  # that are looked through
MOST_BYTES = 2 * limits.LARGEST["notebook"]  # of them altogether

Definitions = Mapping[str, frozenset[str]]  # by path, the functions and classes of a file


def by_definitions(
    matching: Matching, files: Sequence[Entry], expected: Sequence[ExpectedFile]
) -> tuple[Matching, dict[str, str]]:
    """The same matching with scripts that no name fits; and by name, what to tell where it is unclear which is meant.

    The file that defines most of what a row asks for is taken, and of several the one nearest the top. It may serve other
    rows as well: some students hand in one notebook for everything.
    """
    wanted = [file for file in expected if file.name in matching.missing and file.defines]
    if not wanted:
        return matching, {}
    definitions = definitions_of(files)
    found: list[Found] = []
    notices: dict[str, str] = {}
    for file in wanted:
        paths = candidates(file, definitions)
        if len(paths) == 1:
            named = tuple(name for name in file.defines if name in definitions[paths[0]])
            found.append(Found(file.name, paths[0], False, defines=named))
        elif paths:
            notices[file.name] = (
                f"{file.name} is missing, and {listed(paths)} define what it should. Keep one, under exactly this name."
            )
    missing = tuple(name for name in matching.missing if name not in {each.name for each in found})
    return replace(matching, found=(*matching.found, *found), missing=missing), notices


def candidates(file: ExpectedFile, definitions: Definitions) -> tuple[str, ...]:
    """The files that could be this one as well as each other: none, one, or several that only the student can tell apart."""
    scores = {path: len(names & set(file.defines)) for path, names in definitions.items()}
    best = max(scores.values(), default=0)
    paths = [path for path, score in scores.items() if score == best and best]
    top = min((path.count("/") for path in paths), default=0)
    nearest = [path for path in paths if path.count("/") == top]
    stems = {str(PurePosixPath(path).with_suffix("")) for path in nearest}
    own = [path for path in nearest if form_of(path) == form_of(file.name)]
    return tuple(sorted(own if len(stems) == 1 and own else nearest))


def definitions_of(files: Sequence[Entry]) -> dict[str, frozenset[str]]:
    """What the notebooks and scripts among the files define, the smallest first, as far as there is room."""
    found: dict[str, frozenset[str]] = {}
    room = MOST_BYTES
    scripts = [entry for entry in files if entry.name.lower().endswith((".ipynb", ".py")) and not entry.flaw]
    for entry in sorted(scripts, key=lambda entry: (entry.size, entry.path))[:MOST_FILES]:
        kind = "notebook" if is_notebook(entry.path) else "script"
        content = _read(entry, min(room, limits.LARGEST[kind]))
        room -= len(content)
        found[entry.path] = _defined(content, entry.name)
    return found


def _read(entry: Entry, most: int) -> bytes:
    """The file; nothing where it is larger than there is room for, or cannot be read."""
    content = b""
    try:
        with readable(entry.name), entry.open() as stream:
            while len(content) <= most and (piece := stream.read(limits.GULP)):
                content += piece
    except (IntakeError, OSError):
        return b""
    return content if len(content) <= most else b""


def _defined(content: bytes, path: str) -> frozenset[str]:
    try:
        return defined_in(code_cells_in(content, path) if is_notebook(path) else text_of_script(content))
    except IntakeError:  # said of the files that are asked for, not of those that lie beside them
        return frozenset()
