"""Modules in the place of notebooks, and of scripts that train as soon as they are run."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grading.errors import IntakeError
from grading.intake.cells import text_of_script
from grading.intake.lifting import Lifted, lifted, lifted_script
from grading.intake.matching import Found, form_of, in_form, is_notebook
from grading.intake.notebooks import code_cells
from grading.records import ExpectedFile


def module_of(name: str) -> str:
    """The module that a script becomes: "vae.py" for "vae.ipynb", and for "vae.py"."""
    return in_form(ExpectedFile(name, "script"), ".py").name


def place_of(found: Found, kind: str) -> str:
    """The name under which a file is taken in. A script keeps the form that it was handed in in."""
    return in_form(ExpectedFile(found.name, kind), form_of(found.path)).name if kind == "script" else found.name


def made_modules(found: Found, kind: str, into: Path) -> Iterator[str]:
    """Makes a module of a script, or of a notebook that was handed in for a code file; yields what to tell people of it.

    The notebook of a script stays beside its module, for what it shows. Of one that cannot be read the module says why.
    """
    if kind == "script":
        yield from _made(into / place_of(found, kind), into / module_of(found.name), found)
    elif kind in ("code", "starter") and is_notebook(found.path):
        notebook = (into / found.name).rename(into / f"{found.name}.ipynb")
        yield from _made(notebook, into / found.name, found)
        notebook.unlink()


def _made(handed_in: Path, module: Path, found: Found) -> Iterator[str]:
    try:
        made = _lifted(handed_in, PurePosixPath(found.path).name)
    except IntakeError as error:
        yield str(error) if handed_in.name == found.name else f"{found.name}: {error}"
        made = Lifted(f"raise ImportError({str(error)!r})\n", ())  # for the rows that ask for it
    module.write_text(made.source, encoding="utf-8", errors="backslashreplace")
    module.chmod(0o644)
    yield from made.notes


def _lifted(handed_in: Path, name: str) -> Lifted:
    if is_notebook(handed_in.name):
        return lifted(code_cells(handed_in), name)
    return lifted_script(text_of_script(handed_in.read_bytes()), name)
