"""Work on what a student handed in, done in a process of its own: whatever it holds, the grader keeps its time and memory.

A parser may be slow in ways that no size tells: a header of digits, a tower of brackets, an expression that backtracks. So
reading, unpacking and recognising are done by a fork of the grader, which is ended where it takes too long or too much.
"""

import contextlib
import os
import pickle
import resource
import select
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from grading.errors import GraderError, IntakeError

T = TypeVar("T")
Outcome = Callable[[], tuple[Any, Exception | None]]
SECONDS = 45.0  # of the clock; what people hand in takes less than one, and the largest archive of random bytes four
MEMORY = 1 << 30  # bytes beyond those that the grader has when the process begins
LARGEST_FILE = 2 << 30  # bytes that it may write into one file
GULP = 1 << 20
KEPT = "Hand in only the files asked for, as they were when they last ran."


def apart(work: Callable[..., T], *args: Any, what: str, seconds: float = SECONDS, memory: int = MEMORY) -> T:
    """What `work(*args)` returns, or raises, in a process of its own.

    what: the name of what is worked on, for people
    Raises IntakeError where the process takes longer than `seconds` or more than `memory` bytes, GraderError where it breaks
    of itself.
    """
    with tempfile.TemporaryDirectory(prefix="elbograde-read-") as scratch:
        sent = _sent_by_child(lambda: (work(*args), None), scratch, seconds, memory)
    if sent is None:
        raise IntakeError(f"{what} could not be read within {seconds:.0f} s. {KEPT}")
    if not sent:
        raise IntakeError(f"{what} could not be read: the process that tried used too much, and was ended. {KEPT}")
    value, error = pickle.loads(sent)  # of our own making: no code of a student runs there
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]


def _sent_by_child(outcome: Outcome, scratch: str, seconds: float, memory: int) -> bytes | None:
    """What a child sends of an outcome; nothing where it dies, None where it takes too long.

    scratch: a folder for its temporary files, which it may leave behind
    """
    here, there = os.pipe()
    with warnings.catch_warnings():  # newer Pythons warn of forks beside threads; this one starts none and joins none
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(here)
        _in_child(there, outcome, scratch, seconds, memory)
    os.close(there)
    try:
        return _all_of(here, time.monotonic() + seconds)
    finally:
        os.close(here)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _all_of(pipe: int, deadline: float) -> bytes | None:
    """All that is sent until the other end is closed; None where that takes too long."""
    pieces: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        piece = os.read(pipe, GULP)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _in_child(pipe: int, outcome: Outcome, scratch: str, seconds: float, memory: int) -> NoReturn:
    """Does the work and sends what came of it; ends without anything of what the grader does at its end."""
    try:
        tempfile.tempdir = scratch
        with contextlib.suppress(ValueError, OSError):
            _limit(resource.RLIMIT_AS, _virtual() + memory)
            _limit(resource.RLIMIT_CPU, int(seconds) + 1)
            _limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
        with os.fdopen(pipe, "wb") as file:
            file.write(pickle.dumps(_tried(outcome)))
    finally:
        os._exit(0)


def _tried(outcome: Outcome) -> tuple[Any, Exception | None]:
    try:
        return outcome()
    except (MemoryError, RecursionError):
        return None, IntakeError(f"what was handed in takes too much memory to be read. {KEPT}")
    except OSError as error:
        return None, error
    except Exception as error:
        return None, _sendable(error)


def _sendable(error: Exception) -> Exception:
    """The error itself, where it can be made of its sentence alone; else ours."""
    if type(error).__module__ == "grading.errors" and len(error.args) == 1:
        return error
    return GraderError(f"reading it failed. For staff: {''.join(traceback.format_exception(error)[-4:])}")


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _virtual() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
