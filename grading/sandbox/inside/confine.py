"""Walls that a process puts around itself, for good: Landlock, a system call filter, another user id.

Lies beside worker.py and, like it, uses nothing but the standard library. Landlock: kernel documentation,
userspace-api/landlock.rst; what the filter refuses is told in system_calls.py.
"""

import ctypes
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .system_calls import ENOSYS, architecture, filter_program

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


def seccomp(pretend: bool, families: Sequence[int] = ()) -> None:
    """From here on: no network, no look into other processes, no namespaces, nothing left in the kernel for other boxes.

    pretend: file modes, owners and times are left as they are, though the calls seem to succeed
    families: the kinds of sockets that may be made, where the network is one of its own

    Raises OSError where it cannot be had.
    """
    if (column := architecture()) < 0:
        raise OSError(ENOSYS, f"no system call filter for {platform.machine()}")
    install(filter_program(column, pretend, families))


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

    walls: "landlock": {"read": paths, "write": paths} or nothing; "uid": of the user to become, or 0; "seccomp": whether;
    "sockets": see seccomp
    """
    if walls.get("landlock"):
        landlock(**walls["landlock"])
    if uid := walls.get("uid", 0):
        become(uid)
    if walls.get("seccomp"):
        seccomp(not uid, walls.get("sockets", ()))


def try_out() -> None:
    """Puts up the walls named on the command line of this process, and looks whether Python still works behind them."""
    enclose(json.loads(sys.argv[2]))
    import wave  # noqa: F401  # from a file that nobody has read yet
