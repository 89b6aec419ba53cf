"""The command line, as a user meets it."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

from grading.assignments import ROOT

REFERENCE = ROOT / "reference" / "cmput328_a5"
SCHEMA = json.loads((Path(__file__).parent / "report" / "results.schema.json").read_text())


def run(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grading", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_a_zip_is_graded_into_the_default_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "smith.zip", "w") as archive:
        for name in ("A5_vae_submission.py", "A5_diffusion_submission.py", "vae.pt"):
            archive.write(REFERENCE / name, f"my homework/{name}")
    done = run("grade", "smith.zip", "--only", "vae.kl_loss", "--only", "vae.accuracy", "--quick", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "smith" / "results.json").read_text())
    jsonschema.validate(results, SCHEMA)
    assert [test["score"] for test in results["tests"]] == [5, 16]
    assert "21 / 21" in done.stdout
    assert (tmp_path / "out" / "smith" / "report.html").read_text().count("data:image/png") == 1
    assert json.loads((tmp_path / "out" / "smith" / "report.json").read_text())["backend"] == "bubblewrap"


def test_two_submissions_in_one_run(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        shutil.copy(REFERENCE / "A5_vae_submission.py", tmp_path / name)
    done = run("grade", "first", "second", "--only", "vae.kl_loss", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["first", "second"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("grade", "nowhere"), "nowhere", marks=pytest.mark.slow),
        (("grade", str(REFERENCE), "--only", "vae.kl_los"), "did you mean vae.kl_loss"),
        pytest.param(
            ("grade", str(REFERENCE), "--assignment", "cmput328_a6"),
            "there is no assignment 'cmput328_a6'",
            marks=pytest.mark.slow,
        ),
        (("grade", str(REFERENCE), "--sandbox", "docker"), "no sandbox is called 'docker'"),
        (("grade", "."), "holds no file of any assignment"),
    ],
)
def test_what_cannot_be_graded_ends_with_2_and_a_reason(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    done = run(*words, folder=tmp_path)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_sandbox_only_when_asked_and_in_red(tmp_path: Path) -> None:
    done = run("grade", REFERENCE, "--only", "vae.kl_loss", "--sandbox", "none", "--out", "here", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "without a sandbox" in done.stdout.lower()
    assert "without a sandbox" in (tmp_path / "here" / "report.html").read_text().lower()
