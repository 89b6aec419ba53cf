"""Work that is spread over modules of a student's own keeps its marks: the references, with definitions moved elsewhere.

Every day each assignment is handed in in one way, and judged by a few rows; the slow tests ask for every way and row.
"""

import ast
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import scored

from grading import assignments
from grading.assignments import Assignment
from grading.grade import Options, grade
from grading.intake.modules import module_of
from grading.sandbox.host import Host

MOVED = {  # by file, the definitions that are moved out of it; what they need comes along
    "cmput328_a5": {"A5_vae_submission.py": ["VAE"], "A5_diffusion_submission.py": ["sinusoids", "ResidualBlock"]},
    "cmput328_a9": {"A9_vae.py": ["halving", "doubling", "Encoder", "Decoder"], "A9_acgan.py": ["Generator"]},
    "cmu18786_hw5": {
        "Autoencoder_Starter_Notebook.py": ["Autoencoder"],
        "VAE_Starter_Notebook.py": ["BaselineNN"],
        "VQ_VAE_Notebook.py": ["ResidualBlock", "residual_stack"],
    },
    "csci2271_a3": {"vae.py": ["layers", "reparametrize"], "diffusion.py": ["extract", "cosine_schedule"]},
    "ift6135_a3": {
        "q1_vae.py": ["log_mean_exp", "log_likelihood_normal"],
        "q1_train_vae.py": ["VAE"],
        "q2_ddpm.py": ["DenoiseDiffusion"],
        "q3_cfg_diffusion.py": ["CFGDiffusion"],
    },
}
ROWS = {
    "cmput328_a5": ("vae.kl_loss", "vae.forward", "diffusion.schedule"),
    "cmput328_a9": ("vae.reparameterize", "acgan.denormalize"),
    "cmu18786_hw5": ("d1.autoencoder", "d5.baseline"),
    "csci2271_a3": ("a.vae", "a.reparametrize", "b.cosine_schedule"),
    "ift6135_a3": ("q1.log_mean_exp", "q1.loss_function", "q2.q_sample", "q3.get_lambda"),
}
Files = dict[str, str]


def parted(source: str, names: list[str]) -> tuple[str, str, list[str]]:
    """A file without some definitions, these in a module of their own, and the names that the first is to import."""
    tree, lines = ast.parse(source), source.split("\n")
    imports = "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    parts = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names]
    assert {part.name for part in parts} == set(names)
    own = "\n\n\n".join(ast.get_source_segment(source, part) or "" for part in parts)
    for part in reversed(parts):
        lines[part.lineno - 1 - len(part.decorator_list) : part.end_lineno] = []
    return "\n".join(lines), f"{imports}\n\n\n{own}\n", names


def with_import(source: str, line: str) -> str:
    """The source with one more import, in front of the first that it has."""
    first = next(node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom))
    while isinstance(first, ast.ImportFrom) and first.module == "__future__":
        raise AssertionError("it would have to stand behind this one")
    lines = source.split("\n")
    return "\n".join((*lines[: first.lineno - 1], line, *lines[first.lineno - 1 :]))


def beside(name: str, rest: str, own: str, names: list[str]) -> Files:
    return {name: with_import(rest, f"from my_{name[:-3]} import {', '.join(names)}"), f"my_{name}": own}


def with_a_star(name: str, rest: str, own: str, names: list[str]) -> Files:
    return {name: with_import(rest, f"from my_{name[:-3]} import *"), f"my_{name}": own}


def in_a_package(name: str, rest: str, own: str, names: list[str]) -> Files:
    package = f"lib/{name[:-3]}"
    files = {"lib/__init__.py": "", f"{package}/__init__.py": f"from .parts import {', '.join(names)}\n"}
    return {
        name: with_import(rest, f"from lib.{name[:-3]} import {', '.join(names)}"),
        f"{package}/parts.py": own,
        **files,
    }


def relative(name: str, rest: str, own: str, names: list[str]) -> Files:
    package = f"from .{name[:-3]} import *\n" if name == "vae.py" else ""
    line = f"from .parts.{name[:-3]} import {', '.join(names)}"
    return {f"src/{name}": with_import(rest, line), f"src/parts/{name}": own, "src/__init__.py": package}


def written_by_a_cell(name: str, rest: str, own: str, names: list[str]) -> Files:
    line = f"from my_{name[:-3]} import {', '.join(names)}"
    cells = (f"%%writefile my_{name}\n{own}", with_import(rest, line))
    code = [
        {"cell_type": "code", "metadata": {}, "source": cell, "outputs": [], "execution_count": None} for cell in cells
    ]
    content = {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": code}
    return {name.replace(".py", ".ipynb"): json.dumps(content)}


TRAINS = """
import torch
assert torch.cuda.is_available(), "choose a GPU as the runtime"
for epoch in range(3):
    print(open(f"batch_{epoch}.txt").read())
"""


def that_trains(name: str, rest: str, own: str, names: list[str]) -> Files:
    return {path: text + TRAINS * (path != name) for path, text in beside(name, rest, own, names).items()}


def package_that_trains(name: str, rest: str, own: str, names: list[str]) -> Files:
    files = in_a_package(name, rest, own, names)
    return {path: text + TRAINS * path.endswith("parts.py") for path, text in files.items()}


WAYS: Mapping[str, Callable[[str, str, str, list[str]], Files]] = {
    "beside": beside,
    "star": with_a_star,
    "package": in_a_package,
    "relative": relative,
    "cell": written_by_a_cell,
    "trains": that_trains,
    "package that trains": package_that_trains,
}


def handed_in(assignment: Assignment, way: str, folder: Path) -> Path:
    """The reference's code, spread over modules in one way."""
    files: Files = {}
    for row in assignment.rubric.files:
        name = module_of(row.name) if row.kind == "script" else row.name
        if name in MOVED[assignment.id]:
            source = (assignment.reference / name).read_text()
            files |= WAYS[way](name, *parted(source, MOVED[assignment.id][name]))
        elif row.kind in ("code", "script"):
            files[f"src/{name}" if way == "relative" else name] = (assignment.reference / name).read_text()
        elif row.kind == "weights" and (assignment.reference / name).exists():
            shutil.copy(assignment.reference / name, folder)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def judge(name: str, way: str, rows: tuple[str, ...], host: Host, folder: Path) -> None:
    assignment = assignments.load(name)
    report = grade(assignment, handed_in(assignment, way, folder), host, Options(rows, quick=True, more_to_come=True))
    for outcome in report.outcomes:
        assert outcome.points == outcome.max_points, (outcome.item, outcome.verdicts, report.notices)
    assert not any("was not handed in" in notice for notice in report.notices)


EVERYDAY = [*zip(MOVED, WAYS, strict=False), ("csci2271_a3", "trains"), ("ift6135_a3", "package that trains")]


@pytest.mark.parametrize(("name", "way"), EVERYDAY)
def test_work_in_several_modules(name: str, way: str, host: Host, tmp_path: Path) -> None:
    judge(name, way, ROWS[name], host, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MOVED)
def test_work_in_several_modules_keeps_every_mark_for_code(name: str, way: str, host: Host, tmp_path: Path) -> None:
    assignment = assignments.load(name)
    code = {item.id for item in assignment.rubric.items if not item.sampling.file and item.check}
    judge(name, way, tuple(item for item in scored(assignment) if item in code), host, tmp_path)
