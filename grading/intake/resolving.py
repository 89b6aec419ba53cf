"""Which of the files handed in an import leads to, and where each must lie in the box so that the import works there.

A module is found beside the file that imports it, else in the folders above, else wherever it lies. It is laid into the
box under the name that it is imported by. Relative imports of a file that is loaded by itself lead to a mirror of the
submission's folders, a package called `handed_in`; so do imports of a name that another file's module has already.
"""

import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import PathFinder
from keyword import iskeyword
from pathlib import PurePosixPath

from grading.intake.entries import Entry, tricky
from grading.intake.imports import Import

MIRROR = "handed_in"  # the package that mirrors the submission's folders
RESERVED = {"elbograde_inside", "probes"}


@dataclass(frozen=True)
class Tree:
    """The Python files of a submission."""

    entries: Mapping[str, Entry]  # by path, those that are no expected files
    places: Mapping[str, str]  # of the expected ones that were found: where each lies in the box, by its path
    expected: frozenset[str]  # where expected files lie, found or not
    folders: frozenset[str] = field(init=False)  # that hold any, at any depth

    def __post_init__(self) -> None:
        parents = {str(folder) for path in (*self.entries, *self.places) for folder in PurePosixPath(path).parents}
        object.__setattr__(self, "folders", frozenset(_tidy(parent) for parent in parents))

    def holds(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.entries or (path in self.places and path.endswith(".py"))


@dataclass(frozen=True)
class Step:
    """A file that is needed: where it lies in the submission, and in the box."""

    source: str
    target: str


def tree_of(files: Sequence[Entry], places: Mapping[str, str], expected: Iterable[str]) -> Tree:
    """The modules among the files. Those with a path that is not plain are passed over."""
    scripts = (entry for entry in files if entry.name.lower().endswith(".py") and not entry.flaw)
    others = {entry.path: entry for entry in scripts if entry.path not in places and not tricky(entry.path)}
    return Tree(others, places, frozenset(expected))


def steps(imported: Import, importer: Step, tree: Tree, mirrored: bool = False) -> list[Step]:
    """The files that one import leads to, packages on the way included; none where there are none.

    mirrored: whether a module that is imported by its whole name lies in the mirror, since another has its place
    """
    source, target = _where(imported, importer, tree, mirrored)
    if source is None:
        return []
    found = [Step(_join(source, path), _join(target, path)) for path in _paths(imported)]
    there = [step for step in found if tree.holds(step.source)]
    return list(dict.fromkeys(each for step in there for each in (*_packages(step, tree), step)))


def _where(imported: Import, importer: Step, tree: Tree, mirrored: bool) -> tuple[str | None, str]:
    """The folder in which a file is looked for, and the one that it stands for in the box."""
    if not imported.level:
        if installed(imported.module):
            return None, ""
        base = base_of(imported.module, importer.source, tree)
        return base, mirror(base or "") if mirrored else ""
    folder, target = _up(_folder(importer.source), imported.level - 1), folder_in_box(importer, imported.level)
    if folder is None or not any(tree.holds(_join(folder, path)) for path in _paths(imported)):
        folder = base_of(imported.module or imported.names[0], importer.source, tree)  # the folders were not handed in
    return folder, target


def folder_in_box(importer: Step, level: int) -> str:
    """Where relative imports with so many dots lead to in the box, seen from there: in its own package, or in the mirror."""
    return _up(_folder(importer.target), level - 1) or mirror(_up(_folder(importer.source), level - 1) or "")


def mirror(folder: str) -> str:
    """The folder that stands for one of the submission's in the mirror."""
    return "/".join((MIRROR, *(_identifier(part) for part in PurePosixPath(folder).parts)))


def base_of(module: str, importer: str, tree: Tree) -> str | None:
    """The folder in which a module's name is looked for first and found: from that of the file upwards, then anywhere."""
    first = module.split(".")[0]
    here = _folder(importer)
    above = [here, *(_tidy(str(parent)) for parent in PurePosixPath(here).parents)] if here else [""]
    elsewhere = sorted(tree.folders - set(above), key=lambda folder: (folder.count("/"), folder))
    for folder in (*above, *elsewhere):
        if tree.holds(_join(folder, f"{first}.py")) or _join(folder, first) in tree.folders:
            return folder
    return None


@cache
def installed(module: str) -> bool:
    """Whether a name is that of a module of Python or of a package that is installed: what the box imports by it."""
    first = module.split(".")[0]
    if first in RESERVED or first in sys.stdlib_module_names:
        return True
    paths = [sysconfig.get_path(which) for which in ("purelib", "platlib")]
    return first.isidentifier() and PathFinder.find_spec(first, paths) is not None


def _paths(imported: Import) -> Iterator[str]:
    """The files that may be meant, relative to where the import looks."""
    parts = imported.module.split(".") if imported.module else []
    within = "/".join(parts)
    names = [name for name in imported.names if name.isidentifier()]
    if not parts:
        yield "__init__.py"
    for path in (*("/".join(parts[: n + 1]) for n in range(len(parts))), *(_join(within, name) for name in names)):
        yield f"{path}.py"
        yield f"{path}/__init__.py"


def _packages(step: Step, tree: Tree) -> Iterator[Step]:
    """The packages that a file lies in, as far as the box's folders are those of the submission."""
    source, target = _folder(step.source), _folder(step.target)
    while target and (source or target == MIRROR):
        found = Step(_join(source, "__init__.py"), _join(target, "__init__.py"))
        if found != step and tree.holds(found.source):
            yield found
        source, target = _folder(source), _folder(target)


def _identifier(part: str) -> str:
    plain = re.sub(r"\W", "_", part)
    return plain if plain.isidentifier() and not iskeyword(plain) else f"_{plain}"


def _up(folder: str, times: int) -> str | None:
    """The folder so many levels above; None where there is none."""
    for _ in range(times):
        if not folder:
            return None
        folder = _folder(folder)
    return folder


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _tidy(folder: str) -> str:
    return "" if folder == "." else folder
