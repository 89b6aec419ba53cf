"""Control groups of both versions, on trees made of plain files; the conformance suite uses the machine's own."""

from pathlib import Path

import pytest

from grading.sandbox.cgroup import Group, homes, new_group

TWO, ONE = "0::/user/me\n", "5:pids:/job\n4:memory,hugetlb:/job\n3:cpu:/job\n0::/\n"


def tree(root: Path, table: str, *groups: str) -> Path:
    """A folder for every group, and the table of this process; returns the table's path."""
    for group in groups:
        (root / group).mkdir(parents=True)
    (root / "table").write_text(table)
    return root / "table"


def test_version_two_has_one_home(tmp_path: Path) -> None:
    table = tree(tmp_path, TWO, "user/me")
    (tmp_path / "cgroup.controllers").write_text("memory pids")
    assert homes(tmp_path, table) == [tmp_path / "user/me"]


def test_version_one_has_a_home_for_each_resource(tmp_path: Path) -> None:
    table = tree(tmp_path, ONE, "memory/job", "pids")
    assert sorted(homes(tmp_path, table)) == [
        tmp_path / "memory/job",
        tmp_path / "pids",
    ]  # a container begins at its own


def test_without_a_table_there_is_none(tmp_path: Path) -> None:
    assert homes(tmp_path, tmp_path / "nothing") == []
    assert new_group("box", tmp_path, tmp_path / "nothing") is None


def test_where_the_kernel_offers_no_memory_controller_there_is_no_group(tmp_path: Path) -> None:
    """Plain folders have no memory.max: as where the controllers were not handed down."""
    table = tree(tmp_path, TWO, "user/me")
    (tmp_path / "cgroup.controllers").write_text("")
    assert new_group("box", tmp_path, table) is None
    assert not (tmp_path / "user/me/box").exists()


@pytest.mark.parametrize(
    ("limit", "events", "text"),
    [
        ("memory.max", "memory.events", "low 0\nmax 9\noom 3\noom_kill 2\n"),
        ("memory.limit_in_bytes", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
    ],
)
def test_limits_are_written_and_deaths_are_read(tmp_path: Path, limit: str, events: str, text: str) -> None:
    (tmp_path / limit).write_text("max")
    (tmp_path / "pids.max").write_text("max")
    (tmp_path / events).write_text(text)
    group = Group((tmp_path,))
    group.bound(1 << 30, 50)
    assert ((tmp_path / limit).read_text(), (tmp_path / "pids.max").read_text()) == (str(1 << 30), "50")
    assert group.killed_for_memory() == 2
    assert group.entries == (str(tmp_path / "cgroup.procs"),)


@pytest.mark.parametrize(("name", "written"), [("memory.force_empty", "0"), ("memory.reclaim", "4096\n")])
def test_what_a_group_was_the_first_to_read_is_dropped_when_it_ends(name: str, written: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    if name == "memory.reclaim":
        (tmp_path / "memory.current").write_text("4096\n")
    Group((tmp_path,)).close()
    assert (tmp_path / name).read_text() == written


def test_a_group_of_this_machine_holds_what_is_started_in_it() -> None:
    import subprocess

    group = new_group("elbograde-test")
    if group is None:
        pytest.skip("no control group can be made here")
    try:
        entering = " && ".join(f"echo $$ > '{entry}'" for entry in group.entries)
        sleeper = subprocess.Popen(["sh", "-c", f"{entering} && echo in && exec sleep 60"], stdout=subprocess.PIPE)
        assert sleeper.stdout is not None and sleeper.stdout.readline() == b"in\n"
        assert str(sleeper.pid) in Path(group.entries[0]).read_text().split()
    finally:
        group.close()
    assert sleeper.wait(5) == -9
    sleeper.stdout.close()
    assert not any(folder.exists() for folder in group.folders)
