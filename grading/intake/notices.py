"""What people are told of the files that are missing, and of those that have not the names they should have."""

from collections.abc import Iterator, Sequence

from grading.intake.entries import Entry
from grading.intake.matching import Found, Matching, is_notebook, nearest_name
from grading.intake.modules import place_of
from grading.intake.wording import listed, shown
from grading.records import ExpectedFile, FileTaken


def on_missing(required: Sequence[str], matching: Matching, files: Sequence[Entry]) -> Iterator[str]:
    """One sentence for every required file that nothing fits."""
    paths = {found.path for found in matching.found}
    left = [entry.name for entry in files if entry.path not in paths]
    for name in required:
        similar = nearest_name(name, left)
        if similar is None:
            yield f"{name} is missing. Hand it in under exactly this name."
        elif is_notebook(similar) and not is_notebook(name):
            yield f"{name} is missing: found {shown(similar)}, expected {name} — export the notebook to that file."
        else:
            yield f"{name} is missing: found {shown(similar)}, expected {name} — rename it."


def on_found(found: Sequence[Found], taken: Sequence[FileTaken], expected: Sequence[ExpectedFile]) -> Iterator[str]:
    """What to tell of files that came under other names, or are empty."""
    kinds = {file.name: file.kind for file in expected}
    for each in found:
        yield from _on_name(each, place_of(each, kinds[each.name]))
    for file in taken:
        if file.note and kinds[file.name] != "weights":
            yield f"{file.name} is {file.note}. Hand in the file with your code."


def _on_name(found: Found, place: str) -> Iterator[str]:
    """What to tell where a file has not the name it should have, which is `place` in the form it was handed in in."""
    name = shown(found.path.rpartition("/")[2])
    since = f", since it defines {listed(found.defines)}" if found.defines else ""
    if not found.exact and name == place != found.name:
        yield f"{name} was taken as {found.name}."
    elif not found.exact:
        yield f"{name} was taken as {found.name}{since}. Hand it in under exactly this name: {place}."
    deeper = [path for path in found.others if path.count("/") > found.path.count("/")]
    if deeper:
        yield f"{shown(found.path)} was taken as {found.name}, not {listed(deeper)}, which lies deeper. Keep one."
    if beside := [path for path in found.others if path not in deeper]:
        yield f"{shown(found.path)} was taken as {found.name}, not {listed(beside)}. Keep one."
