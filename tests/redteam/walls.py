"""Attempts to read what was not handed over, and to reach beyond the box. Rows 17 to 20 and 66."""

from .submissions import Edit, attack

NOSY = """
import os
root = TARGET["root"]
places = {"the reference": root + "/reference/cmput328_a5/train.py", "the rubric": root + "/rubrics/cmput328_a5/rubric.toml",
          "the checks": root + "/grading/checks/gaussian.py", "the attacks": root + "/tests/redteam/__init__.py",
          "the judge's images": root + "/grading/assets/fashion_mnist/manifest.json",
          "another submission": TARGET["neighbour"], "/etc/shadow": "/etc/shadow", "/etc/passwd": "/etc/passwd",
          "the home folder": os.path.expanduser("~root")}
found = []
for what, path in places.items():
    try:
        found += [what] if os.listdir(path) else []
    except NotADirectoryError:
        try:
            found += [what] if open(path, "rb").read(1) else []
        except OSError:
            pass
    except OSError:
        pass
loot(found)
"""
OTHER_BOXES = """
import os
found = []
for place in ("/tmp", "/dev/shm", "/var/tmp", TARGET["folder"], os.path.dirname(TARGET["folder"])):
    try:
        found += [f"{place}/{name}" for name in os.listdir(place) if name.startswith("elbograde-") or name == "neighbour"]
    except OSError:
        pass
loot(found)
"""
NETWORK = """
import socket
found = []
def reach(what, family, kind, address):
    try:
        with socket.socket(family, kind) as link:
            link.settimeout(1.0)
            link.connect(address)
            found.append(what)
    except OSError:
        pass
reach("a server on this machine", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", TARGET["port"]))
reach("a socket of this machine", socket.AF_UNIX, socket.SOCK_STREAM, TARGET["socket"])
reach("a way out", socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 9))  # TEST-NET-1: leads nowhere, and nothing is sent
reach("a way out by IPv6", socket.AF_INET6, socket.SOCK_DGRAM, ("2001:db8::1", 9))
loot(found)
"""
DOWNLOAD = """
import tempfile
try:
    torch.hub.load_state_dict_from_url(f"http://127.0.0.1:{TARGET['port']}/vae.pt", model_dir=tempfile.mkdtemp())
except OSError:
    loot([])
loot(["somebody else's weights"])
"""
PROCESSES = """
import os
found = []
for pid in processes():
    for part in ("environ", "cmdline"):
        try:
            if TARGET["secret"].encode() in open(f"/proc/{pid}/{part}", "rb").read():
                found.append(f"the secret in {part} of another process")
        except OSError:
            pass
loot(found)
"""
MEMORY = """
import ctypes, os
found = []
for pid in processes():
    try:
        lines = open(f"/proc/{pid}/maps").read().splitlines()
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(int(lines[0].split("-")[0], 16))
            found += ["the memory of another process"] if memory.read(1) else []
    except (OSError, IndexError, ValueError, OverflowError):
        pass
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), TARGET["process"]):
    if libc.ptrace(16, pid, 0, 0) == 0:  # PTRACE_ATTACH
        os.waitpid(pid, 0x40000000)
        libc.ptrace(17, pid, 0, 0)
        found.append("another process under its control")
loot(found)
"""
SECRETS = """
import os, sys
found = [f"{name} in the environment" for name, value in os.environ.items()
         if TARGET["secret"] in value or "SECRET" in name.upper() or "TOKEN" in name.upper()]
found += ["the secret on the command line" for word in sys.orig_argv if TARGET["secret"] in word]
found += ["the grader's own folders on the path" for word in sys.path if word == TARGET["root"]]
loot(found)
"""
DESCRIPTORS = """
import os
found = []
for number in range(3, 4096):
    try:
        content = os.pread(number, 1 << 16, 0)
    except OSError:
        continue
    found += ["a file of the judge's by an inherited descriptor"] if TARGET["secret"].encode() in content else []
loot(found)
"""
SIGNALS = """
import os, signal
found = []
for pid in (TARGET["process"], os.getppid()):
    try:
        os.kill(pid, 0)
        found += ["a process of the judge's"] if pid == TARGET["process"] else []
    except OSError:
        pass
for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    try:
        os.path.isdir("/box") and os.kill(os.getppid(), number)
    except OSError:
        pass
loot(found)
"""
ESCAPES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
found = []
if os.geteuid() == 0 and os.path.isdir("/box"):
    found.append("root")
