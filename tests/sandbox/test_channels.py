"""No channel between boxes: what the code of one leaves, or holds, tells the code of another nothing.

Each channel is a word that one box says and that another, of another submission, listens for while the first one lives and
again after its session has ended. Not among them: time and load, and what grading/sandbox/inside/system_calls.py cannot tell
from what every program does (README.md, "The sandbox").
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sandbox_boxes import box_of, ran, session_of

from grading.errors import Crashed
from grading.sandbox.backend import Backend
from grading.sandbox.box import Box
from grading.sandbox.inside import system_calls
from grading.sandbox.ladder import BY_NAME

LIBC = """
import ctypes, fcntl, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
calls, path, heard = given["calls"], given["path"], []
def key(number): return ctypes.c_long(number)
"""
# What the first box does, and what the second one hears of it.
KEYS = (
    """
for ring in (-1, -2, -3):
    made = libc.syscall(calls["add_key"], b"user", b"elbograde", b"a word", 6, key(ring))
    libc.syscall(calls["keyctl"], 5, key(made), 0x3F3F3F3F)  # for everybody to read
    libc.syscall(calls["keyctl"], 15, key(made), 30)  # and gone in half a minute, where it was made after all
""",
    """
rings = [key(ring) for ring in (-1, -2, -3, -4, -5)]
found = [libc.syscall(calls["keyctl"], 10, ring, b"user", b"elbograde", 0) for ring in rings]
try:
    found += [int(line.split()[0], 16) for line in open("/proc/keys") if "elbograde" in line]
except OSError:
    pass
for number in found:
    word = ctypes.create_string_buffer(6)
    if number > 0 and libc.syscall(calls["keyctl"], 11, key(number), word, 6) > 0:
        heard.append(word.raw.decode())
""",
)
FLOCK = (
    "code.kept = open(path, 'rb'); fcntl.flock(code.kept, fcntl.LOCK_EX)",
    """
with open(path, "rb") as file:
    try: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError: heard.append("locked")
""",
)
RECORD_LOCKS = (
    "code.kept = open(path, 'rb'); fcntl.lockf(code.kept, fcntl.LOCK_SH, 1, 7)",
    """
with open(path, "rb") as file:
    for command in (5, 36):  # F_GETLK, F_OFD_GETLK
        try: found = fcntl.fcntl(file, command, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 7, 1, 0))
        except OSError: continue
        heard += ["locked"] if struct.unpack("hhqqi4x", found)[0] != fcntl.F_UNLCK else []
""",
)
QUEUES = (
    "libc.shmget(0xE1B0, 4096, 0o1666); libc.msgget(0xE1B0, 0o1666); libc.semget(0xE1B0, 1, 0o1666)",
    """
kinds = [libc.shmget(0xE1B0, 0, 0), libc.msgget(0xE1B0, 0), libc.semget(0xE1B0, 0, 0)]
heard = [number for number in kinds if number >= 0]
""",
)
MESSAGES = (
    "code.kept = libc.syscall(calls['mq_open'], b'elbograde', os.O_CREAT | os.O_RDWR, 0o666, None)",
    "heard = [number for number in [libc.syscall(calls['mq_open'], b'elbograde', os.O_RDONLY, 0, None)] if number >= 0]",
)
SOCKETS = (
    """
for family, address in ((socket.AF_UNIX, "\\0elbograde-channel"), (40, (1, 9797)), (socket.AF_INET, ("127.0.0.1", 9797))):
    try:
        listening = socket.socket(family); listening.bind(address); listening.listen()
        code.kept = [*getattr(code, "kept", []), listening]
    except OSError: pass
""",
    """
for family, address in ((socket.AF_UNIX, "\\0elbograde-channel"), (40, (1, 9797)), (socket.AF_INET, ("127.0.0.1", 9797))):
    try:
        with socket.socket(family) as asking: asking.settimeout(1.0); asking.connect(address); heard.append(family)
    except OSError: pass
try: socket.socket(40); heard.append("sockets of VMs")
except OSError: pass
""",
)
PAGE_CACHE = (
    """
