"""How much memory and how many processors this container has, and what of it a sandbox may use."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grading.sandbox.backend import ENVIRONMENT, Backend, Launch
from grading.sandbox.box import Limits

JUDGE_BYTES = 800 << 20  # the judge has been seen to use 500 MB
LEAST_BYTES = 600 << 20  # torch, imported twice (the worker and its child), with a small model
WANTED_BYTES = 2_000_000_000  # below this, staff are told to give the container more
_THREADS = tuple(name for name in ENVIRONMENT if name.endswith("_NUM_THREADS"))
ROOT = Path("/")


def memory_bytes(root: Path = ROOT) -> int:
    """The least of what the kernel and the container's cgroups allow."""
    return min(_numbers([*_memory_files(root)], [_installed(root)]))


def processors(root: Path = ROOT) -> float:
    """How many processors' time there is: 0.5, 1, 2."""
    return min(_shares(root))


def threads(count: float) -> int:
    """How many threads are worth starting on so many processors; two at most, as everywhere."""
    return max(1, min(2, int(count)))


def limits(memory: int) -> Limits:
    """What one session of a sandbox may use where the judge needs its part of so much memory."""
    usual = Limits()
    return replace(usual, memory_bytes=max(LEAST_BYTES, min(usual.memory_bytes, memory - JUDGE_BYTES)))


@dataclass(frozen=True)
class Threaded:
    """A backend whose workers start no more threads than there are processors for."""

    backend: Backend
    threads: int

    @property
    def name(self) -> str:
        """As the backend's."""
        return self.backend.name

    @property
    def confined(self) -> bool:
        """As the backend's."""
        return self.backend.confined

    @property
    def promises(self) -> tuple[str, ...]:
        """As the backend's."""
        return self.backend.promises

    def missing(self) -> str:
        """As the backend's."""
        return self.backend.missing()

    def launch(self, box: Path, control: int) -> Launch:
        """As the backend's, with fewer threads."""
        launch = self.backend.launch(box, control)
        fewer = {name: str(self.threads) for name in _THREADS}
        return replace(launch, environment={**launch.environment, **fewer})


def _memory_files(root: Path) -> Iterator[Path]:
    yield from _cgroup_files(root, "", "memory.max")
    yield from _cgroup_files(root, "memory", "memory.limit_in_bytes")


def _shares(root: Path) -> Iterator[float]:
    """The share that each cgroup leaves: quota over period; "max" and -1 mean no limit."""
    yield float(len(os.sched_getaffinity(0)))
    for file in _cgroup_files(root, "", "cpu.max"):
        words = _read(file).split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            yield int(words[0]) / int(words[1])
    for controller in ("cpu", "cpu,cpuacct"):
        for file in _cgroup_files(root, controller, "cpu.cfs_quota_us"):
            quota, period = _read(file).strip(), _read(file.with_name("cpu.cfs_period_us")).strip()
            if quota.isdigit() and period.isdigit() and int(period):
                yield int(quota) / int(period)


def _cgroup_files(root: Path, controller: str, name: str) -> Iterator[Path]:
    """The file of that name of this process's cgroup and of those above it. controller: "" for cgroup v2."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, place = (*line.split(":", 2), "", "")[:3]
        if controllers == controller or (controller and controller in controllers.split(",")):
            top = root / "sys/fs/cgroup" / controller
            own = top / place.strip("/")
            yield from (folder / name for folder in (own, *own.parents) if folder.is_relative_to(top))


def _numbers(files: Iterable[Path], others: Iterable[int]) -> list[int]:
    said = [_read(file).strip() for file in files]
    return [*(int(text) for text in said if text.isdigit() and int(text)), *others]


def _installed(root: Path) -> int:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) << 10
    return WANTED_BYTES


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
