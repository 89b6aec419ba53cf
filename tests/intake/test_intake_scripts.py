"""Exported scripts, what lifted modules tell of what was left out, and how little reading them may cost."""

import base64
import json
import random
import time
import types
from pathlib import Path
from typing import Any

import pytest
from intake_archives import folder_of

from grading.assignments import Assignment
from grading.errors import RubricError
from grading.grade import reference_of
from grading.intake import take_in
from grading.intake.cells import cells_of_script, text_of_script
from grading.intake.leaving import MOST_REST
from grading.intake.lifting import MOST_CODE, Lifted, lifted, lifted_script
from grading.records import ExpectedFile
from grading.rubric import FileRow, Part, Rubric

MODEL = """
class VAE:
    def __init__(self, width, latent_dim, conditional_vec_dim=0):
        self.width, self.latent_dim = width, latent_dim
"""
NBCONVERT = r"""#!/usr/bin/env python
# coding: utf-8

# # Title

# In[1]:


get_ipython().system('pip install einops')
get_ipython().run_line_magic('matplotlib', 'inline')
import math


# In[ ]:


def broken(:
    pass


# In[3]:


get_ipython().run_cell_magic('time', '', 'def area(r):\n    return math.pi * r**2\n\ntrain()\n')
"""
PERCENT = """# ---
# jupyter:
#   jupytext:
#     text_representation: {format_name: percent}
# ---

# %% [markdown]
# # Title

# %%
# %matplotlib inline
# !pip install einops
import math

# %%
def broken(:
    pass

# %%
def area(r):
    return math.pi * r**2

train()
"""


def ran(found: Lifted) -> types.ModuleType:
    made = types.ModuleType("lifted")
    exec(found.source, made.__dict__)
    return made


def module(*cells: str) -> types.ModuleType:
    return ran(lifted(cells, "work.ipynb"))


# ---------------------------------------------------------------- exported scripts


@pytest.mark.parametrize("text", [NBCONVERT, PERCENT], ids=["nbconvert", "percent"])
def test_in_an_exported_script_a_mistake_costs_its_cell(text: str) -> None:
    found = lifted_script(text, "work.py")
    assert ran(found).area(1) == pytest.approx(3.14159265)
    [note] = found.notes
    assert "is not Python and was left out" in note
    assert f"(line {text.split('def broken')[0].count(chr(10)) + 1}: " in note


def test_a_mistake_in_any_other_script_is_told_with_its_line() -> None:
    found = lifted_script("x = 1\n\nif x = 2:\n    pass\n", "work.py")
    assert "(line 3: " in found.notes[0]
    with pytest.raises(AttributeError, match=r"it is not defined there; work.py: .* is not Python"):
        ran(found).x  # noqa: B018


def test_a_script_that_parses_is_one_cell_whatever_is_in_its_strings() -> None:
    text = 'cells = """\n# %%\n# In[3]:\n%d of %d\n!important\n"""\n'
    assert len(cells_of_script(text)) == 1
    assert ran(lifted_script(text, "work.py")).cells == "\n# %%\n# In[3]:\n%d of %d\n!important\n"


