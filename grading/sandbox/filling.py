"""A submission's files, laid into its box."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path


def fill(box: Path, files: Path, instead: Mapping[str, bytes | None]) -> None:
    """Copies the files into the box, so that the worker, who is nobody, may read them.

    instead: what some hold there, by name; None for those that are not to be there
    """
    shutil.copytree(files, box, dirs_exist_ok=True, copy_function=_readable_copy)
    for name, content in instead.items():
        for place in _names(files, name):
            (box / place).unlink(missing_ok=True)
            if content is not None:
                (box / place).write_bytes(content)
                (box / place).chmod(0o644)


def _names(files: Path, name: str) -> Iterator[Path]:
    """Where a file lies, and the links that lead to it: code may name it by the path it was handed in by."""
    there = (files / name).resolve()
    return (path.relative_to(files) for path in files.rglob("*") if path.resolve() == there)


def _readable_copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)
    return target