if os.path.isdir("/box"):
    for what, done in (("a new mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)), ("another root", libc.chroot(b"/tmp"))):
        found += [what] if done == 0 else []
for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/proc/kcore", "/proc/1/root/etc/shadow"):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        found.append(path)
    except OSError:
        pass
found += [path for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/etc/passwd") if os.access(path, os.W_OK)]
loot(found)
"""
WHISPERS = """
import ctypes, fcntl, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
x86 = platform.machine() == "x86_64"
found = []
def can(what, done):
    found.extend([what] if done >= 0 and os.path.isdir("/proc") else [])
can("a key that everybody may read", libc.syscall(248 if x86 else 217, b"user", b"elbograde", b"a word", 6, ctypes.c_long(-2)))
queue = libc.msgget(0, 0o666)
can("a queue", queue)
libc.msgctl(queue, 0, None)
can("a ring of system calls", libc.syscall(425, 4, ctypes.create_string_buffer(512)))
can("a file without a name", libc.syscall(319 if x86 else 279, b"x", 0))
can("the kernel's log", libc.klogctl(3, ctypes.create_string_buffer(64), 64))
if os.fork() == 0:
    os._exit(libc.unshare(0x10000000) == 0)
found += ["a user namespace"] if os.waitstatus_to_exitcode(os.wait()[1]) else []
for what, family in (("a socket of VMs", 40), ("a socket of packets", 17), ("a socket of the kernel's", 16), ("ciphers", 38)):
    try:
        socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM).close()
        found.append(what)
    except OSError:
        pass
library = torch.__file__
with open(library, "rb") as one, open(library, "rb") as other:
    fcntl.flock(one, fcntl.LOCK_EX)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found.append("locks on files that all boxes see")
    try:
        os.preadv(one.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        found.append("what the page cache holds")
    except BlockingIOError:
        found.append("what the page cache does not hold")
    except OSError:
        pass
loot(found)
"""
LEAVES_FILES = """
import os
mark("/var/tmp", "/dev/shm", "/box", "/box/submission", os.path.expanduser("~root"), TARGET["folder"])
return mu
"""

ATTACKS = (
    attack("nosy", (17,), "read the reference, the rubric, other submissions, passwords", Edit(NOSY), say="nothing"),
    attack("looks_for_others", (17,), "find other submissions' boxes", Edit(OTHER_BOXES), say="nothing"),
    attack("phones_home", (18,), "reach a server, a socket of the machine, the Internet", Edit(NETWORK), say="nothing"),
    attack("downloads_a_model", (18,), "download somebody else's weights", Edit(DOWNLOAD), say="nothing", seconds=4.0),
    attack(
        "reads_other_processes", (19,), "read environments and command lines in /proc", Edit(PROCESSES), say="nothing"
    ),
    attack("reads_memory", (19,), "read the memory of other processes, or trace them", Edit(MEMORY), say="nothing"),
    attack("reads_secrets", (13, 19), "find the course's secret in its environment", Edit(SECRETS), say="nothing"),
    attack("reads_descriptors", (20,), "read files by descriptors it inherited", Edit(DESCRIPTORS), say="nothing"),
    attack("signals_the_judge", (2, 19), "stop or end the processes that watch it", Edit(SIGNALS), say="nothing"),
    attack("breaks_out", (3, 19), "mount, change root, open devices", Edit(ESCAPES), say="nothing"),
    attack("whispers_to_others", (66,), "leave a word in the kernel for another box", Edit(WHISPERS), say="nothing"),
    attack("leaves_files", (1, 17), "leave files all over the machine", Edit(LEAVES_FILES), say="no noise"),
    attack(
        "kills_its_worker",
        (2, 33),
        "kill the process above it, then itself",
        Edit("import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\nos.kill(os.getpid(), 9)"),
        say="SIGKILL|ended its process",
    ),
)