def test_a_line_that_only_looks_like_a_magic_stays() -> None:
    cell = 'size = 7\nrest = (size\n  %size)\ntext = """\n%d\n"""\n!ls "it is" \\\n   -l\n%pwd\nlast = 1'
    found = module(cell)
    assert (found.rest, found.text, found.last) == (0, "\n%d\n", 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
def test_a_script_in_another_encoding_is_read(encoding: str) -> None:
    text = text_of_script("# r\u00e9seau\r\nx = 1\r\n".encode(encoding))
    assert ran(lifted_script(text, "work.py")).x == 1


def test_future_imports_come_first_and_what_cannot_be_compiled_spoils_nothing_else() -> None:
    cells = ("import math", "from __future__ import annotations, division", "def f(x: Unknown):\n    return math.pi")
    found = lifted((*cells, "class A:\n    return 1", "def g():\n    nonlocal y"), "work.ipynb")
    assert found.source.startswith("from __future__ import annotations\n")
    assert ran(found).f(1) > 3
    assert [note.split(" cannot")[0] for note in found.notes] == ["work.ipynb: A", "work.ipynb: g"]
    with pytest.raises(AttributeError, match=r"A could not .* 'return' outside function"):
        ran(found).A  # noqa: B018
    assert not hasattr(module("from __future__ import braces"), "braces")


@pytest.mark.parametrize("handed_in", ["work.py", "Work (1).py"])
def test_a_script_stays_beside_its_module_as_it_was(tmp_path: Path, handed_in: str) -> None:
    content = "# VAE: 0.685, ü\r\nn = 3\r\nimport work\nprint(n)\n".encode()
    taken = take_in(
        folder_of(tmp_path / "work", {handed_in: content}), (ExpectedFile("work.py", "script"),), tmp_path / "taken"
    )
    assert [file.name for file in taken.files] == ["work.py"]
    beside = tmp_path / "taken" / "work.py.txt"
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["work.py", "work.py.txt"]
    assert beside.read_bytes() == content and beside.stat().st_mode & 0o777 == 0o644
    assert "print(n)\n" not in (tmp_path / "taken" / "work.py").read_text()


def test_of_one_script_for_several_each_has_its_own(tmp_path: Path) -> None:
    content = b"# VAE: 0.7\nclass A:\n    pass\nclass B:\n    pass\n"
    expected = tuple(ExpectedFile(f"{name}.py", "script", (), True, (name,)) for name in "AB")
    take_in(folder_of(tmp_path / "work", {"all.py": content}), expected, tmp_path / "taken")
    assert all((tmp_path / "taken" / f"{name}.py.txt").read_bytes() == content for name in "AB")


def test_only_scripts_stay_beside_and_notebooks_as_notebooks(tmp_path: Path) -> None:
    files = {"a.py": b"n = 1\n", "b.ipynb": notebook("n = 2")}
    expected = (ExpectedFile("a.py", "code"), ExpectedFile("b.py", "script"))
    take_in(folder_of(tmp_path / "work", files), expected, tmp_path / "taken")
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["a.py", "a.py.lifted", "b.ipynb", "b.py"]


# ---------------------------------------------------------------- order, choices, names


def test_a_helper_may_come_three_cells_later_and_the_last_of_three_classes_counts() -> None:
    cells = ("class A:\n    n = 1", "def f():\n    return helper(A)", "class A:\n    n = 2", "class A:\n    n = 3")
    found = lifted((*cells, "def helper(a):\n    return a.n"), "work.ipynb")
    assert ran(found).f() == 3
    assert found.notes == ("work.ipynb: A is defined 3 times; the last one, in cell 4, counts.",)


def test_a_cell_for_colab_alone_chooses_as_it_would_here() -> None:
    found = module(
        "try:\n    import google.colab\n    drive.mount()\n    IN_COLAB = True\nexcept ImportError:\n    IN_COLAB = False",
        "if IN_COLAB:\n    from google.colab import drive\n    drive.mount()\n    root = '/content'\nelse:\n    root = '.'",
        "if root == '.':\n    def f(): return 1\nelse:\n    def f(): return 2",
    )
    assert (found.IN_COLAB, found.root, found.f()) == (False, ".", 1)


def test_names_of_students_do_not_collide_with_those_of_the_module() -> None:
    found = module("left_out = 1\ntype = 'vae'\nerror = 2\nopen_files = len(unknown)\nname = 3")
    assert (found.left_out, found.type, found.error, found.name) == (1, "vae", 2, 3)
    assert found.__left_out__ == {"open_files": "NameError: name 'unknown' is not defined"}


def test_imports_that_nothing_uses_are_dropped() -> None:
    cells = (
        "import matplotlib.pyplot as plt, math, os.path\nfrom torchvision import datasets\nfrom json import *",
        "def f():\n    return math.pi, dumps",
        "plt.plot(datasets.MNIST('.'))",
    )
    source = lifted(cells, "work.ipynb").source.split("def __getattr__")[1]
    assert "import math" in source and "from json import *" in source
    assert "matplotlib" not in source and "torchvision" not in source and "import os" not in source
    assert "import os" in lifted((*cells, "def g(): return eval('os.path')"), "work.ipynb").source
    assert module("import math", MODEL, "VAE(math.tau, 2)").__declared__["VAE"][0][0][0] > 6


# ---------------------------------------------------------------- what was left out


def test_calls_are_recorded_with_the_values_of_their_moment() -> None:
    found = module(
        MODEL + "latent_dim, width = 15, 28 * 28",
        "model = VAE(width, latent_dim, conditional_vec_dim=10).to(device)",
        "latent_dim = 20",
        "other = [train(VAE(width, latent_dim))]\nVAE(*sizes)\nVAE(nowhere, 2)\nVAE(**config)",
        "optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3 / 2)\nDataLoader(data(), batch_size=width // 4)",
    )
    assert found.__declared__ == {
        "VAE": [((784, 15), {"conditional_vec_dim": 10}), ((784, 20), {})],
        "AdamW": [((None,), {"lr": 1e-3})],
        "DataLoader": [((None,), {"batch_size": 196})],
    }


def test_data_that_was_not_loaded_is_none_and_the_batch_size_is_told() -> None:
    found = module("import torch\ndata = download()\nloader = torch.utils.data.DataLoader(data, batch_size=64)")
    assert found.__declared__["DataLoader"] == [((None,), {"batch_size": 64})]


def test_at_any_depth_but_not_in_functions() -> None:
    found = module(
        MODEL + "def train():\n    VAE(1, 1)\nmake = lambda: VAE(2, 2)\nclass B:\n    inner = VAE(3, 3)",
        "if __name__ == '__main__':\n    with torch.device('cpu'):\n        for epoch in range(3):\n            VAE(4, 4)",
        "try:\n    VAE(5, 5)\nexcept ValueError:\n    while True:\n        VAE(6, 6)\nelse:\n    o = Wrapper(VAE(7, 7))",
    )
    assert [args for args, _ in found.__declared__["VAE"]] == [(4, 4), (5, 5), (7, 7), (6, 6)]


def test_constants_under_main_count_there_and_elsewhere_where_nothing_has_their_name() -> None:
    text = """latent_dim = 2
if __name__ == '__main__':
    latent_dim = 15
    width: int = latent_dim * 2
    VAE(width, latent_dim)
    latent_dim += 1
    VAE(width, latent_dim)
"""
    found = ran(lifted_script(MODEL + text, "work.py"))
    assert found.__declared__["VAE"] == [((30, 15), {}), ((30, None), {})]
    assert found.latent_dim == 2 and not hasattr(found, "width")


def test_a_function_reads_what_its_script_defines_under_main() -> None:
    text = "def f():\n    return scale, g()\nif __name__ == '__main__':\n    scale = 3\n    def g():\n        return 4\n    f()"
    assert ran(lifted_script(text, "work.py")).f() == (3, 4)


@pytest.mark.parametrize(
    "unknown",
    [
        "for n in (2, 3):\n    VAE(n, 1)",
        "n += 1\nVAE(n, 1)",
        "n = train()\nVAE(n, 1)",
        "if train():\n    n = 3\nVAE(n, 1)",
        "while train():\n    VAE(n, 1)\n    n = 3",
        "s.append(3)\nVAE(s, 1)",
        "s[0] = 3\nVAE(s, 1)",
        "with open('x') as n:\n    VAE(n, 1)",
        "models = [VAE(n, 1) for n in (2, 3)]",
        "(n := train())\nVAE(n, 1)",
    ],
)
def test_what_cannot_be_known_is_none_rather_than_wrong(unknown: str) -> None:
    assert module(MODEL + "n = 1\ns = [1]", unknown).__declared__["VAE"] == [((None, 1), {})]


def test_branches_do_not_see_each_other() -> None:
    branches = "if train():\n    n = 1\n    VAE(n, n)\nelse:\n    VAE(n, n)\n    n = 2\n    VAE(n, n)"
    assert [args[0] for args, _ in module(MODEL + "n = 0", branches).__declared__["VAE"]] == [1, 0, 2]


def test_the_rest_can_be_read_and_is_bounded() -> None:
    loop = "for x in loader:\n    noisy = x + 0.5 * torch.randn_like(x)"
    found = module("'''prose'''", MODEL, "n = 1", "print('a')", loop, "pass")
    assert found.__rest__ == f"print('a')\n{loop}"
    long = module(f"print({'x' * MOST_REST!r})", loop)
    assert long.__rest__ == loop


# ---------------------------------------------------------------- how much


def notebook(*cells: str, outputs: list[Any] | None = None) -> bytes:
    code = [
        {"cell_type": "code", "id": str(n), "source": cell, "outputs": outputs or []} for n, cell in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code}).encode()


