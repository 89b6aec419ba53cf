"""Memory that is nobody's own: shared by processes of a box, one of which need not touch it any more, or full of files.

What a process has resident does not tell of it, and where no control group can be made nothing else counts it.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

# A shared mapping of memory without a name that a program could open: where, and as which file the kernel keeps it.
NAMELESS = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) ...s [0-9a-f]+ \S+ (\d+) +/(?:dev/zero|memfd:|SYSV)", re.MULTILINE)
RESIDENT = re.compile(rb"^RssShmem:\s+(\d+) kB", re.MULTILINE)
BLOCK = 512


def unseen(pids: Iterable[int]) -> int:
    """Bytes of memory without a name that these processes share, beyond what they have resident of shared memory."""
    sizes, resident = dict[bytes, int](), 0
    for pid in pids:
        found = list(NAMELESS.finditer(_text(pid, "maps")))
        for begins, ends, inode in (each.groups() for each in found):
            sizes[inode] = max(sizes.get(inode, 0), _size(pid, int(begins, 16), int(ends, 16)))
        if found and (told := RESIDENT.search(_text(pid, "status"))):
            resident += int(told[1]) << 10
    return max(sum(sizes.values()) - resident, 0)


def filled(pids: Iterable[int], places: Iterable[str]) -> int:
    """Bytes in file systems of a box's own, which are held in memory; seen through the first process that lets us."""
    for pid in pids:
        try:
            found = [os.statvfs(f"/proc/{pid}/root{place}") for place in places]
        except OSError:
            continue
        return sum((each.f_blocks - each.f_bfree) * each.f_frsize for each in found)
    return 0


def _size(pid: int, begins: int, ends: int) -> int:
    """What the file behind a mapping holds; only root may ask, for others it is as much as the mapping shows."""
    try:
        return Path(f"/proc/{pid}/map_files/{begins:x}-{ends:x}").stat().st_blocks * BLOCK
    except OSError:
        return ends - begins


def _text(pid: int, name: str) -> bytes:
    """A file of a process, as far as it is still there and ours to read."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
