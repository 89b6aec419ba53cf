"""A box: a warm worker behind its walls, for one submission."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from grading.errors import SandboxError
from grading.sandbox import wire
from grading.sandbox.backend import Backend
from grading.sandbox.session import Session

START_SECONDS = 120.0  # importing torch takes 2-3 s; a cold disk has been seen to need a minute


@dataclass(frozen=True)
class Limits:
    """What one session may use."""

    memory_bytes: int = 4 << 30  # resident, all processes of the box together
    address_bytes: int = 16 << 30
    cpu_seconds: int = 3600
    processes: int = 256
    file_bytes: int = 256 << 20
    open_files: int = 256
    caps: wire.Caps = field(default_factory=wire.Caps)

    def by_resource(self) -> dict[str, int]:
        """The limits that the kernel keeps, by their names in `resource`."""
        return {
            "RLIMIT_AS": self.address_bytes,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
        }


class Box:
    """A warm worker with an empty folder for one submission. It is started at once and waited for when it is needed."""

    def __init__(self, backend: Backend) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="elbograde-box-"))
        self._folder.chmod(0o755)
        (self._folder / "submission").mkdir(mode=0o755)
        ours, theirs = socket.socketpair()
        launch = backend.launch(self._folder, theirs.fileno())
        self._control, self._ready = ours, False
        self._errors = tempfile.TemporaryFile()
        with theirs:
            self._process = subprocess.Popen(
                launch.command,
                env=launch.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                close_fds=True,
            )

    @property
    def submission(self) -> Path:
        """The folder that the worker sees as its submission; fill it before the first session."""
        return self._folder / "submission"

    def bring(self, probes: Path) -> None:
        """Lays the assignment's probes beside the submission."""
        shutil.copyfile(probes, self._folder / "probes.py")
        (self._folder / "probes.py").chmod(0o644)

    def session(self, limits: Limits) -> Session:
        """A new child for the next item. Raises SandboxError where the worker does not come up."""
        self._wait_until_ready()
        ours, theirs = socket.socketpair()
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        order = {"order": "begin", "limits": limits.by_resource()}
        try:
            self._order(order, [theirs.fileno(), writer])
        except SandboxError:
            ours.close()
            os.close(reader)
            raise
        finally:
            theirs.close()
            os.close(writer)
        return Session(self, ours, reader, limits.memory_bytes, limits.caps)

    def end_session(self) -> int:
        """Kills what the session left; returns its wait status (0 where the worker itself is gone, or does not obey)."""
        try:
            return int(self._order({"order": "end"}, []).get("status", 0))
        except SandboxError:
            self._process.kill()  # a late answer must not be taken for the next one
            return 0

    def alive(self) -> bool:
        """Whether the worker still runs."""
        return self._process.poll() is None

    def resident_bytes(self) -> int:
        """Memory in use by the worker and everything below it."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total

    def close(self) -> None:
        """Ends the worker and removes the folder."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._control.close()
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_ready(self) -> None:
        if not self._ready:
            self._hear(START_SECONDS)
            self._ready = True

    def _order(self, order: Mapping[str, object], descriptors: list[int]) -> dict[str, Any]:
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], descriptors)
        except OSError as error:
            raise SandboxError(f"the sandbox's worker is gone: {self._last_words()}") from error
        return self._hear(30.0)

    def _hear(self, seconds: float) -> dict[str, Any]:
        self._control.settimeout(seconds)
        try:
            line = self._control.recv(65536)
        except OSError as error:
            raise SandboxError(f"the sandbox's worker does not answer: {self._last_words()}") from error
        if not line:
            raise SandboxError(f"the sandbox's worker did not start: {self._last_words()}")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace").strip() or "it said nothing"
