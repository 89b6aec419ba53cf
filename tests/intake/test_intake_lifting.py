"""What is lifted out of notebooks and scripts, and that nothing of it is run on the way."""

import fractions
import importlib
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.intake.cells import python_of
from grading.intake.lifting import Lifted, Section, lifted, lifted_script


def module(*cells: str) -> types.ModuleType:
    """What running the lifted module gives."""
    made = types.ModuleType("lifted")
    exec(lifted(cells, "work.ipynb").source, made.__dict__)
    return made


def script(text: str) -> types.ModuleType:
    """What running the module lifted out of a script gives."""
    made = types.ModuleType("lifted")
    exec(lifted_script(text, "work.py").source, made.__dict__)
    return made


def test_definitions_imports_and_constants_stay_and_work() -> None:
    found = module(
        "import math\nfrom math import pi as circle, tau",
        "latent_dim, hidden = 15, 2 * 14\nsizes: list = [latent_dim, hidden]",
        "class Model:\n    width = hidden\n    def area(self, r):\n        return helper(r)",
        "def helper(r):\n    return circle * r**2 + latent_dim",
    )
    assert found.Model().area(2) == pytest.approx(4 * 3.14159265 + 15)
    assert found.sizes == [15, 28]
    assert found.Model.width == 28


def test_what_trains_draws_downloads_or_prints_is_not_run() -> None:
    trap = "raise SystemExit('it was run')"
    found = module(
        "def train(): " + trap,
        "train()\nhistory = train()\nmodel = Model().to('cpu')",
        "for epoch in range(3):\n    train()",
        "while True:\n    train()",
        "with open('/tmp/x') as f:\n    train()",
        "print(train())\nassert train()",
        "if __name__ == '__main__':\n    train()\n    only_here = 1",
        "losses = [train() for _ in range(3)]\ntotal = sum(losses)\nx = 1; x += train()",
    )
    assert not hasattr(found, "history")
    assert found.only_here == 1
    assert found.x == 1


def test_magics_and_shell_lines_go_and_the_rest_of_their_cells_stays() -> None:
    found = module(
        "!pip install torchsummary\n%matplotlib inline\nwidth = 3\nfiles = !ls\nModel?\n    \n??width",
        "%%bash\nrm -rf everything",
        "%%time\n\ndef f():\n    return width",
        "if width:\n    !nvidia-smi\n    depth = 4",
        "%load_ext autoreload\nsize = 7 % width",
    )
    assert (found.f(), found.size) == (3, 1)


def test_a_cell_that_works_only_elsewhere_leaves_its_names_out() -> None:
    found = module(
        "from google.colab import drive\nimport no_such_library, math",
        "drive.mount('/content')",
        "def f(): return math.pi, no_such_library",
    )
    assert found.math.pi > 3
    assert not hasattr(found, "drive")
    with pytest.raises(AttributeError, match="ModuleNotFoundError: No module named 'no_such_library'"):
        found.no_such_library  # noqa: B018


def test_of_two_definitions_the_last_counts_and_a_note_says_so() -> None:
    cells = ("class A:\n    n = 1", "y = 2", "class A:\n    n = 2")
    assert module(*cells).A.n == 2
    (note,) = lifted(cells, "work.ipynb").notes
    assert note == "work.ipynb: A is defined 2 times; the last one, in cell 3, counts."


def test_a_cell_that_is_not_python_is_named_and_the_others_stay() -> None:
    cells = ("x = 1", "def broken(:\n    pass", "y = 2")
    assert (module(*cells).x, module(*cells).y) == (1, 2)
    (note,) = lifted(cells, "work.ipynb").notes
    assert "cell 2 is not Python" in note and "line 1" in note


@pytest.mark.parametrize("cell", ["x = 1\0", "(" * 5000 + ")" * 5000, "-" * 200_000 + "1", "if x:\n"])
def test_hostile_cells_are_left_out(cell: str) -> None:
    found = lifted(("a = 1", cell, "b = 2"), "work.ipynb")
    assert len(found.notes) == 1
    assert "a = 1" in found.source and "b = 2" in found.source


