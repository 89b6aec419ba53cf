"""Whether a worker can take another session: whether the last one has left it its limits, and room to write."""

import contextlib
import os
import resource
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

SCRATCH = ("/tmp", "/dev/shm")  # where student code can write; in a box of its own these are emptied when they fill up


def own_limits() -> list[tuple[int, int]]:
    """The resource limits of this process."""
    return [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]


def half_full(places: Iterable[str]) -> list[str]:
    """Those of the places where the code can write in which it has left so much that the next session might miss it."""
    sizes = {place: os.statvfs(place) for place in places}
    return [
        place for place, size in sizes.items() if 2 * size.f_bavail < size.f_blocks or 2 * size.f_favail < size.f_files
    ]


def emptied(place: str) -> bool:
    """Whether everything in a folder could be removed."""
    for path in Path(place).iterdir():
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return not any(Path(place).iterdir())


def fit_for_more(limits: list[tuple[int, int]], in_memory: bool) -> bool:
    """Whether the code has left this worker as it was: with its limits, and with room to write (made here if need be).

    in_memory: it writes to file systems of its own, which may hold more than it; else to one folder, which it has alone
    """
    if not in_memory:
        return own_limits() == limits and emptied(tempfile.gettempdir())
    for place in half_full(SCRATCH):
        emptied(place)
    return own_limits() == limits and not half_full(SCRATCH)
