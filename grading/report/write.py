"""Puts the files of one grading where they are wanted, each whole or not at all."""

import os
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from grading.records import Report
from grading.report import gradescope, prairielearn, record
from grading.report.junit import junit
from grading.report.page import page


class Also(StrEnum):
    """What can be written beside the three files."""

    PRAIRIELEARN = "prairielearn"
    JUNIT = "junit"


def files(also: Sequence[Also] = ()) -> dict[str, Callable[[Report], str]]:
    """What is written: the names of the files, and what makes each."""
    made: dict[str, Callable[[Report], str]] = {
        "results.json": lambda report: gradescope.dump(gradescope.results(report)),
        "report.json": lambda report: record.dump(record.record(report)),
        "report.html": page,
    }
    if Also.PRAIRIELEARN in also:
        made["prairielearn.json"] = lambda report: prairielearn.dump(prairielearn.results(report))
    if Also.JUNIT in also:
        made["junit.xml"] = junit
    return made


def write_all(report: Report, folder: Path, also: Sequence[Also] = ()) -> tuple[Path, ...]:
    """Writes results.json, report.json, report.html and what else is wanted. All are made before the first is written."""
    contents = {name: make(report) for name, make in files(also).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        write_whole(folder / name, text)
    return tuple(folder / name for name in contents)


def write_whole(path: Path, text: str) -> None:
    """A reader finds the old file or the new one, never a part: written beside it, then moved over it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
