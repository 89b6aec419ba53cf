"""Walls that a process puts around itself, for good: Landlock, a system call filter, another user id.

Lies beside worker.py and, like it, uses nothing but the standard library. Landlock: kernel documentation,
userspace-api/landlock.rst; the filter: seccomp_filter.rst and <linux/filter.h>.

Started as a program it puts up the walls named on its command line, looks whether Python still works behind them, and
ends with 0.
"""

import ctypes
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38
LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int, pointer: object = 0) -> None:
    """Raises OSError where the kernel refuses."""
    if LIBC.prctl(option, value, pointer, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _system_call(number: int, *args: object) -> int:
    found = int(LIBC.syscall(ctypes.c_long(number), *args))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


# ---------------------------------------------------------------- Landlock

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK, REFER, TRUNCATE, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 13, 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1, 2
SCOPES = 6  # the version of Landlock that knows them


def landlock_version() -> int:
    """The version of Landlock that this kernel offers; 0 where it has none, or keeps it switched off."""
    try:
        return _system_call(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    except OSError:
        return 0


def landlock(read: Iterable[str], write: Iterable[str]) -> None:
    """From here on: these files and folders can be read and run, those changed as well, nothing else be opened.

    Where Landlock knows scopes, signals and abstract sockets reach no process outside. Raises OSError.
    """
    version = landlock_version()
    rights = (1 << 13) - 1 | REFER * (version >= 2) | TRUNCATE * (version >= 3) | IOCTL_DEV * (version >= 5)
    ruleset = _ruleset(rights, version)
    for path in read:
        _allow(ruleset, path, READ & rights)
    for path in write:
        _allow(ruleset, path, rights & ~(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))
    for path in DEVICES:
        _allow(ruleset, path, (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV) & rights)
    _enter(ruleset)


def landlock_scopes() -> None:
    """From here on: signals and abstract sockets reach no process outside. Does nothing where Landlock knows no scopes."""
    if (version := landlock_version()) >= SCOPES:
        _enter(_ruleset(0, version))


def _ruleset(rights: int, version: int) -> int:
    scopes = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL if version >= SCOPES else 0
    attributes = struct.pack("=QQQ", rights, 0, scopes)[: 24 if version >= SCOPES else 8]
    return _system_call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Grants rights on a file, or on everything below a folder; what does not exist needs no grant."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights &= -1 if os.path.isdir(path) else FILE_RIGHTS  # noqa: PTH112
        _system_call(ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _enter(ruleset: int) -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _system_call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


# ---------------------------------------------------------------- system calls

# By architecture: its name for the kernel's audit, then numbers from <asm/unistd.h>.
X86_64, AARCH64 = 0xC000003E, 0xC00000B7
REFUSED = {  # x86_64, aarch64
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),  # opens sockets of its own
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),  # System V and POSIX queues outlive their process
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
}
# chmod, chown, setxattr, removexattr, utime and their kin: answered with success and not done. Landlock does not cover
# them, and without a user id of its own the code could change what the grader's user owns.
PRETENDED = (
    *((90, None), (91, 52), (268, 53), (452, 452), (92, None), (93, 55), (94, None), (260, 54)),
    *((188, 5), (189, 6), (190, 7), (463, 463), (197, 14), (198, 15), (199, 16)),
    *((132, None), (235, None), (261, None), (280, 88)),
)
CLONE, CLONE3, SOCKETPAIR = (56, 220), (435, 435), (53, 199)
DATAGRAM = 2  # a pair of datagram sockets can be sent elsewhere; SOCK_STREAM (1) and SOCK_SEQPACKET (5) cannot
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, GREATER_OR_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
EACCES, ENOSYS = 13, 38


def architecture() -> int:
    """Which column of the tables above is this machine's; -1 where none is."""
    return {"x86_64": 0, "aarch64": 1}.get(platform.machine(), -1)


def filter_program(column: int, pretend: bool) -> bytes:
    """The filter for one architecture: what is refused, what is only pretended, everything else allowed."""
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, (X86_64, AARCH64)[column]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    if column == 0:  # the same calls under other numbers (x32)
        steps += [(GREATER_OR_EQUAL, 0, 1, 0x40000000), (RETURN, 0, 0, ERRNO | ENOSYS)]
    answers = dict.fromkeys(REFUSED.values(), ERRNO | EACCES)
    answers |= dict.fromkeys(PRETENDED, ERRNO) if pretend else {}
    answers |= {CLONE3: ERRNO | ENOSYS}  # its flags lie in memory, where no filter can look; libc then takes clone
    for numbers, answer in answers.items():
        if (number := numbers[column]) is not None:
            steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, answer)]
    for numbers, argument, bits in ((CLONE, 0, NEW_NAMESPACES), (SOCKETPAIR, 1, DATAGRAM)):
        steps += [(EQUAL, 0, 4, numbers[column]), (LOAD, 0, 0, 16 + 8 * argument), (ANY_BIT, 0, 1, bits)]
        steps += [(RETURN, 0, 0, ERRNO | EACCES), (RETURN, 0, 0, ALLOW)]
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def seccomp(pretend: bool) -> None:
    """From here on: no network, no look into other processes, no namespaces. Raises OSError where it cannot be had.

    pretend: file modes, owners and times are left as they are, though the calls seem to succeed
    """
    if (column := architecture()) < 0:
        raise OSError(ENOSYS, f"no system call filter for {platform.machine()}")
    install(filter_program(column, pretend))


def install(steps: bytes) -> None:
    """Puts a filter on this process and all it starts."""
    program = ctypes.create_string_buffer(steps)
    length = (len(program) - 1) // 8
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    described = struct.pack("@HP", length, ctypes.addressof(program))
    prctl(PR_SET_SECCOMP, 2, described)


# ---------------------------------------------------------------- users and processes


def become(uid: int) -> None:
    """Gives up root for good. Raises OSError where this process may not, or the user id does not exist here."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def kill_all_of(uid: int, executioner: int) -> None:
    """Kills every process of a user at once; only for root.

    The killing is done under a third user id, whose processes the victims may not signal.
    """
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(executioner, uid, executioner)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def die_with_parent() -> None:
    """From here on this process is killed when the one that started it ends; undone by a change of user id."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# ---------------------------------------------------------------- all together


def enclose(walls: Mapping[str, Any]) -> None:
    """Puts up the walls of a session. Raises OSError where one cannot be had.

    walls: "landlock": {"read": paths, "write": paths} or nothing; "uid": of the user to become, or 0; "seccomp": whether
    """
    if walls.get("landlock"):
        landlock(**walls["landlock"])
    if uid := walls.get("uid", 0):
        become(uid)
    if walls.get("seccomp"):
        seccomp(pretend=not uid)


if __name__ == "__main__":
    enclose(json.loads(sys.argv[1]))
    import wave  # noqa: F401  # from a file that nobody has read yet
