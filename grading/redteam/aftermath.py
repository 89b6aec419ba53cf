"""What is to be seen after an attack: results that are no results, processes and files that should not be there."""

import csv
import importlib
import io
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from grading.records import Report
from grading.redteam.attack import Target
from grading.report import gradescope, record, table
from grading.report.presentable import steering
from grading.report.terminal import summary
from grading.report.write import Also, write_all
from grading.report.write import files as written
from grading.sandbox.inside import confine

SCHEMAS = {"results.json": "results.schema.json", "report.json": "report.schema.json"}
RUNS = frozenset({"script", "iframe", "object", "embed", "link", "form", "base", "applet"})
FORMULA = ("=", "+", "@", "\t", "\r")
SOON = 3.0  # seconds in which the kernel clears away what was killed
Files = Mapping[Path, tuple[int, int]]


# ---------------------------------------------------------------- results


def flaws(report: Report, target: Target) -> Iterator[str]:
    """Writes the results and tells what is wrong with them."""
    for path in write_all(report, target.out, tuple(Also)):
        text = path.read_text(encoding="utf-8")
        yield from _flaws_of_json(path, target.root) if path.name in SCHEMAS else _flaws_of_shown(path.name, text)
        if found := steering(text):
            yield f"{path.name} holds characters that steer who shows it: {found}"
    content = json.loads((target.out / "results.json").read_text())
    for output in (content["output"], *(test["output"] for test in content["tests"])):
        yield from _flaws_of_html("results.json", output)
    yield from _flaws_of_csv(report)
    screen = io.StringIO()
    Console(file=screen, width=100).print(summary(report))
    if "\x1b" in screen.getvalue():
        yield "the terminal is sent escape sequences"


def _flaws_of_json(path: Path, root: Path) -> Iterator[str]:
    validator = importlib.import_module("jsonschema").Draft202012Validator
    schema = json.loads((root / "tests" / "report" / SCHEMAS[path.name]).read_text())
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except ValueError as error:
        yield f"{path.name} is not JSON: {error}"
        return
    for breach in validator(schema).iter_errors(content):
        yield f"{path.name} breaks its schema: {str(breach.message)[:200]}"


def _no_number(constant: str) -> Any:
    raise ValueError(f"it holds {constant}")


class _Active(HTMLParser):
    """Finds what would run or fetch something in a browser."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for every tag."""
        if tag in RUNS:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (
                name in ("href", "src", "action") and not (value or "").startswith(("#", "data:image/png"))
            ):
                self.found.append(f"{tag} with {name}")


def _flaws_of_shown(name: str, text: str) -> Iterator[str]:
    """Of a page; in what programs read there is only to be nothing that steers."""
    return _flaws_of_html(name, text) if name.endswith(".html") else iter(())


def _flaws_of_html(name: str, html: str) -> Iterator[str]:
    for what in _Active(html).found:
        yield f"{name} holds active HTML: {what}"
    if "\x1b" in html:
        yield f"{name} holds escape sequences"


def _flaws_of_csv(report: Report) -> Iterator[str]:
    (row,) = csv.DictReader(io.StringIO(table.csv([report])))
    for column, cell in row.items():
        if cell.startswith(FORMULA):
            yield f"the table of the class holds a formula in {column}"


def as_written(report: Report, target: Target) -> bool:
    """Whether what is on disk is still what was written."""
    results, whole = gradescope.dump(gradescope.results(report)), record.dump(record.record(report))
    with suppress(OSError):
        read = [(target.out / name).read_text(encoding="utf-8") for name in ("results.json", "report.json")]
        return read == [results, whole]
    return False


# ---------------------------------------------------------------- processes


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """What a daemon leaves behind becomes a child of this process, and can be found, instead of one of process 1."""
    confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 0)


def children() -> frozenset[int]:
    """The process ids of this process's own children."""
    return frozenset(child.pid for child in psutil.Process().children())


def survivors(spared: Collection[int]) -> list[psutil.Process]:
    """What still runs below this process, other than these children of it and what is below them."""
    roots = [child for child in psutil.Process().children() if child.pid not in spared]
    found = list(roots)
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found += root.children(recursive=True)
    _, alive = psutil.wait_procs(found, timeout=SOON)
    return list(alive)


def end(processes: Collection[psutil.Process]) -> None:
    """Kills exactly these."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=SOON)


# ---------------------------------------------------------------- memory


class Memory:
    """How far this process's own memory grows from here on, at its highest."""

    def __init__(self) -> None:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # forgets the highest of before
        self._before = _status("VmRSS")

    def grown(self) -> int:
        """Bytes."""
        return max(0, _status("VmHWM") - self._before)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


# ---------------------------------------------------------------- files


def places(target: Target) -> list[Path]:
    """Where an attack would leave its mark."""
    outside = ("/", "/tmp", "/var/tmp", "/dev/shm", "/box", "/autograder", "/autograder/results")
    return [*map(Path, outside), target.root, target.root / "out", target.root / "grading", Path.cwd(), Path.home()]


def marks(target: Target) -> set[Path]:
    """The files that an attack has left in places that are not ours."""
    return {path for place in places(target) if place.is_dir() for path in place.glob(f"{target.marker}*")}


def files(target: Target) -> Files:
    """Everything in the attack's own folder but temporary files, with size and time of the last change."""
    found = (path for path in target.folder.rglob("*") if not path.is_relative_to(target.temporary))
    return {path: ((stat := path.lstat()).st_size, stat.st_mtime_ns) for path in found if not path.is_dir()}


def strays(target: Target, before: Files) -> list[str]:
    """Files outside the box that are new or were changed since then; results and what was handed in are expected."""
    after = files(target)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path) and path.parent != target.out}
    left = set(target.temporary.rglob("*"))
    results = set(written(tuple(Also)))
    odd = {path for path in target.out.iterdir() if path.name not in results}
    return sorted(str(path) for path in changed | left | odd | marks(target))
