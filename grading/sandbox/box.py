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

from grading.errors import SandboxError
from grading.sandbox import wire
from grading.sandbox.backend import Backend
from grading.sandbox.cgroup import Group, new_group
from grading.sandbox.inside.fitness import SCRATCH
from grading.sandbox.scratch import written
from grading.sandbox.session import Session
from grading.sandbox.shared import filled, unseen
from grading.sandbox.usage import Usage, below, usage
from grading.sandbox.users import clear_away

FAREWELL_SECONDS = 5.0
OWN_PROCESSES = 64  # for the worker, beyond what the code may have: it must be able to end a fork bomb
START_SECONDS = 120.0  # importing torch takes 2-3 s; a cold disk has been seen to need a minute


@dataclass(frozen=True)
class Limits:
    """What one session may use."""

    memory_bytes: int = 4 << 30  # resident, all processes of the box together
    address_bytes: int = 16 << 30
    cpu_seconds: int = 3600  # all processes of a session together
    processes: int = 256
    file_bytes: int = 256 << 20
    open_files: int = 256
    scratch_bytes: int = 1 << 30  # written to disk, where the backend has no memory for it
    scratch_files: int = 100_000
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
        self._control, self._ready, self._launch, self._limits = ours, False, launch, Limits()
        self._before = 0.0  # processor time when the session began
        self._killed = 0  # how many processes the kernel has ended for want of memory, as far as that is known
        self._errors, self._group = tempfile.TemporaryFile(), new_group(self._folder.name)
        with theirs:
            self._process = subprocess.Popen(
                (*_entering(self._group), *launch.command),
                env=launch.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                close_fds=True,
                start_new_session=True,  # no signal to this process's group is for the worker, nor the other way round
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
        self._limits, self._before = limits, self.usage().processor_seconds
        if self._group:
            self._group.bound(limits.memory_bytes + limits.scratch_bytes, limits.processes + OWN_PROCESSES)
            self._killed = self._group.killed_for_memory()
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
        return Session(self, ours, reader, limits.caps)

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

    def usage(self) -> Usage:
        """What the worker and everything below it use."""
        return usage(self._process.pid)

    def excess(self) -> str:
        """What the session uses more of than it may; "" where it does not."""
        limits, scratch, used = self._limits, self._launch.scratch, self.usage()
        if self._out_of_memory(used):
            return f"more than {limits.memory_bytes / 2**30:.3g} GiB of memory in use"
        if self._hoards(used):
            return f"more than {limits.memory_bytes / 2**30:.3g} GiB of memory in use, with what is shared or in files"
        if used.processor_seconds - self._before > limits.cpu_seconds:
            return f"more than {limits.cpu_seconds} s of processor time used, all its processes together"
        return written(scratch, limits.scratch_bytes, limits.scratch_files) if scratch else ""

    def _out_of_memory(self, used: Usage) -> bool:
        """Where the kernel keeps count, it has ended somebody by then; else what is in use by all decides."""
        if self._group is None:
            return used.resident_bytes > self._limits.memory_bytes
        known, self._killed = self._killed, self._group.killed_for_memory()
        return self._killed > known

    def _hoards(self, used: Usage) -> bool:
        """Where no kernel counts: whether memory that no process has resident makes it too much."""
        if self._group is not None:
            return False
        pids, limits = below(self._process.pid), self._limits
        held = used.resident_bytes + unseen(pids)
        files = 0 if self._launch.scratch else filled(pids[:0:-1], SCRATCH)  # the first one is still outside
        return held > limits.memory_bytes or held + files > limits.memory_bytes + limits.scratch_bytes

    def close(self) -> None:
        """Ends the worker and everything it started, and removes the folder."""
        self._control.close()
        if self._launch.scratch and self._ready:  # no namespace ends with this worker: let it end what it started
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if user := self._launch.user:
            if self._launch.scratch:  # no namespace has ended with the worker
                clear_away(user, self._launch.within_reach)
            user.release()
        if self._group:
            self._group.close()
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():  # nested more deeply than Python can follow
            subprocess.run(["rm", "-rf", "--", str(self._folder)], capture_output=True, check=False)

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


def _entering(group: Group | None) -> tuple[str, ...]:
    """What a command line begins with so that the program runs in that group from its first moment on."""
    if group is None:
        return ()
    entering = " && ".join(f"echo $$ > '{entry}'" for entry in group.entries)
    return ("sh", "-c", f'{entering} && exec "$@"', "sh")