def lines_of_numbers() -> list[Any]:
    return [{"output_type": "stream", "name": "stdout", "text": ["tensor([0.1234, 0.5, [1]])\n"] * 1_700_000}]


def pictures() -> list[Any]:
    picture = base64.b64encode(random.Random(0).randbytes(1 << 20)).decode()
    return [{"output_type": "display_data", "data": {"image/png": picture}}] * 36


@pytest.mark.parametrize("outputs", [lines_of_numbers, pictures])
def test_fifty_megabytes_of_outputs_do_not_stand_before_the_code(tmp_path: Path, outputs: Any) -> None:
    content = notebook("class A:\n    n = 1", outputs=outputs())
    assert 48 << 20 < len(content) < 64 << 20
    started = time.process_time()
    expected = (ExpectedFile("a.ipynb", "script"),)
    take_in(folder_of(tmp_path / "work", {"a.ipynb": content}), expected, tmp_path / "taken")
    assert time.process_time() - started < 15
    assert "class A" in (tmp_path / "taken" / "a.py").read_text()
    assert (tmp_path / "taken" / "a.ipynb").stat().st_size == len(content)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("x=1\n", marks=pytest.mark.slow),
        pytest.param("def f():pass\n", marks=pytest.mark.slow),
        "class A:pass\nA(1)\n",
    ],
)
def test_a_flood_of_statements_is_bounded(line: str) -> None:
    started = time.process_time()
    flood = lifted((line * (MOST_CODE // len(line)), "y = 1"), "work.ipynb")
    assert time.process_time() - started < 20 and len(flood.source) < 20 * MOST_CODE
    [note] = [note for note in lifted((line * MOST_CODE, "y = 1"), "work.ipynb").notes if "more code than" in note]
    assert "cell 1 was left out" in note


# ---------------------------------------------------------------- the reference


def assignment(folder: Path, row: FileRow) -> Assignment:
    probes = folder_of(folder, {"probes.py": b"def n(code):\n    return code.work.n\n"}) / "probes.py"
    rubric = Rubric(title="t", course="c", seed="s", files=(row,), parts=(Part(id="p", title="p", points=0),), items=())
    return Assignment("mine", rubric, folder / "reference", probes, folder / "stub")


@pytest.mark.parametrize("kind", ["script", "code"])
def test_of_a_reference_that_is_a_script_nothing_is_run(tmp_path: Path, kind: str) -> None:
    folder_of(tmp_path / "reference", {"work.py": f"n = 3\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n".encode()})
    reference = reference_of(assignment(tmp_path, FileRow(name="work.py", kind=kind)), tmp_path / "taken" / "mine")
    assert reference.n() == 3
    assert (tmp_path / "ran").exists() == (kind == "code")
    assert (tmp_path / "taken").exists() == (kind == "script")


def test_a_reference_that_is_not_there_is_the_staffs_mistake(tmp_path: Path) -> None:
    folder_of(tmp_path / "reference", {"other.py": b""})
    with pytest.raises(RubricError, match="the reference of mine cannot be taken in"):
        reference_of(assignment(tmp_path, FileRow(name="work.py", kind="script")), tmp_path / "taken")
