"""Files are whole or absent, and the room keeps to itself."""

import ast
import dataclasses
import os
import stat
from pathlib import Path

import pytest
from report_hostile import hostile
from report_reading import follows, harmless, strict_json
from report_samples import ordinary

from grading.records import Report
from grading.report import table, write
from grading.report.presentable import steering
from grading.report.write import Also, write_all, write_whole

NAMES = ["report.html", "report.json", "results.json"]


@pytest.mark.parametrize("report", [ordinary(), hostile()], ids=["ordinary", "hostile"])
def test_all_three_files_are_written_and_can_be_read(report: Report, tmp_path: Path) -> None:
    written = write_all(report, tmp_path / "new" / "folder")
    assert sorted(written) == sorted((tmp_path / "new" / "folder").iterdir())
    assert sorted(path.name for path in written) == NAMES
    texts = {path.name: path.read_text("utf-8") for path in written}
    follows(strict_json(texts["results.json"]), "results.schema.json")
    follows(strict_json(texts["report.json"]), "report.schema.json")
    harmless(texts["report.html"])


def test_other_files_are_written_beside_them_where_they_are_wanted(tmp_path: Path) -> None:
    written = write_all(hostile(), tmp_path, tuple(Also))
    assert sorted(path.name for path in written) == sorted([*NAMES, "junit.xml", "prairielearn.json"])
    assert sorted(written) == sorted(tmp_path.iterdir())


def test_nothing_that_is_written_steers_who_shows_it(tmp_path: Path) -> None:
    for path in write_all(hostile(), tmp_path, tuple(Also)):
        assert not steering(path.read_text("utf-8")), path.name
    assert not steering(table.csv([hostile()]))


def test_an_older_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("old")
    os.link(tmp_path / "results.json", tmp_path / "kept")
    write_all(ordinary(), tmp_path)
    assert (tmp_path / "kept").read_text() == "old"
    assert (tmp_path / "results.json").read_text().startswith("{")


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "results.json").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "results.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert (tmp_path / "results.json").read_text() == "old"


def test_nothing_is_written_before_everything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(report: Report) -> str:
        raise RuntimeError("the page is broken")

    monkeypatch.setattr(write, "page", broken)
    with pytest.raises(RuntimeError):
        write_all(ordinary(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_laid_where_the_file_goes_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "results.json").symlink_to(tmp_path / "precious")
    write_whole(tmp_path / "results.json", "new")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "results.json").is_symlink()


def test_others_may_read_what_was_written_as_far_as_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "results.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "results.json").stat().st_mode) == 0o644


def test_every_emitter_gives_the_same_for_the_same_report(tmp_path: Path) -> None:
    once, again = write_all(ordinary(), tmp_path / "a"), write_all(dataclasses.replace(ordinary()), tmp_path / "b")
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


@pytest.mark.parametrize("file", sorted(Path(write.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_reports_know_nothing_of_ours_but_records(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    imported = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    imported += [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    ours = {name for name in imported if name.split(".")[0] == "grading"}
    assert all(name == "grading.records" or name.startswith("grading.report") for name in ours), ours
