"""Reading what is handed in never holds the grader up: not by its time, not by its memory, not by breaking the process."""

import io
import json
import os
import resource
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

from grading import assignments
from grading.errors import GraderError, IntakeError
from grading.intake import take_in
from grading.intake.apart import apart
from grading.records import ExpectedFile

EXPECTED = (ExpectedFile("vae.py", "code", defines=("VAE",)),)


def test_what_the_work_returns_or_raises_comes_back() -> None:
    assert apart(sorted, [3, 1, 2], what="it") == [1, 2, 3]
    with pytest.raises(IntakeError, match=r"^a sentence$"):
        apart(raising, IntakeError("a sentence"), what="it")
    with pytest.raises(GraderError, match="ZeroDivisionError"):
        apart(raising, ZeroDivisionError("x"), what="it")
    with pytest.raises(FileNotFoundError):
        apart(Path.read_bytes, Path("/nowhere"), what="it")


def raising(error: Exception) -> None:
    raise error


def test_it_is_ended_where_it_takes_too_long() -> None:
    begun = time.monotonic()
    with pytest.raises(IntakeError, match=r"x\.zip could not be read within 1 s. Hand in only"):
        apart(time.sleep, 60, what="x.zip", seconds=1.0)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("work", [lambda: bytearray(3 << 30), lambda: os.kill(os.getpid(), 9), lambda: os._exit(3)])
def test_it_is_ended_where_it_takes_too_much_or_dies(work: object) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IntakeError, match="too much"):
        apart(work, what="x.zip", seconds=20.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


def test_nothing_is_left_behind() -> None:
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        apart(len, "x", what="it")
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    with pytest.raises(IntakeError):
        apart(kept_open, what="it", seconds=1.0)
    assert not list(Path(tempfile.gettempdir()).glob("elbograde-read-*/*"))


def kept_open() -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
        time.sleep(60)


def digits(folder: Path) -> Path:
    """A tar whose extended header is one number of so many digits."""
    record = b"1" * 400_000
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    padded = record + bytes(-len(record) % 512)
    (folder / "work.tar").write_bytes(header.tobuf() + padded + bytes(1024))
    return folder / "work.tar"


def magic(folder: Path) -> Path:
    """Notebooks of nothing but magic lines."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "%x " * 20 + "\n"}
    for number in range(10):
        book = {
            "cells": [{**cell, "source": cell["source"] * 4000}],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (folder / f"b{number}.ipynb").write_text(json.dumps(book))
    return folder


def encoded(folder: Path) -> Path:
    """A script in an encoding that fails in its own way."""
    (folder / "vae.py").write_bytes(b"# -*- coding: punycode -*-\n\xff\xfe class VAE: pass\n")
    return folder


def towers(folder: Path) -> Path:
    """A script that a parser climbs for long."""
    (folder / "vae.py").write_text(
        "class VAE: pass\nx = " + "(" * 199 + "1" + ")" * 199 + "\ny = " + "-" * 900_000 + "1\n"
    )
    return folder


@pytest.mark.parametrize("made", [digits, magic, encoded, towers])
def test_odd_files_are_read_or_refused_in_seconds(tmp_path: Path, made: object) -> None:
    (tmp_path / "work").mkdir()
    path, begun = made(tmp_path / "work"), time.monotonic()
    try:
        apart(take_in, path, EXPECTED, tmp_path / "taken", what=path.name, seconds=8.0)
    except IntakeError as error:
        assert str(error)
    try:
        assignments.recognise(path)
    except (IntakeError, assignments.AssignmentUnknown) as error:
        assert str(error)
    assert time.monotonic() - begun < 8 + 8 + 46


def test_a_file_that_keeps_giving_does_not_fill_the_disk(tmp_path: Path) -> None:
    def endless() -> None:
        with (tmp_path / "out").open("wb") as file:
            while True:
                file.write(bytes(64 << 20))

    with pytest.raises((IntakeError, OSError)):
        apart(endless, what="x", seconds=20.0)
    assert (tmp_path / "out").stat().st_size <= 2 << 30
    (tmp_path / "out").unlink()


def test_streams_are_not_shared() -> None:
    assert apart(lambda: io.StringIO("x").read(), what="x") == "x"
