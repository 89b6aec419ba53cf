"""What a module's definitions alone make, laid beside it for when it cannot be imported as it stands, or trains."""

from pathlib import Path

from grading.intake.cells import text_of_script
from grading.intake.importing import Beside
from grading.intake.lifting import lifted_script, readable
from grading.sandbox.inside.loading import LIFTED


def lay_beside(module: Path, own: Beside) -> None:
    """Writes FILE.lifted beside a module that can be read. own: the student's modules and classes that it may import."""
    text = text_of_script(module.read_bytes())
    if readable(text):
        beside = module.with_name(module.name + LIFTED)
        source = lifted_script(text, module.name, own=own).source
        beside.write_text(source, encoding="utf-8", errors="backslashreplace")
        beside.chmod(0o644)
