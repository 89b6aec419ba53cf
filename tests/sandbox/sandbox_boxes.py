"""Boxes for tests: a submission and its probes from strings, and what a session makes of one piece of student code."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grading.sandbox.backend import Backend
from grading.sandbox.box import Box, Limits
from grading.sandbox.session import Session

PROBES = '''
"""Every question names code to run; the student's files are there to be asked as well."""

def run(code, source, **given):
    space = {"given": given, "code": code}
    exec(source, space)
    return space.get("answer")

def call(code, file, name, **given):
    return getattr(getattr(code, file), name)(**given)

def echo(code, value):
    return value
'''


@contextlib.contextmanager
def box_of(backend: Backend, folder: Path, files: dict[str, str]) -> Iterator[Box]:
    """A box with these student files and the probes above."""
    box = Box(backend)
    try:
        (folder / "probes.py").write_text(PROBES)
        box.bring(folder / "probes.py")
        for name, text in files.items():
            (box.submission / name).write_text(text)
            (box.submission / name).chmod(0o644)
        yield box
    finally:
        box.close()


@contextlib.contextmanager
def session_of(box: Box, limits: Limits = Limits()) -> Iterator[Session]:
    """A session that is closed whatever happens."""
    session = box.session(limits)
    try:
        yield session
    finally:
        session.close()


def ran(box: Box, source: str, seconds: float = 20.0, limits: Limits = Limits(), **given: Any) -> Any:
    """What `answer` is after this code has run in a session of its own."""
    with session_of(box, limits) as session:
        return session.ask("run", {"source": source, **given}, 1, seconds)