file = os.open(path, os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
for page in (0, 3, 4, 6): os.pread(file, 1, page << 16)
""",
    """
file, found = os.open(path, os.O_RDONLY), []
for page in range(8):
    try: found.append(os.preadv(file, [bytearray(1)], page << 16, os.RWF_NOWAIT))
    except BlockingIOError: found.append(0)
    except OSError: pass
libc.mmap.restype = ctypes.c_void_p
mapped, pages = libc.mmap(None, ctypes.c_size_t(1 << 19), 1, 2, file, ctypes.c_long(0)), ctypes.create_string_buffer(128)
found += list(pages.raw) if libc.syscall(calls["mincore"], key(mapped), 1 << 19, pages) == 0 else []
found += [1, 0] if libc.syscall(calls["cachestat"], file, struct.pack("QQ", 0, 1 << 19), ctypes.create_string_buffer(40), 0) == 0 else []
heard = found if 0 in found and 1 in found else []
""",
)
LOG = (
    "os.fork() or ctypes.string_at(0)",
    "heard = [size for size in [libc.klogctl(3, ctypes.create_string_buffer(4096), 4096)] if size >= 0]",
)
CHANNELS = {
    "keys": KEYS,
    "locks on whole files": FLOCK,
    "locks on parts of files": RECORD_LOCKS,
    "System V": QUEUES,
    "POSIX queues": MESSAGES,
    "sockets": SOCKETS,
    "the page cache": PAGE_CACHE,
    "the kernel's log": LOG,
}
*_, COLD, LIBRARY = sorted(
    Path(torch.__file__).parent.rglob("*.h"), key=lambda path: path.stat().st_size
)  # not read by anyone


def numbers() -> dict[str, int]:
    column = system_calls.architecture()
    return {name: number for name, each in system_calls.REFUSED.items() if (number := each[column]) is not None}


@pytest.fixture(scope="module", params=["bubblewrap", "landlock"])
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen = BY_NAME[request.param]
    if reason := chosen.missing():
        pytest.skip(reason)
    return chosen


@pytest.fixture(scope="module")
def boxes(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Box]]:
    """Of two submissions."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    with box_of(backend, folders[0], {}) as one, box_of(backend, folders[1], {}) as other:
        yield one, other


def heard(one: Box, other: Box, channel: str) -> list[object]:
    """What the second box hears, while the first one holds what it said, and afterwards."""
    says, hears = CHANNELS[channel]
    given = {"calls": numbers(), "path": str(LIBRARY)}
    with session_of(one) as session:
        with contextlib.suppress(Crashed):  # it may not even be said
            session.ask("run", {"source": LIBC + says, **given}, 0, 20.0)
        found = ran(other, LIBC + hears + "\nanswer = heard", **given)
    return [*found, *ran(other, LIBC + hears + "\nanswer = heard", **given)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_between_boxes(boxes: tuple[Box, Box], backend: Backend, channel: str) -> None:
    assert "no-channel-between-boxes" in backend.promises
    assert heard(*boxes, channel) == []


READS = """
import mmap
with open(given["path"], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    mapped.madvise(mmap.MADV_RANDOM)
    for page in given["pages"]: mapped[page << 16]
"""
FAULTS = """
import mmap, resource
answer = []
with open(given["path"], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    mapped.madvise(mmap.MADV_RANDOM)
    for page in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        mapped[page << 16]
        answer += [page] if resource.getrusage(resource.RUSAGE_SELF).ru_majflt == before else []
"""


def cached(path: Path) -> list[int]:
    """Which of the pages asked about the page cache holds; asking by a read would fetch them."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    told = ctypes.create_string_buffer(128)
    with path.open("rb") as file:
        place = libc.mmap(None, ctypes.c_size_t(1 << 19), 1, 2, file.fileno(), ctypes.c_long(0))
        libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(1 << 19), told)
        libc.munmap(ctypes.c_void_p(place), ctypes.c_size_t(1 << 19))
    return [page for page in range(8) if told.raw[16 * page] & 1]


def test_what_a_closed_box_was_the_first_to_read_is_not_to_be_told(backend: Backend, tmp_path: Path) -> None:
    """By what no filter can refuse: whether a page had to be fetched."""
    (tmp_path / "other").mkdir()
    with box_of(backend, tmp_path / "other", {}) as other:
        with box_of(backend, tmp_path, {}) as one:
            if not one._group:
                pytest.skip("no control group can be made here")
            ran(one, "answer = 1")
            with COLD.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if cached(COLD):
                pytest.skip("the page cache of this disk cannot be emptied, or does not tell")
            ran(one, READS, path=str(COLD), pages=[0, 3, 4, 6])
            assert cached(COLD) == [0, 3, 4, 6]
        assert ran(other, FAULTS, path=str(COLD)) == []


@pytest.mark.parametrize("channel", ["keys", "locks on whole files", "locks on parts of files"])
def test_where_nothing_is_refused_it_is_heard(channel: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with box_of(BY_NAME["none"], tmp_path, {}) as one, box_of(BY_NAME["none"], tmp_path / "other", {}) as other:
        assert heard(one, other, channel)
