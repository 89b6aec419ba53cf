"""dist/<id>-autograder.zip: what Gradescope needs to grade one assignment, and nothing else.

The same tree gives the same bytes: entries are sorted and dated 1980. Weights of the reference stay here, since the
reference is only ever asked for answers that need none.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.assignments import ROOT, Assignment
from grading.autograder.settings import Settings, written
from grading.errors import StaffError
from grading.rubric import require

INNER = "elbograde"  # the folder of the zip that only root may read
SCRIPTS = ("setup.sh", "run_autograder")
ALONE = ("constraints.txt", "pyproject.toml", "LICENSE")
_KINDS = (".py", ".html", ".json", ".toml", ".safetensors", ".txt")
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """What was written."""

    path: Path
    size: int
    count: int
    hidden: int  # rows that students do not see at once; where there are any, Gradescope shows them no total


def bundle(assignment: Assignment, settings: Settings, folder: Path, root: Path = ROOT) -> Bundle:
    """Writes the zip. Raises StaffError where an item does not exist or the project's own files are not all there."""
    for item in settings.only:
        require(item, (each.id for each in assignment.rubric.items), "--only")
    scripts = root / "scripts" / "gradescope"
    missing = [name for name in SCRIPTS if not (scripts / name).is_file()]
    if missing:
        raise StaffError(f"{scripts} has no {' and no '.join(missing)}: make the zip from the whole project")
    files = {f"{INNER}/{path.relative_to(root).as_posix()}": path for path in _needed(assignment, root)}
    contents = {name: path.read_bytes() for name, path in files.items()}
    contents |= {name: (scripts / name).read_bytes() for name in SCRIPTS}
    contents["autograder.toml"] = written(settings).encode()
    path = folder / f"{assignment.id}-autograder.zip"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_zipped(contents))
    hidden = sum(item.visibility != "visible" for item in assignment.rubric.items)
    return Bundle(path, path.stat().st_size, len(contents), hidden)


def _needed(assignment: Assignment, root: Path) -> Iterator[Path]:
    yield from (root / name for name in ALONE if (root / name).is_file())
    yield from _package(root / "grading", assignment.rubric.assets)
    yield from _files(assignment.probes.parent)
    yield from _files(assignment.stub)
    weights = {row.name for row in assignment.rubric.files if row.kind == "weights"}
    for path in _files(assignment.reference):
        if path.relative_to(assignment.reference).as_posix() not in {*weights, "train.py"}:
            yield path


def _package(grading: Path, assets: str) -> Iterator[Path]:
    """The grader, without what it knows of other data sets."""
    data_sets = {manifest.parent for manifest in (grading / "assets").glob("*/manifest.json")}
    others = {folder for folder in data_sets if folder.name != assets}
    for path in _files(grading):
        if path.suffix in _KINDS and not others.intersection(path.parents):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    """Without what Python, editors and operating systems leave behind, and without links out of the project."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        odd = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not path.is_symlink() and not odd and path.suffix != ".pyc":
            yield path


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, for the modes
            entry.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
            archive.writestr(entry, contents[name], zipfile.ZIP_DEFLATED, 6)
    return file.getvalue()
