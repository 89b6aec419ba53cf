"""What is laid out for attacks to find: a secret in all the places where a judge might keep one."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grading.redteam.attack import Target
from grading.sandbox.host import Host

SECRET = "ELBOGRADE_SECRET"
LONGEST = 3600  # seconds that the process with the secret lives, should nobody end it


@dataclass(frozen=True)
class Camp:
    """Where one attack is tried: a private folder, and a box that warms up in it."""

    target: Target
    host: Host
    children: frozenset[int]  # the processes that were started for it


@contextmanager
def laid_out() -> Iterator[Target]:
    """A target whose folder holds the private folders of all attacks; everything is taken away again afterwards."""
    token = secrets.token_hex(6)
    secret = os.environ.get(SECRET) or "elbograde-secret-of-the-red-team"
    folder = Path(tempfile.mkdtemp(prefix="elbograde-redteam-"))
    folder.chmod(0o711)
    try:
        with ExitStack() as stack:
            stack.enter_context(_in_environment(secret))
            stack.enter_context(_in_an_open_file(folder / "open", secret))
            stack.enter_context(_listening(socket.AF_UNIX, f"\0elbograde-{token}"))
            port = stack.enter_context(_listening(socket.AF_INET, ("127.0.0.1", 0)))
            process = stack.enter_context(_on_a_command_line(secret))
            yield Target(folder, f"elbograde-pwned-{token}", secret, process, port)
    finally:
        shutil.rmtree(folder)


def private(target: Target, number: int) -> Target:
    """The same with a folder of its own, and another student's submission in it."""
    mine = replace(target, folder=target.folder / str(number))
    for folder in (mine.folder, mine.temporary, mine.out, mine.neighbour):
        folder.mkdir()
        folder.chmod(0o711)
    (mine.neighbour / "answers.py").write_text(f"# {mine.secret}\n")
    return mine


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Whatever asks for a temporary file meanwhile gets it here, so that what is left behind can be seen."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _in_environment(secret: str) -> Iterator[None]:
    before = os.environ.get(SECRET)
    os.environ[SECRET] = secret
    try:
        yield
    finally:
        if before is None:
            del os.environ[SECRET]


@contextmanager
def _in_an_open_file(path: Path, secret: str) -> Iterator[None]:
    """A file whose name is gone, and whose descriptor a child would inherit."""
    with path.open("w+") as file:
        path.unlink()
        file.write(secret)
        file.flush()
        os.set_inheritable(file.fileno(), True)
        yield


@contextmanager
def _listening(family: socket.AddressFamily, address: str | tuple[str, int]) -> Iterator[int]:
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen(128)
        yield listener.getsockname()[1] if family == socket.AF_INET else 0


@contextmanager
def _on_a_command_line(secret: str) -> Iterator[int]:
    command = [sys.executable, "-I", "-S", "-c", f"import time; time.sleep({LONGEST})", secret]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
