"""The platform, as far as it is documented: /autograder with source, submission and results, in a root of its own."""

import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import psutil

from grading import assignments
from grading.autograder.settings import Settings
from grading.bundle import bundle

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE.parent / "report" / "results.schema.json").read_text())
METADATA = {
    "id": 4711,
    "created_at": "2025-03-01T14:22:32.365935-07:00",
    "assignment": {"total_points": "1.0", "group_size": None, "title": "A5", "new_key": [{}]},
    "submission_method": "upload",
    "users": [{"email": "ada@example.edu", "id": 1, "name": "Ada Nonymous"}],
    "previous_submissions": [],
}


@dataclass(frozen=True)
class Ran:
    """What one run left behind."""

    results: dict[str, Any]
    stdout: str
    code: int
    seconds: float

    @property
    def scores(self) -> list[float | None]:
        """The score of each row."""
        return [test.get("score") for test in self.results["tests"]]


def reason_to_skip() -> str:
    """Why there can be no platform here."""
    if os.geteuid() != 0:
        return "a root folder of its own needs root"
    if shutil.which("unshare") is None or shutil.which("pivot_root") is None:
        return "unshare and pivot_root are needed (util-linux)"
    trial = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return trial.stderr.strip()


class Platform:
    """One assignment's autograder, as the site would have it after its zip was uploaded."""

    def __init__(self, name: str, folder: Path, settings: Mapping[str, object]) -> None:
        self.root, self.name = folder / "autograder", name
        for room in ("source", "submission", "results"):
            (self.root / room).mkdir(parents=True)
        made = bundle(assignments.load(name), Settings.model_validate({"assignment": name, **settings}), folder)
        with zipfile.ZipFile(made.path) as archive:
            for entry in archive.infolist():
                Path(archive.extract(entry, self.root / "source")).chmod(entry.external_attr >> 16 & 0o777)
        shutil.copy(self.root / "source" / "run_autograder", self.root)

    def command(self, *words: str, environment: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        """A command as root, with the platform's few environment variables and these."""
        inside = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        inside += [f"{name}={value}" for name, value in environment.items()]
        outside = ["unshare", "--mount", "--propagation", "private", "sh", str(HERE / "platform.sh"), str(self.root)]
        return subprocess.Popen(
            [*outside, *inside, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def said(self, *words: str, environment: Mapping[str, str] = {}) -> tuple[int, str]:
        """Exit status and output of a command."""
        process = self.command(*words, environment=environment)
        stdout, _ = process.communicate(timeout=1200)
        return process.returncode, stdout

    def hand_in(self, files: Path, added: Mapping[str, str] = {}, metadata: object = METADATA) -> None:
        """Lays a submission out: the files of a folder, with lines added to the end of some."""
        shutil.rmtree(self.root / "submission")
        shutil.copytree(files, self.root / "submission", ignore=shutil.ignore_patterns("__pycache__", "train.py"))
        for name, text in added.items():
            with (self.root / "submission" / name).open("a") as file:
                file.write(text)
        shutil.rmtree(self.root / "results")
        (self.root / "results").mkdir()
        content = metadata if isinstance(metadata, str) else json.dumps(metadata)
        (self.root / "submission_metadata.json").write_text(content)

    def run(self, seconds: float | None = None) -> Ran:
        """Grades what was handed in."""
        begun = time.monotonic()
        environment = {} if seconds is None else {"ELBOGRADE_SECONDS": str(seconds)}
        code, stdout = self.said("/autograder/run_autograder", environment=environment)
        return Ran(self.results(), stdout, code, time.monotonic() - begun)

    def results(self) -> dict[str, Any]:
        """What hangs there now; whatever happens, it is valid."""
        content: dict[str, Any] = json.loads((self.root / "results" / "results.json").read_text("ascii"))
        jsonschema.validate(content, SCHEMA)
        return content

    def killed_after(self, rows: int) -> dict[str, Any]:
        """Grades until so many rows have a score, and then kills everything at once."""
        process = self._until(rows)
        for child in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
            if child.is_running():
                child.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        return self.results()

    def stopped_after(self, rows: int) -> Ran:
        """Grades until so many rows have a score, and then asks run_autograder to end."""
        process, begun = self._until(rows), time.monotonic()
        psutil.Process(process.pid).send_signal(signal.SIGTERM)  # each command before it has become the next
        stdout, _ = process.communicate(timeout=60)
        return Ran(self.results(), stdout, process.returncode, time.monotonic() - begun)

    def _until(self, rows: int) -> subprocess.Popen[str]:
        process = self.command("/autograder/run_autograder")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (self.root / "results" / "results.json").exists() and self._scored() >= rows:
                break
            time.sleep(0.02)
        return process

    def _scored(self) -> int:
        return sum("score" in test for test in self.results()["tests"])
