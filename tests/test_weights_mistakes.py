"""A weights file that cannot be used costs the items that need it, with a sentence that says what to do; no others."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from grading import assignments
from grading.grade import Options, grade
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("cmput328_a5")
STATE = torch.load(ASSIGNMENT.reference / "vae.pt", weights_only=True)
MISTAKES: dict[str, tuple[Any, str]] = {
    "whole module": (torch.nn.Sequential(torch.nn.Linear(3, 3)), "whole pickled model"),
    "data parallel": ({f"module.{key}": value for key, value in STATE.items()}, "nn.DataParallel"),
    "optimizer inside": ({"model_state_dict": STATE, "epoch": 3}, "also holds epoch"),
    "missing keys": ({key: value for key, value in STATE.items() if "mu_net" not in key}, "lacks 2 keys"),
    "nan": ({key: value * float("nan") for key, value in STATE.items()}, "nan"),
    "empty": (b"", "is empty"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "Git LFS pointer"),
    "not there": (None, "was not handed in"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_weights(mistake: str, host: Host, tmp_path: Path) -> None:
    content, told = MISTAKES[mistake]
    shutil.copy(ASSIGNMENT.reference / "A5_vae_submission.py", tmp_path)
    if isinstance(content, bytes):
        (tmp_path / "vae.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / "vae.pt")
    options = Options(("vae.kl_loss", "vae.load", "vae.accuracy"), quick=True, more_to_come=True)
    report = grade(ASSIGNMENT, tmp_path, host, options)
    assert [outcome.points for outcome in report.outcomes] == [5, 0, 0]
    for outcome in report.outcomes[1:]:
        assert told in outcome.verdicts[0].message
