"""Which of the files handed in is which of the files expected. Looks at names only."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial
from pathlib import PurePosixPath

from grading.intake.wording import folded
from grading.records import ExpectedFile

LONGEST = 255  # characters in a file name on any common system; longer ones are compared as they are
DOWNLOAD = re.compile(r"( ?\(\d{1,3}\)|[ _-]*copy([ _-]*\d{1,3})?|-\d{1,2})$", re.IGNORECASE)  # "vae (1)", "vae copy 2"
DUPLICATE = re.compile(r"^copy of ", re.IGNORECASE)
WRAPPED = re.compile(r"(\.(?:py|ipynb))(?:\.(?:txt|json|download|py))?\s*$", re.IGNORECASE)  # "vae.py.txt"
SENDER = re.compile(r"^(.*_)?\d{5,}_(assignsubmission_file_)?")  # "smith_12345_", as course platforms write it
FAMILIES = ({".py", ".ipynb", ".txt"}, {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".safetensors", ".zip", ""})
ALIKE = 0.6

Fits = Callable[[str, ExpectedFile], bool]


@dataclass(frozen=True)
class Found:
    """One expected file and the path it was recognised by."""

    name: str
    path: str
    exact: bool
    others: tuple[str, ...] = ()  # deeper files that would have fitted as well
    defines: tuple[str, ...] = ()  # what it was recognised by, where that was not its name


@dataclass(frozen=True)
class Matching:
    """What was recognised among the names."""

    found: tuple[Found, ...]
    rivals: tuple[tuple[str, tuple[str, ...]], ...]  # expected name, paths between which only the student can choose
    missing: tuple[str, ...]  # expected names, required or not, that nothing fits


def match(names: Sequence[str], expected: Sequence[ExpectedFile]) -> Matching:
    """Pairs expected files with paths: by exact name, then but for case, by alias, but for decoration, and as notebooks.

    A script is looked for in the form that its name has, notebook or module, and then in the other. Within one way of
    fitting the file nearest the top wins.
    """
    found: dict[str, Found] = {}
    rivals: dict[str, tuple[str, ...]] = {}
    expected = [in_form(file, form_of(file.name)) if file.kind == "script" else file for file in expected]
    ways: list[Fits] = [_exactly, _but_for_case, _by_alias, _but_for_decoration]
    ways += [_as_notebook, *(partial(_in_other_form, way) for way in ways)]
    for fits in ways:
        for file in expected:
            if file.name in found or file.name in rivals:
                continue
            taken = {known.path for known in found.values()}
            hits = sorted(
                (path.count("/"), path) for path in names if path not in taken and fits(_tail(path, file), file)
            )
            nearest = tuple(path for depth, path in hits if depth == hits[0][0])
            if len(nearest) == 1:
                others = tuple(path for _, path in hits[1:])
                found[file.name] = Found(file.name, nearest[0], fits is _exactly, others)
            elif nearest:
                rivals[file.name] = nearest
    missing = tuple(file.name for file in expected if file.name not in found and file.name not in rivals)
    return Matching(tuple(found.values()), tuple(rivals.items()), missing)


def is_notebook(path: str) -> bool:
    """Whether a path has the name of a notebook."""
    return unwrapped(path).lower().endswith(".ipynb")


def is_code(path: str) -> bool:
    """Whether a path has the name of a script or a notebook."""
    return unwrapped(path).lower().endswith((".py", ".ipynb"))


def unwrapped(path: str) -> str:
    """A path without what browsers and mail put behind the name of a script: "vae.py.txt" is "vae.py"."""
    return WRAPPED.sub(r"\1", path)


def form_of(path: str) -> str:
    """The ending of a script: a notebook's, or a module's."""
    return ".ipynb" if is_notebook(path) else ".py"


def in_form(file: ExpectedFile, form: str) -> ExpectedFile:
    """The same script with the names that it has as a notebook, or as a module. Aliases may be written either way."""
    aliases = tuple(dict.fromkeys(f"{alias.removesuffix(form_of(alias))}{form}" for alias in file.aliases))
    return replace(file, name=f"{file.name.removesuffix(form_of(file.name))}{form}", aliases=aliases)


def nearest_name(missing: str, names: Sequence[str]) -> str | None:
    """The name among `names` that was most likely meant to be `missing`, if one is alike enough."""
    scored = [(_likeness(missing, name), name) for name in names if len(name) <= LONGEST]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= ALIKE else None


def _likeness(one: str, other: str) -> float:
    suffixes = {PurePosixPath(one).suffix.lower(), PurePosixPath(other).suffix.lower()}
    if len(suffixes) > 1 and not any(suffixes <= family for family in FAMILIES):
        return 0.0
    stems = plain(PurePosixPath(one).stem), plain(PurePosixPath(other).stem)
    contained = min(map(len, stems)) >= 3 and (stems[0] in stems[1] or stems[1] in stems[0])
    return max(SequenceMatcher(None, *stems).ratio(), 0.7 if contained else 0.0)


def _tail(path: str, file: ExpectedFile) -> str:
    """The end of a path that is to be compared with the file's name: as many folders as that name has."""
    return "/".join(PurePosixPath(path).parts[-1 - file.name.count("/") :])


def _exactly(name: str, file: ExpectedFile) -> bool:
    return name == file.name


def _but_for_case(name: str, file: ExpectedFile) -> bool:
    return folded(name) == folded(file.name)


def _by_alias(name: str, file: ExpectedFile) -> bool:
    return folded(name) in {folded(alias) for alias in file.aliases}


def _but_for_decoration(name: str, file: ExpectedFile) -> bool:
    if len(name) > LONGEST:
        return False
    return not _undecorated(name).isdisjoint(plain(known) for known in (file.name, *file.aliases))


def _as_notebook(name: str, file: ExpectedFile) -> bool:
    """A code file that was handed in as a notebook of its name."""
    stem = file.name.removesuffix(".py")
    if len(name) > LONGEST:
        return False
    return file.kind == "code" and stem != file.name and plain(f"{stem}.ipynb") in _undecorated(name)


def _in_other_form(fits: Fits, name: str, file: ExpectedFile) -> bool:
    """A script that was handed in as a module in place of a notebook, or the other way round."""
    other = ".py" if form_of(file.name) == ".ipynb" else ".ipynb"
    return file.kind == "script" and fits(name, in_form(file, other))


def _undecorated(name: str) -> set[str]:
    """The names that one may have had before a browser or a course platform saw it."""
    name = unwrapped(name)
    stem, suffix = PurePosixPath(name).stem.strip(), PurePosixPath(name).suffix.strip()
    stems = {stem, DOWNLOAD.sub("", stem), DUPLICATE.sub("", stem)}
    bare = {plain(candidate + suffix) for candidate in stems}
    return bare | {SENDER.sub("", candidate) for candidate in bare}


def plain(name: str) -> str:
    """A name without what looks alike: spaces, dashes and underscores of every kind, wide letters, marks without width."""
    seen = unicodedata.normalize("NFKC", name)
    seen = "".join("-" if unicodedata.category(letter) == "Pd" or letter == "\u2212" else letter for letter in seen)
    seen = "".join(letter for letter in seen if unicodedata.category(letter) != "Cf")
    return re.sub(r"[\s_-]+", "_", folded(seen))