def test_globals_that_methods_read_are_there() -> None:
    found = module(
        "import torch\nfrom torch import nn",
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\ncriterion = nn.MSELoss()",
        "if torch.cuda.is_available():\n    name = 'gpu'\nelse:\n    name = 'cpu'",
        "try:\n    import torchsummary\nexcept ImportError:\n    pass",
        "try:\n    def f(): return device\nfinally:\n    pass",
    )
    assert found.device.type in ("cpu", "cuda")
    assert found.name in ("cpu", "gpu")
    assert found.f() == found.device
    assert type(found.criterion).__name__ == "MSELoss"


def test_a_definition_that_needs_what_was_left_out_says_so_and_spoils_nothing_else() -> None:
    found = module("loader = make_loader()", "def batches(n=len(loader)):\n    return n", "def other():\n    return 1")
    assert found.other() == 1
    with pytest.raises(AttributeError, match=r"batches could not be taken out of work.ipynb: NameError: name 'loader'"):
        found.batches  # noqa: B018
    with pytest.raises(AttributeError, match=r"Model could not .* it is not defined there"):
        found.Model  # noqa: B018


def test_a_script_is_one_cell() -> None:
    text = "import argparse\nargs = argparse.ArgumentParser().parse_args()\ndef loss(x):\n    return x * 2\nloss(undefined)\n"
    assert module(text).loss(3) == script(text).loss(3) == 6


@given(st.text(max_size=200))
def test_whatever_is_in_a_cell_the_module_parses(cell: str) -> None:
    found = lifted((cell,), "work.ipynb")
    assert isinstance(found, Lifted)
    compile(found.source, "work", "exec")


def test_every_line_stays_in_its_place() -> None:
    assert python_of("!ls\nx = 1\n%pwd").splitlines() == ["pass", "x = 1", "pass"]


DEAR = """import matplotlib.pyplot as plt
from torchvision import transforms
import torchvision.utils
from PIL import Image, ImageDraw as pen
transform = transforms.Compose([transforms.ToTensor()])
"""


def test_dear_imports_wait_until_a_function_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(importlib, "import_module", lambda name: made.append(name) or fractions)
    uses = "def f():\n    return plt.Fraction(1, 2)\ndef g():\n    return Image(3)\ndef h(how=lambda: transforms.gcd(4, 6)):\n    return how()"
    found = module(f"{DEAR}{uses}")
    assert made == []
    fractions.Image, fractions.transforms = fractions.Fraction, fractions.math
    try:
        assert (found.f(), found.g(), found.h()) == (fractions.Fraction(1, 2), 3, 2)
    finally:
        del fractions.Image, fractions.transforms
    assert made == ["matplotlib.pyplot", "PIL", "torchvision"]
    assert not hasattr(found, "pen") and not hasattr(found, "transform") and not hasattr(found, "torchvision")


@pytest.mark.parametrize(
    "uses",
    [
        "class Plot(plt.Axes):\n    pass",
        "def f(x=plt.axes):\n    return x",
        "class A:\n    size = plt.rcParams",
        "@plt.wraps\ndef f():\n    pass",
        "def f() -> plt.Figure:\n    pass",
    ],
)
def test_what_is_used_at_once_is_imported_at_once(uses: str) -> None:
    source = lifted((DEAR, uses), "work.ipynb").source
    assert "import matplotlib.pyplot as plt" in source


def test_a_constant_that_a_class_reads_keeps_its_import() -> None:
    source = lifted(
        (DEAR, "class Data:\n    def __getitem__(self, i):\n        return transform(i)"), "work.ipynb"
    ).source
    assert "transform = transforms.Compose" in source
    assert "from torchvision import transforms" in source


MERGED = (
    "class Encoder:\n    n = 1",
    "class DAE:\n    def __init__(self):\n        self.n = Encoder().n + late()",
    "def late():\n    return 10",
    "class Encoder:\n    n = 2\nclass VQ:\n    def __init__(self):\n        self.n = Encoder().n",
    "def late():\n    return 20",
)


@pytest.mark.parametrize(("own", "other", "n"), [("DAE", "VQ", 11), ("VQ", "DAE", 2)])
def test_of_a_merged_notebook_each_part_counts_for_its_own(own: str, other: str, n: int) -> None:
    made = types.ModuleType("lifted")
    section = Section(frozenset({own}), frozenset({other}))
    exec(lifted(MERGED, "work.ipynb", section).source, made.__dict__)
    assert getattr(made, own)().n == n
