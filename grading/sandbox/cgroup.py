"""A control group for a box, where this process may make one: the kernel then keeps memory and processes in bounds.

Version 2 of cgroups has one tree, version 1 one for each resource (kernel documentation, admin-guide/cgroup-v2.rst).
Where neither can be written, resource limits and a look at the memory in use every quarter of a second do the same, later.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT, SELF = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
MEMORY, PROCESSES = ("memory.max", "memory.limit_in_bytes"), ("pids.max",)
SWAP = (("memory.swap.max", "0"), ("memory.swappiness", "0"))
PATIENCE = 2.0  # seconds until an ended process has left its group


@dataclass(frozen=True)
class Group:
    """One box's group: a folder in every tree it has."""

    folders: tuple[Path, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        """The files that a process writes its number to in order to enter."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def bound(self, memory_bytes: int, processes: int) -> None:
        """Sets the limits; what the kernel does not know here is left to resource limits."""
        for names, value in ((MEMORY, memory_bytes), (PROCESSES, processes)):
            for file in self._files(names):
                with contextlib.suppress(OSError):
                    file.write_text(str(value))

    def killed_for_memory(self) -> int:
        """How many processes the kernel has ended because the group was out of memory."""
        for file in self._files(("memory.events", "memory.oom_control")):
            rows = (line.split() for line in file.read_text().splitlines())
            return sum(int(row[1]) for row in rows if row[0] == "oom_kill")
        return 0

    def close(self) -> None:
        """Kills whoever is left in the group, and removes it."""
        until = time.monotonic() + PATIENCE
        while (left := self._left()) and time.monotonic() < until:
            for file in self._files(("cgroup.kill",)):
                file.write_text("1")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        self._forget()
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _forget(self) -> None:
        """Drops from the page cache what the group was the first to read, which would tell another box what that was."""
        for file in self._files(("memory.force_empty", "memory.reclaim")):
            used = file.with_name("memory.current")
            with contextlib.suppress(OSError):  # less could be dropped than is in use
                file.write_text(used.read_text() if used.exists() else "0")

    def _left(self) -> set[int]:
        texts = [file.read_text() for file in self._files(("cgroup.procs",))]
        return {int(word) for text in texts for word in text.split()}

    def _files(self, names: tuple[str, ...]) -> Iterator[Path]:
        """Those of the files that are there, one for each tree."""
        return (folder / name for folder in self.folders for name in names if (folder / name).exists())


def new_group(name: str, root: Path = ROOT, table: Path = SELF) -> Group | None:
    """A group below this process's own that bounds memory; None where there can be none."""
    folders = [folder for home in homes(root, table) if (folder := _made(home / name))]
    group = Group(tuple(folders))
    if any(group._files(MEMORY)):
        for file, value in SWAP:
            for place in group._files((file,)):
                with contextlib.suppress(OSError):
                    place.write_text(value)
        return group
    group.close()
    return None


def homes(root: Path, table: Path) -> list[Path]:
    """Where groups of this process may be made: in the one tree of version 2, else in those for memory and processes."""
    try:
        rows = [line.split(":", 2) for line in table.read_text().splitlines()]
    except OSError:
        return []
    if (root / "cgroup.controllers").exists():
        trees = [(root, path) for _, names, path in rows if not names]
    else:
        wanted = ("memory", "pids")
        trees = [(root / name, path) for _, names, path in rows for name in wanted if name in names.split(",")]
    # Inside a container a tree may begin at the container's own group, whose path outside is what the table tells.
    return [tree / path.lstrip("/") if (tree / path.lstrip("/")).is_dir() else tree for tree, path in trees]


def _made(folder: Path) -> Path | None:
    """A new group, with the controllers of the one above it switched on for it where that is possible."""
    with contextlib.suppress(OSError):
        (folder.parent / "cgroup.subtree_control").write_text("+memory +pids")
    try:
        folder.mkdir()
    except OSError:
        return None
    return folder
