"""The program that runs beside student code: it is asked a question, and hands back what the code answered.

It holds no expected value, no threshold and no reference. It imports torch once, then forks one child per session; a
question costs milliseconds and a child that dies takes nothing with it. Everything it says is untrusted by the judge.

Files it finds: `submission/` (the student's, read-only) and `probes.py` (how to ask this assignment) in the folder named
on its command line. The control socket is the file descriptor named there; every session brings a socket of its own.
"""

import contextlib
import io
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from . import confine, torchvision_operators
from .accelerator import load_in_process, mentions_accelerator, without_accelerator
from .answering import answer, told
from .fitness import fit_for_more, own_limits
from .frames import frame, read_frame
from .lacking import Finder
from .loading import Code, DefinitionsFinder, load_module
from .newer import bars_without_notebook, newer_library, uncompiled
from .seeding import without_entropy

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


# ---------------------------------------------------------------- questions and answers


def serve(connection: socket.socket, home: Path) -> None:
    """Answers questions until the judge has no more."""
    folder = home / "submission"
    code, probes = Code(folder), None
    while True:
        question = read_frame(connection)
        try:
            if probes is None:
                probes = load_module("probes", home / "probes.py")
            reply = frame(answer(code, probes, question))
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the judge must hear of them
            reply = frame(told(error, code, probes, question))
        connection.sendall(reply)


# ---------------------------------------------------------------- processes


def limit(limits: dict[str, int]) -> None:
    """Puts resource limits (by their names in `resource`) on this process and what it starts."""
    for name, value in limits.items():
        hard = value + 2 if name == "RLIMIT_CPU" else value  # at the hard one the kernel kills without saying why
        resource.setrlimit(getattr(resource, name), (value, hard))


def lay_out(folder: Path) -> None:
    """A writable working folder that shows the submission's files, so that code which saves a plot can."""
    place = Path(tempfile.mkdtemp(prefix="work-"))
    for path in folder.iterdir():
        (place / path.name).symlink_to(path)
    os.chdir(place)


def session(control: socket.socket, connection: socket.socket, output: int, home: Path, order: dict[str, Any]) -> None:
    """The child: closes what it must not hold, puts up its walls, then serves. Never returns."""
    control.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    enclosed(order["walls"])
    quiet = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((quiet, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.close(quiet)
    sys.stdin, sys.stdout, sys.stderr = open(0), line_writer(1), line_writer(2)
    torch.set_num_threads(THREADS)
    lay_out(home / "submission")
    sys.path.append(str(home / "submission"))
    sys.meta_path.insert(0, DefinitionsFinder(home / "submission"))
    sys.meta_path.append(Finder(home / "submission"))
    if mentions_accelerator(home / "submission"):
        without_accelerator()
    limit(order["limits"])
    with contextlib.suppress(EOFError, OSError):
        serve(connection, home)
    os._exit(0)


def enclosed(walls: dict[str, Any]) -> None:
    """Puts up the walls that are put up for every session, and makes this process the first to go when memory runs out."""
    confine.prctl(confine.PR_SET_DUMPABLE, 1)  # ordinary again: only the parent hides its memory
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if not walls.get("at_start"):
        confine.enclose(walls)
        confine.prctl(confine.PR_SET_DUMPABLE, 1)  # another user id has undone it
    confine.die_with_parent()
    if walls.get("seccomp") and not walls.get("sockets"):
        load_in_process()


def line_writer(descriptor: int) -> io.TextIOWrapper:
    """A text stream that hands on every line as it is written, and never fails on a character."""
    return io.TextIOWrapper(io.FileIO(descriptor, "w"), encoding="utf-8", errors="replace", line_buffering=True)


def received(control: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """The judge's orders, one JSON line each, with the file descriptors that came along."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 4)
        if not message:
            return
        yield json.loads(message), list(descriptors)


def shelter(walls: dict[str, Any]) -> None:
    """What this process itself lives behind. It runs no student code, but its children do."""
    confine.prctl(confine.PR_SET_NO_NEW_PRIVS, 1)
    if walls.get("at_start"):
        if walls["uid"]:
            confine.become(walls["uid"])
        confine.die_with_parent()  # giving up root has undone bubblewrap's --die-with-parent
        confine.seccomp(pretend=False, families=walls["sockets"])
    elif walls:
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)  # whoever loses his parent becomes a child of this process
        if os.geteuid() != 0:
            confine.landlock_scopes()  # so that a signal to everybody goes to everybody in here
    confine.prctl(confine.PR_SET_DUMPABLE, 0)  # no ptrace and no /proc/<pid>/mem for other processes of this uid


def end_children(child: int, walls: dict[str, Any]) -> int:
    """Kills the session and everything it left behind; returns the session's wait status."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if walls.get("executioner"):
            confine.kill_all_of(walls["uid"], walls["executioner"])
        elif walls:  # everybody in this process's pid namespace, or within its Landlock scope
            os.kill(-1, signal.SIGKILL)
    # The session may not have become that user yet, or not have made its group.
    for kill in (os.killpg, os.kill) if child else ():  # 0 would be this process's own group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    status = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, value = os.waitpid(-1, 0)
            status = value if pid == child else status
    return status


def main() -> None:
    """Imports are done: says so, then forks a session for every order until the judge goes away.

    A worker that is not fit for another session ends instead, and the judge starts a fresh one.
    """
    home, control_number, walls = Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
    shelter(walls)
    os.umask(0o077)
    # Every other signal from within the box is stopped by the kernel, or comes from another user.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = own_limits()
    control = socket.socket(fileno=control_number)
    control.set_inheritable(False)
    control.sendall(b'{"ready": true}\n')
    child = 0
    for order, descriptors in received(control):
        if order["order"] == "begin":
            if not fit_for_more(limits, in_memory=bool(walls.get("at_start"))):
                return
            child = os.fork()
            if child == 0:
                connection = socket.socket(fileno=descriptors[0])
                session(control, connection, descriptors[1], home, {**order, "walls": walls})
            for descriptor in descriptors:
                os.close(descriptor)
            control.sendall(json.dumps({"pid": child}).encode() + b"\n")
        else:
            control.sendall(json.dumps({"status": end_children(child, walls)}).encode() + b"\n")
            child = 0
    if child:
        end_children(child, walls)


def prepare() -> None:
    """Imports what student code is likely to import, once for all sessions."""
    import numpy  # noqa: F401

    # for probes, who cannot open this folder any more
    from . import asking, epochs, excerpts, loops, seams, setups, state, tracing  # noqa: F401

    torchvision_operators.define_if_missing()
    newer_library()
    bars_without_notebook()
    torch.compile = uncompiled  # it needs a compiler, and answers the same
    without_entropy()
    os.environ.setdefault("MPLBACKEND", "Agg")


def run() -> None:
    """The whole program."""
    prepare()
    main()
    os._exit(0)  # nothing here is worth the time that torch takes to end
