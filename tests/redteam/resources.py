"""Time, memory, processes, disk. Rows 32 to 34 and 66. Each is bounded, so that it does little harm where it succeeds."""

from grading.sandbox.box import Limits

from .submissions import WHOLE_VAE, Edit, attack, hang

DEAF = """
import signal
for number in set(signal.Signals) - {9, 19}:
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
"""
IN_C = """
import itertools
sum(itertools.repeat(0))
"""
PROCESSES = """
import os, time
started = 0
for _ in range(600):
    try:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
    except OSError:
        break
if started > 500:
    loot([f"{started} processes"])
while True: pass
"""
SPREAD = """
import subprocess, sys
for _ in range(30):
    subprocess.Popen([sys.executable, "-I", "-S", "-c", "import os, time; os.setsid(); time.sleep(40)"])
return mu
"""
HOARD = """
import time
kept = []
for _ in range(30):
    kept.append(torch.ones(25 << 20))  # 100 MiB each
    time.sleep(0.05)
loot(["3 GiB of memory"])
"""
SHARED = """
import ctypes, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
piece = 100 << 20
for _ in range(30):
    place = libc.mmap(None, ctypes.c_size_t(piece), 3, 0x21, -1, ctypes.c_long(0))  # shared, without a name
    ctypes.memset(place, 1, piece)
    libc.munmap(ctypes.c_void_p(place + 4096), ctypes.c_size_t(piece - 4096))  # one page keeps all of it
    time.sleep(0.05)
loot(["3 GiB of memory that no process has"])
"""
IN_FILES = """
import os, time
kept = []
try:
    for _ in range(30):
        kept.append(os.memfd_create("x"))
        for _ in range(25):
            os.write(kept[-1], bytes(4 << 20))
        time.sleep(0.05)
except OSError:
    loot([])
loot(["3 GiB of memory in files without a name"])
"""
ADDRESSES = """
import time
torch.empty(1 << 34)  # 64 GiB that are only reserved
loot(["64 GiB of addresses"])
"""
DISK = """
import os, tempfile
folder = tempfile.mkdtemp(prefix=TARGET["marker"] + "-")
written = 0
try:
    for number in range(22):
        with open(f"{folder}/{number}", "wb") as file:
            file.write(bytes(100 << 20))
        written += 100
except OSError:
    pass
if written > 2000:
    loot([f"{written} MiB of disk"])
return mu
"""
ONE_FILE = """
import tempfile
with tempfile.NamedTemporaryFile() as file:
    try:
        file.truncate(1 << 40)
    except OSError:
        return mu
loot(["a file of 1 TiB"])
"""
CROWD = """
import os, tempfile
folder = tempfile.mkdtemp(prefix=TARGET["marker"] + "-")
for number in range(40_000):
    try:
        os.close(os.open(f"{folder}/{number}", os.O_CREAT))
    except OSError:
        break
return mu
"""
THREADS = """
import threading, time
for _ in range(500):
    try:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    except RuntimeError:
        break
torch.set_num_threads(64)
return mu
"""
DESCRIPTORS = """
import os
kept = []
try:
    while len(kept) < 100_000:
        kept.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    loot([])
loot(["100,000 open files"])
"""
STARVES = """
import os, resource
for name in (name for name in dir(resource) if name.startswith("RLIMIT_")):
    try:
        resource.prlimit(os.getppid(), getattr(resource, name), (0, 0))
    except (OSError, ValueError):
        pass
return mu
"""
REGEX = """
import re
re.match("(a+)+$", "a" * 64 + "!")
"""

ATTACKS = (
    hang("hangs", (32,), "loop for ever", Edit("while True: pass")),
    hang(
        "sleeps_at_import",
        (32,),
        "sleep while it is imported",
        Edit(top="import time; time.sleep(3600)"),
        attacked=WHOLE_VAE,
    ),
    hang("hangs_deaf", (33,), "ignore every signal and exception", Edit(DEAF)),
    hang("hangs_in_c", (33,), "stay in C code that never returns", Edit(IN_C)),
    hang("hangs_in_a_pattern", (33,), "search a pattern that takes for ever", Edit(REGEX)),
    hang(
        "forks_many", (32,), "start 600 processes", Edit(PROCESSES), say="no answer within|memory in use", seconds=4.0
    ),
    attack("leaves_processes", (2, 32), "leave 30 processes in sessions of their own", Edit(SPREAD), say="no noise"),
    attack(
        "hoards_memory",
        (32,),
        "fill 3 GiB where 1.5 are allowed",
        Edit(HOARD),
        say="memory",
        limits=Limits(memory_bytes=3 << 29),
    ),
    attack(
        "hoards_shared_memory",
        (32, 66),
        "fill 3 GiB that no process has in its own memory, where 1.5 are allowed",
        Edit(SHARED),
        say="memory",
        limits=Limits(memory_bytes=3 << 29),
    ),
    attack(
        "hoards_in_files",
        (32, 66),
        "the same in files without a name",
        Edit(IN_FILES),
        say="nothing",
        limits=Limits(memory_bytes=3 << 29),
    ),
    attack("reserves_addresses", (32,), "reserve 64 GiB", Edit(ADDRESSES), say="memory"),
    attack("fills_the_disk", (32,), "write 2 GiB", Edit(DISK), say="no noise|No space|killed|written|in files"),
    attack("one_huge_file", (32,), "make a file of 1 TiB", Edit(ONE_FILE), say="no noise|SIGXFSZ"),
    attack("makes_many_files", (32,), "make 40,000 files", Edit(CROWD), say="no noise"),
    hang(
        "floods_the_output",
        (28, 32),
        "print without end",
        Edit("while True: print('Score: 100 \\x1b[2J<script>' * 1000)"),
    ),
    attack("starts_many_threads", (34,), "start 500 threads", Edit(THREADS)),
    attack("opens_many_files", (32,), "open 100,000 files", Edit(DESCRIPTORS), say="nothing"),
    attack(
        "starves_its_worker", (32,), "set the limits of the process above it to zero", Edit(STARVES), say="no noise"
    ),
    attack(
        "recurses", (32,), "call itself for ever", Edit("return self.reparameterize(mu, logvar)"), say="RecursionError"
    ),
    attack("waits_for_input", (46,), "wait for somebody to type", Edit("input('go on? ')"), say="EOFError|no answer"),
)
