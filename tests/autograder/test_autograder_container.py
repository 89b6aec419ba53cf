"""What the kernel says of a container, in the forms it says it in."""

import os
from pathlib import Path

import pytest

from grading.autograder.container import JUDGE_BYTES, LEAST_BYTES, Threaded, limits, memory_bytes, processors, threads
from grading.sandbox.backend import ENVIRONMENT, Launch
from grading.sandbox.box import Limits

GB = 1 << 30


def machine(folder: Path, cgroup: str, **files: str) -> Path:
    """A root folder with 8 GB of memory and these cgroup files; a double underscore stands for a slash."""
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    (folder / "proc/meminfo").write_text(f"MemTotal:       {8 * GB >> 10} kB\nMemFree: 1 kB\n")
    for name, text in files.items():
        path = folder / "sys/fs/cgroup" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("cgroup", "files", "wanted"),
    [
        ("0::/\n", {"memory_DOT_max": f"{2 * GB}\n"}, 2 * GB),
        ("0::/\n", {"memory_DOT_max": "max\n"}, 8 * GB),
        ("0::/a/b\n", {"a__memory_DOT_max": f"{3 * GB}\n", "a__b__memory_DOT_max": "max\n"}, 3 * GB),
        ("4:memory:/docker/x\n", {"memory__memory_DOT_limit_in_bytes": f"{GB}\n"}, GB),
        ("4:memory:/d\n0::/\n", {"memory__d__memory_DOT_limit_in_bytes": "9223372036854771712\n"}, 8 * GB),
        ("", {}, 8 * GB),
        ("odd\n\n::\n", {}, 8 * GB),
    ],
)
def test_memory_is_the_least_of_what_is_allowed(
    cgroup: str, files: dict[str, str], wanted: int, tmp_path: Path
) -> None:
    assert memory_bytes(machine(tmp_path, cgroup, **files)) == wanted


@pytest.mark.parametrize(
    ("cgroup", "files", "wanted"),
    [
        ("0::/\n", {"cpu_DOT_max": "50000 100000\n"}, 0.5),
        ("0::/\n", {"cpu_DOT_max": "max 100000\n"}, None),
        (
            "3:cpu,cpuacct:/x\n",
            {"cpu,cpuacct__cpu_DOT_cfs_quota_us": "25000\n", "cpu,cpuacct__cpu_DOT_cfs_period_us": "100000\n"},
            0.25,
        ),
        ("1:cpu:/\n", {"cpu__cpu_DOT_cfs_quota_us": "-1\n", "cpu__cpu_DOT_cfs_period_us": "100000\n"}, None),
    ],
)
def test_processors_are_the_least_share(
    cgroup: str, files: dict[str, str], wanted: float | None, tmp_path: Path
) -> None:
    all_of_them = len(os.sched_getaffinity(0))
    assert processors(machine(tmp_path, cgroup, **files)) == (all_of_them if wanted is None else wanted)


def test_a_process_that_is_kept_on_one_processor_has_one() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert processors() <= 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 1), (1.0, 1), (1.9, 1), (2.0, 2), (64.0, 2)])
def test_there_are_no_more_threads_than_processors(share: float, wanted: int) -> None:
    assert threads(share) == wanted


@pytest.mark.parametrize(
    ("memory", "wanted"), [(GB // 2, LEAST_BYTES), (2 * GB, 2 * GB - JUDGE_BYTES), (64 * GB, Limits().memory_bytes)]
)
def test_the_judge_keeps_its_part_of_the_memory(memory: int, wanted: int) -> None:
    assert limits(memory).memory_bytes == wanted


class Plain:
    """A backend that starts nothing."""

    name, confined, promises = "plain", True, ("no-network",)

    def missing(self) -> str:
        return "everything"

    def launch(self, box: Path, control: int) -> Launch:
        return Launch((str(box), str(control)), ENVIRONMENT)


def test_a_backend_with_fewer_threads_is_otherwise_the_same(tmp_path: Path) -> None:
    one = Threaded(Plain(), 1)
    launch = one.launch(tmp_path, 3)
    assert launch.command == (str(tmp_path), "3")
    other = {name for name, value in ENVIRONMENT.items() if launch.environment[name] != value}
    assert other == {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    assert {launch.environment[name] for name in other} == {"1"} and ENVIRONMENT["OMP_NUM_THREADS"] == "2"
    assert (one.name, one.confined, one.promises, one.missing()) == ("plain", True, ("no-network",), "everything")
