"""What a process and everything below it use."""

import contextlib
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """Of several processes together."""

    resident_bytes: int = 0
    processor_seconds: float = 0.0  # with that of children that have ended and were waited for

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        seconds = self.processor_seconds + other.processor_seconds
        return Usage(self.resident_bytes + other.resident_bytes, seconds)


def below(pid: int) -> list[int]:
    """The process of this number and its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def usage(pid: int) -> Usage:
    """What the process of this number and its descendants use; those that end meanwhile are left out."""
    total = Usage()
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                total += Usage(process.memory_info().rss, sum(process.cpu_times()[:4]))
    return total
