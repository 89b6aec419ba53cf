"""Ends the grading before the platform does, whatever it is busy with: what was judged by then is kept."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import psutil

from grading.autograder.board import Board


def spent() -> float:
    """Seconds since this process began, imports and all."""
    begun: float = psutil.Process().create_time()
    return max(time.time() - begun, 0.0)


@contextlib.contextmanager
def ended_in_time(board: Board, seconds: float, say: Callable[[str], None]) -> Iterator[None]:
    """Within it, the process ends by itself after so many seconds, and where it is told to by SIGTERM."""

    def run_out() -> None:
        _end(board, f"The time ran out after {board.so_far()}.", say)

    def stopped(number: int, frame: FrameType | None) -> None:
        _end(board, f"The grading was stopped from outside after {board.so_far()}.", say)

    timer = threading.Timer(max(seconds, 0.0), run_out)
    timer.daemon = True
    previous = signal.signal(signal.SIGTERM, stopped)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGTERM, previous)


def _end(board: Board, why: str, say: Callable[[str], None]) -> None:
    """Not by an exception: the judge may be waiting for student code, or be deep inside a library."""
    try:
        board.close(f"{why} What was judged until then counts; the other rows have no score, and staff can grade them.")
        say(why)
        sys.stdout.flush()
    finally:
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(0)
