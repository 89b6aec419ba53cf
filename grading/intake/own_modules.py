"""Modules of a student's own: what the expected files import of what was handed in beside them, and what that imports.

They are as untrusted as everything else that is handed in: they are read and parsed, never run, as many and as large as
the limits let them, and none takes the place of an expected file, of a file that students were given, or of a package.
"""

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from grading.intake import limits
from grading.intake.beside import lay_beside
from grading.intake.entries import Entry
from grading.intake.importing import DEAR, NOTHING, Beside
from grading.intake.imports import Import, absolute, imports_of
from grading.intake.newer import for_this_python
from grading.intake.reading import read_at_most
from grading.intake.resolving import Step, Tree, base_of, folder_in_box, installed, mirror, steps
from grading.intake.shims import put_off, shim
from grading.intake.texts import Text, read_text
from grading.intake.wording import amount, listed, shown

CLASS = re.compile(r"(?m)^class[ \t]+(\w+)")
TOLD = 8  # modules that a notice of its own tells of
ELSEWHERE = (
    DEAR
    | {  # packages that people have on their own machines, of which no notice says that they were not handed in
        *(
            "google",
            "tqdm",
            "einops",
            "torchmetrics",
            "pytorch_lightning",
            "lightning",
            "easydict",
            "diffusers",
            "ignite",
        ),
        *(
            "torch_fidelity",
            "pytorch_fid",
            "cleanfid",
            "requests",
            "torch_xla",
            "jaxtyping",
            "tensorboardX",
            "torchviz",
        ),
        *("kornia", "albumentations", "transformers", "datasets", "accelerate", "h5py", "gdown", "kaggle", "ipython"),
    }
)

Rewrite = Callable[[str], str]


@dataclass(frozen=True)
class Changes:
    """What must be done to an expected file so that its imports of the student's own modules work in the box."""

    text: Rewrite
    own: Beside = NOTHING


NONE = Changes(str)


@dataclass
class Own:
    """What was found so far."""

    files: dict[str, bytes] = field(default_factory=dict)  # by place in the box
    sources: dict[str, str] = field(default_factory=dict)  # by place, the path of what lies there
    rewrites: dict[str, Rewrite] = field(default_factory=dict)  # by path, what is done to the text of an expected file
    changes: dict[str, Changes] = field(default_factory=dict)  # by path, the same and what else is done to it
    texts: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # sentences on what was taken
    room: int = field(default_factory=lambda: limits.MODULES_TOTAL)

    def beside(self) -> Beside:
        """What a module's definitions may rest on: the names of these modules, and of the classes in them."""
        tops = frozenset(place.split("/")[0].removesuffix(".py") for place in self.files)
        return Beside(tops, frozenset(chain.from_iterable(map(CLASS.findall, self.texts))))


def own_modules(importers: Mapping[str, Sequence[str]], tree: Tree, spoken_of: Collection[str] = ()) -> Own:
    """The modules that the expected files need.

    importers: by path, the texts of the expected files with code, cell by cell where they are notebooks
    spoken_of: paths of files of which people are told something else
    """
    own = Own()
    waiting: deque[tuple[Step, Sequence[str]]] = deque(
        (Step(path, tree.places[path]), texts) for path, texts in importers.items()
    )
    while waiting:
        importer, texts = waiting.popleft()
        imported = dict.fromkeys(each for text in texts for each in imports_of(text))
        led = {each: _led(each, importer, tree, own) for each in imported}
        rewrite = _rewriting(importer, led, tree)
        if importer.source in importers:
            own.rewrites[importer.source] = rewrite
        else:
            own.files[importer.target] = rewrite(texts[0]).encode("utf-8", "backslashreplace")
        for step in dict.fromkeys(step for found in led.values() for step in found):
            waiting += _taken(step, importer, tree, own)
    beside = own.beside()
    own.changes |= {path: Changes(rewrite, beside) for path, rewrite in own.rewrites.items()}
    own.notices += [*own.taken[:TOLD], *_rest(own), *_passed_over(tree, own, spoken_of)]
    return own


def write_own(own: Own, into: Path) -> None:
    """Lays them into the folder with the expected files."""
    beside = own.beside()
    for place, content in own.files.items():
        target = into / place
        for folder in reversed(PurePosixPath(place).parents):
            (into / folder).mkdir(exist_ok=True)
            (into / folder).chmod(0o755)
        here = for_this_python(content.decode("utf-8", "surrogateescape"), target.name)
        target.write_bytes(here.text.encode("utf-8", "surrogateescape"))
        target.chmod(0o644)
        if target.name != "__init__.py" and not here.waits:
            lay_beside(target, beside)


def _led(imported: Import, importer: Step, tree: Tree, own: Own) -> list[Step]:
    """Where an import leads; what is to be told of one that leads nowhere, or elsewhere than people think."""
    found = steps(imported, importer, tree)
    if not imported.level and any(own.sources.get(step.target, step.source) != step.source for step in found):
        found = steps(imported, importer, tree, mirrored=True)
    if not found:
        own.notices += islice(_told(imported, importer, tree), max(0, TOLD - len(own.notices)))
    return [step for step in found if not _replaces(step.target, tree)]


