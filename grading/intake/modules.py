"""Modules in the place of notebooks, and of scripts that train as soon as they are run."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from grading.errors import IntakeError
from grading.intake.beside import lay_beside
from grading.intake.cells import python_of, text_of_script
from grading.intake.lifting import WHOLE, Lifted, Section, lifted, lifted_script
from grading.intake.matching import Found, form_of, in_form, is_notebook
from grading.intake.newer import for_this_python
from grading.intake.notebooks import code_cells
from grading.intake.own_modules import NONE, Changes
from grading.intake.texts import as_module
from grading.intake.wording import shown
from grading.records import ExpectedFile

RUN = re.compile(
    r"(?m)^([ \t]*)%run[ \t]+(?:-[inte][ \t]+)*[\"']?(?:\./)?([A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)\.py[\"']?[ \t]*$"
)


def module_of(name: str) -> str:
    """The module that a script becomes: "vae.py" for "vae.ipynb", and for "vae.py"."""
    return in_form(ExpectedFile(name, "script"), ".py").name


def original_of(name: str) -> str:
    """Where a script that was handed in as a .py stays as it was, beside its module: nothing imports "vae.py.txt"."""
    return f"{module_of(name)}.txt"


def place_of(found: Found, kind: str) -> str:
    """The name under which a file is taken in. A script keeps the form that it was handed in in."""
    return in_form(ExpectedFile(found.name, kind), form_of(found.path)).name if kind == "script" else found.name


def section_of(found: Found, every: Sequence[Found], expected: Sequence[ExpectedFile]) -> Section:
    """What of a file counts for an expected one, where it was taken for several."""
    defines = {file.name: frozenset(file.defines) for file in expected}
    others = [other.name for other in every if other.path == found.path and other.name != found.name]
    return Section(defines[found.name], frozenset().union(*(defines[name] for name in others))) if others else WHOLE


def code_of(file: Path, found: Found) -> list[str]:
    """The text of a file that was copied; of a notebook, its cells. Nothing of one that cannot be read."""
    try:
        return _cells(file) if is_notebook(found.path) else [text_of_script(file.read_bytes())]
    except IntakeError:  # said where a module is made of it
        return []


def made_modules(
    found: Found, kind: str, into: Path, section: Section = WHOLE, changes: Changes = NONE
) -> Iterator[str]:
    """Makes a module of a script, or of a notebook that was handed in for a code file; yields what to tell people of it.

    What was handed in for a script stays beside its module, for what it shows or says. Of a notebook that cannot be read
    the module says why. changes: what lets its imports of the student's own modules work
    """
    if kind == "script":
        if not is_notebook(found.path):
            shutil.copyfile(into / place_of(found, kind), into / original_of(found.name))
            (into / original_of(found.name)).chmod(0o644)
        yield from _made(into / place_of(found, kind), into / module_of(found.name), found, changes, section)
    elif kind in ("code", "starter") and is_notebook(found.path):
        notebook = (into / found.name).rename(into / f"{found.name}.ipynb")
        yield from _made(notebook, into / found.name, found, changes)
        notebook.unlink()
    elif kind in ("code", "starter"):
        yield from _importable(into / found.name, found, changes, lift=kind == "code")


def _importable(module: Path, found: Found, changes: Changes, lift: bool) -> Iterator[str]:
    """Makes code fit to be imported in the box: in UTF-8, for this Python, and with its imports leading where they should.

    lift: whether what its definitions alone make is laid beside it, for when it cannot be imported as it stands, or trains
    """
    before = module.read_bytes()
    content, converted = as_module(before)
    text, name = content.decode("utf-8"), shown(found.path.rpartition("/")[2])
    here = for_this_python(changes.text(text), name)
    if here.text != text:
        content = here.text.encode("utf-8", "backslashreplace")
    if content is not before:
        module.write_bytes(content)
    if lift and not here.waits:
        lay_beside(module, changes.own)
    if converted:
        yield f"{name} {converted}; it was converted to UTF-8."
    if here.said:
        yield here.said


def _made(handed_in: Path, module: Path, found: Found, changes: Changes, section: Section = WHOLE) -> Iterator[str]:
    try:
        made = _lifted(handed_in, PurePosixPath(found.path).name, changes, section)
    except IntakeError as error:
        yield str(error) if handed_in.name == found.name else f"{found.name}: {error}"
        made = Lifted(f"raise ImportError({str(error)!r})\n", ())  # for the rows that ask for it
    module.write_text(made.source, encoding="utf-8", errors="backslashreplace")
    module.chmod(0o644)
    yield from made.notes


def _lifted(handed_in: Path, name: str, changes: Changes, section: Section) -> Lifted:
    """The module of definitions; where a cell is for a newer Python and cannot be rewritten, one that says so."""
    notebook = is_notebook(handed_in.name)
    cells = _cells(handed_in) if notebook else [text_of_script(handed_in.read_bytes())]
    texts = [changes.text(cell) for cell in cells]
    made = (
        lifted(texts, name, section, changes.own) if notebook else lifted_script(texts[0], name, section, changes.own)
    )
    here = (for_this_python(python_of(cell), shown(name)) for cell in cells)
    waiting = next((each for each in here if each.waits), None)
    return Lifted(waiting.text, (*made.notes, waiting.said)) if waiting else made


def _cells(notebook: Path) -> list[str]:
    """The code cells of a notebook. What `%run helper.py` leaves behind is what a star import of it gives."""
    return [RUN.sub(_imported, cell) for cell in code_cells(notebook)]


def _imported(run: re.Match[str]) -> str:
    return f"{run[1]}from {run[2].replace('/', '.')} import *"
