"""Modules in the place of notebooks, and of scripts that train as soon as they are run."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from grading.errors import IntakeError
from grading.intake.cells import text_of_script
from grading.intake.lifting import WHOLE, Lifted, Section, lifted, lifted_script, readable
from grading.intake.matching import Found, form_of, in_form, is_notebook
from grading.intake.notebooks import code_cells
from grading.records import ExpectedFile
from grading.sandbox.inside.loading import LIFTED


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


def made_modules(found: Found, kind: str, into: Path, section: Section = WHOLE) -> Iterator[str]:
    """Makes a module of a script, or of a notebook that was handed in for a code file; yields what to tell people of it.

    What was handed in for a script stays beside its module, for what it shows or says. Of a notebook that cannot be read
    the module says why.
    """
    if kind == "script":
        if not is_notebook(found.path):
            shutil.copyfile(into / place_of(found, kind), into / original_of(found.name))
            (into / original_of(found.name)).chmod(0o644)
        yield from _made(into / place_of(found, kind), into / module_of(found.name), found, section)
    elif kind in ("code", "starter") and is_notebook(found.path):
        notebook = (into / found.name).rename(into / f"{found.name}.ipynb")
        yield from _made(notebook, into / found.name, found)
        notebook.unlink()
    elif kind == "code":
        _lay_beside(into / found.name)


def _lay_beside(module: Path) -> None:
    """Writes down what a module's definitions alone make, for one that cannot be imported as it stands, or trains then."""
    text = text_of_script(module.read_bytes())
    if readable(text):
        beside = module.with_name(module.name + LIFTED)
        beside.write_text(lifted_script(text, module.name).source, encoding="utf-8", errors="backslashreplace")
        beside.chmod(0o644)


def _made(handed_in: Path, module: Path, found: Found, section: Section = WHOLE) -> Iterator[str]:
    try:
        made = _lifted(handed_in, PurePosixPath(found.path).name, section)
    except IntakeError as error:
        yield str(error) if handed_in.name == found.name else f"{found.name}: {error}"
        made = Lifted(f"raise ImportError({str(error)!r})\n", ())  # for the rows that ask for it
    module.write_text(made.source, encoding="utf-8", errors="backslashreplace")
    module.chmod(0o644)
    yield from made.notes


def _lifted(handed_in: Path, name: str, section: Section) -> Lifted:
    if is_notebook(handed_in.name):
        return lifted(code_cells(handed_in), name, section)
    return lifted_script(text_of_script(handed_in.read_bytes()), name, section)