def _told(imported: Import, importer: Step, tree: Tree) -> Iterator[str]:
    first = imported.module.split(".")[0]
    name = shown(PurePosixPath(importer.source).name)
    if not imported.level and installed(first):
        base = base_of(first, importer.source, tree)
        if base is not None and importer.source.startswith(base) and f"{base}/{first}.py".lstrip("/") in tree.entries:
            yield f"{shown(first)}.py is not what {name} imports: Python or a package has one of that name. Rename it."
    elif first not in ELSEWHERE and not _expected(first, tree):
        yield f"{name} imports {shown(imported.said) or 'from its package'}, which was not handed in."


def _expected(module: str, tree: Tree) -> bool:
    """Whether it is a file, or a folder with files, that students were given or asked for."""
    return any(place.split("/")[0] in (module, f"{module}.py") for place in tree.expected)


def _replaces(target: str, tree: Tree) -> bool:
    """Whether a module would be imported in place of a file that is expected, or of the folder that one lies in."""
    top = target.split("/")[0]
    if target in tree.expected or f"{target.removesuffix('/__init__.py')}.py" in tree.expected:
        return True
    return "/" not in target and any(place.startswith(f"{top.removesuffix('.py')}/") for place in tree.expected)


def _taken(step: Step, importer: Step, tree: Tree, own: Own) -> Iterator[tuple[Step, Sequence[str]]]:
    """Takes one file in, where that has not been done, and yields it with its text."""
    if step.target in own.sources or tree.places.get(step.source) == step.target:
        return
    if len(own.sources) >= limits.MODULES:
        if len(own.sources) == limits.MODULES:
            own.notices.append(f"More than {limits.MODULES} modules are imported; the rest was left out.")
            own.sources[""] = ""
        return
    own.sources[step.target] = step.source
    if step.source in tree.places:
        own.files[step.target] = shim(tree.places[step.source])
        return
    text = _text(tree.entries[step.source], own)
    if text is not None:
        own.texts.append(text.text)
        if PurePosixPath(step.source).name != "__init__.py" or text.text.strip():
            own.taken.append(_sentence(tree.entries[step.source], importer, text))
        yield step, [text.text]


def _sentence(entry: Entry, importer: Step, text: Text) -> str:
    origin = f", which {entry.origin} writes," if entry.origin else ""
    converted = f" It {text.converted}, and was converted to UTF-8." if text.converted else ""
    name = shown(PurePosixPath(importer.source).name)
    return f"{shown(entry.path)}{origin} was taken in too: {name} imports it.{converted}"


def _text(entry: Entry, own: Own) -> Text | None:
    content = read_at_most(entry, min(limits.MODULE, own.room))
    if content is None:
        own.notices.append(
            f"{shown(entry.path)} was left out: it cannot be read, or is larger than the {amount(limits.MODULE)} accepted "
            f"for a module ({amount(limits.MODULES_TOTAL)} for all of them)."
        )
        return None
    own.room -= len(content)
    return read_text(content)


def _rewriting(importer: Step, led: Mapping[Import, Sequence[Step]], tree: Tree) -> Rewrite:
    """What must be done to a text so that its imports work in the box."""
    package = partial(_package, importer)
    instead = {}
    for imported, found in led.items():
        first = imported.module.split(".")[0]
        if not imported.level and found and found[0].target.startswith(f"{mirror('')}/"):
            base = base_of(first, importer.source, tree) or ""
            instead[first] = f"{mirror(base)}/{first}".replace("/", ".")
    late = _late(led, tree) if PurePosixPath(importer.source).name == "__init__.py" else {}
    return lambda text: absolute(put_off(text, late), package, instead)


def _late(led: Mapping[Import, Sequence[Step]], tree: Tree) -> dict[Import, str]:
    """What a package imports of expected files, and where these lie: such a file may be what imports the package."""
    return {
        imported: tree.places[step.source]
        for imported, found in led.items()
        for step in found
        if imported.module and imported.names and step.source in tree.places
    }


def _package(importer: Step, level: int) -> str:
    return folder_in_box(importer, level).replace("/", ".")


def _rest(own: Own) -> Iterator[str]:
    if len(own.taken) > TOLD:
        yield f"{len(own.taken) - TOLD} more modules were taken in, since those import them."


def _passed_over(tree: Tree, own: Own, spoken_of: Collection[str]) -> Iterator[str]:
    """Python files that nothing needs; nothing of those that a cell writes, or that are another form of an expected file."""
    forms = {str(PurePosixPath(path).with_suffix("")) for path in tree.places}
    known = {*own.sources.values(), *spoken_of}
    others = {path: entry for path, entry in tree.entries.items() if path not in known and not entry.origin}
    left = sorted(path for path in others if path.rpartition(".")[0] not in forms)
    if left:
        yield f"passed over: {listed(left)}: nothing that is graded imports {'it' if len(left) == 1 else 'them'}."
