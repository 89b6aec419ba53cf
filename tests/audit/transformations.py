"""Changes that leave every answer of a submission as it is. Each is made to the reference of every assignment.

A transformation gets what is handed in, and returns it changed; None where there is nothing for it to change. The first
line of its docstring is what the matrix calls it.
"""

import ast
import json
import re
from collections.abc import Callable

from audit.submissions import Handed, at_the_end, before_imports, behind_imports, rewritten

Transformation = Callable[[Handed], Handed | None]

# ---------------------------------------------------------------- how text is written down


def byte_order_mark(handed: Handed) -> Handed:
    """UTF-8 with a byte order mark, as Windows' Notepad writes it"""
    return handed.encoded(lambda text: text.encode("utf-8-sig"))


def utf_16(handed: Handed) -> Handed:
    """UTF-16, as PowerShell's > writes it"""
    return handed.encoded(lambda text: text.encode("utf-16"))


def windows_1252(handed: Handed) -> Handed:
    """Windows-1252 with an accent in a comment, and no declaration"""
    plain = {"—": "-", "Σ": "sum", "ε": "eps", "β": "beta", "α": "alpha", "σ": "sigma", "μ": "mu", "→": "->"}

    def encode(text: str) -> bytes:
        for old, new in plain.items():
            text = text.replace(old, new)
        return ("# fait par Zoë, à Montréal\n" + text).encode("cp1252", "replace")

    return handed.encoded(encode)


def carriage_returns(handed: Handed) -> Handed:
    """Lines that end as Windows ends them"""
    return handed.encoded(lambda text: text.replace("\n", "\r\n").encode())


def lone_carriage_returns(handed: Handed) -> Handed:
    """Lines that end as an old Mac ended them"""
    return handed.encoded(lambda text: text.replace("\n", "\r").encode())


def tabs(handed: Handed) -> Handed:
    """Indented with tabs"""
    return handed.edited(lambda text: re.sub(r"(?m)^(?: {4})+", lambda found: "\t" * (len(found[0]) // 4), text))


def other_scripts(handed: Handed) -> Handed:
    """Comments in Chinese, Arabic and emoji"""
    return handed.edited(
        lambda text: behind_imports(text, '# 变分自编码器的损失函数 نموذج 🎲\nNOTE = "重参数化 🎉"\nprint(NOTE)')
    )


def wrong_declaration(handed: Handed) -> Handed:
    """A declared encoding that is not the file's"""
    return handed.edited(lambda text: f"# -*- coding: ascii -*-\n# naïve\n{text}")


# ---------------------------------------------------------------- forms


def _cells(text: str) -> list[str]:
    """The code cells of a module: those that it has, else its definitions one by one."""
    if "# %%" in text:
        parts = re.split(r"(?m)^# %%(.*)$", text)
        return [code.strip("\n") for kind, code in zip(parts[1::2], parts[2::2], strict=True) if "markdown" not in kind]
    rows = text.split("\n")
    starts = [0]
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            starts.append(min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1)
    return ["\n".join(rows[a:b]).strip("\n") for a, b in zip(starts, [*starts[1:], len(rows)], strict=True)]


def _notebook(cells: list[str]) -> bytes:
    made = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": each} for each in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _as_notebooks(handed: Handed, cells: Callable[[str], list[str]]) -> Handed:
    made = handed.encoded(lambda text: _notebook(cells(text)))
    return made.renamed(lambda path: path.removesuffix(".py") + ".ipynb")


def notebooks(handed: Handed) -> Handed:
    """Notebooks in the place of modules"""
    return _as_notebooks(handed, _cells)


def magics(handed: Handed) -> Handed:
    """Notebooks with magics and shell lines"""
    before = "!pip install -q einops\n%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n!nvidia-smi"
    return _as_notebooks(handed, lambda text: [before, *_cells(text), "%%bash\nls -la", "%%time\nprint('done')"])


def exported(handed: Handed) -> Handed:
    """Scripts as nbconvert writes them, with calls of get_ipython"""

    def export(text: str) -> str:
        shell = "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().system('pip install -q einops')"
        cells = [shell, *_cells(text)]
        return "\n\n\n".join(f"# In[{number}]:\n\n\n{cell}" for number, cell in enumerate(cells, start=1)) + "\n"

    return handed.edited(lambda text: "#!/usr/bin/env python\n# coding: utf-8\n\n" + export(text))


def unparsed(handed: Handed) -> Handed:
    """Without comments, laid out by a formatter"""
    return handed.edited(lambda text: rewritten(text, ast.NodeTransformer()))


class _Bare(ast.NodeTransformer):
    """Takes annotations and docstrings away."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node) and len(node.body) > 1:
            node.body = node.body[1:]
        return node


def bare(handed: Handed) -> Handed:
    """Without annotations and docstrings"""
    return handed.edited(lambda text: rewritten(text, _Bare()))


def later_annotations(handed: Handed) -> Handed:
    """With annotations that are not evaluated"""
    return handed.edited(lambda text: before_imports(text, "from __future__ import annotations"))


# ---------------------------------------------------------------- imports


def unused_packages(handed: Handed) -> Handed:
    """Imports of packages that are not installed and not used"""
    lines = (
        "import seaborn as sns\nimport wandb\nimport tensorflow as tf\nfrom sklearn.manifold import TSNE\nimport cv2\n"
    )
    more = "import pytorch_lightning as pl\nfrom torchmetrics.image.fid import FrechetInceptionDistance"
    return handed.edited(lambda text: behind_imports(text, lines + more))


def uncommon_packages(handed: Handed) -> Handed:
    """Imports of packages that hardly anybody has"""
    lines = "import clearml\nfrom labml import tracker, experiment\nimport rtpt, comet_ml.utils\nfrom neptune import *"
    return handed.edited(lambda text: behind_imports(text, lines))


def missing_own_module(handed: Handed) -> Handed:
    """Imports a module of its own that was not handed in, and that nothing uses"""
    return handed.edited(
        lambda text: behind_imports(text, "import plotting_code\nfrom my_logger import log_epoch, Meter")
    )


def colab(handed: Handed) -> Handed:
    """Mounts a drive, as notebooks on Colab do"""
    lines = (
        "from google.colab import drive\ndrive.mount('/content/drive')\nimport os, sys\n"
        "os.chdir('/content/drive/MyDrive/course')\nsys.path.append('/content/drive/MyDrive/course')"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


class _Annotated(ast.NodeTransformer):
    """Annotates tensors as jaxtyping does."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        if isinstance(node.annotation, ast.Name) and node.annotation.id == "Tensor":
            node.annotation = ast.parse('Float[Tensor, "..."]', mode="eval").body
        return node


def shape_annotations(handed: Handed) -> Handed:
    """Annotates shapes with jaxtyping"""
    lines = "from jaxtyping import Float, Int, jaxtyped"
    return handed.edited(lambda text: before_imports(rewritten(text, _Annotated()), lines))


def checked_types(handed: Handed) -> Handed:
    """Functions whose types jaxtyping and beartype check when they are called"""

    class Checked(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            if node.col_offset == 0:
                node.decorator_list.append(ast.parse("jaxtyped(typechecker=beartype)", mode="eval").body)
            return node

    lines = "from beartype import beartype\nfrom jaxtyping import Float, jaxtyped"
    return handed.edited(lambda text: behind_imports(rewritten(text, Checked()), lines))


def summaries(handed: Handed) -> Handed:
    """Prints summaries of its networks with torchsummary and torchinfo"""
    lines = "from torchsummary import summary\nfrom torchinfo import summary as info"
    last = "for each in [value for value in list(globals().values()) if isinstance(value, nn.Module)]:\n    summary(each, (1, 28, 28))"
    return handed.edited(lambda text: at_the_end(behind_imports(text, lines), last))


def window_backend(handed: Handed) -> Handed:
    """Asks matplotlib for windows and shows a plot"""
    lines = (
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.ion()\n"
        "fig, axes = plt.subplots(1, 2)\naxes[0].plot([1, 2, 3])\nplt.show()"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def notebook_bars(handed: Handed) -> Handed:
    """Progress bars for notebooks"""
    return handed.edited(
        lambda text: behind_imports(
            text, "from tqdm.notebook import tqdm, trange\nfrom IPython.display import clear_output"
        )
    )


def quotes_within_quotes(handed: Handed) -> Handed:
    """The same quotes within an f-string, as Python 3.12 allows"""
    line = "SETTINGS = {'rate': 1e-3, 'name': 'run'}\nprint(f\"rate {SETTINGS[\"rate\"]:.1e}, {SETTINGS[\"name\"].upper()}\")"
    return handed.edited(lambda text: behind_imports(text, line))


# ---------------------------------------------------------------- what happens on import


def double_precision(handed: Handed) -> Handed:
    """Double precision by default"""
    return handed.edited(lambda text: behind_imports(text, "import torch\ntorch.set_default_dtype(torch.float64)"))


def asserted_gpu(handed: Handed) -> Handed:
    """Asserts that there is a GPU"""
    lines = "import torch\nassert torch.cuda.is_available(), 'switch the runtime to GPU'\nprint(torch.cuda.get_device_name(0))"
    return handed.edited(lambda text: behind_imports(text, lines))


def leaves_without_gpu(handed: Handed) -> Handed:
    """Ends the program where there is no GPU"""
    lines = "import sys, torch\nif not torch.cuda.is_available():\n    print('no GPU')\n    sys.exit(1)"
    return handed.edited(lambda text: behind_imports(text, lines))


def cuda_tensors(handed: Handed) -> Handed:
    """Tensors on a GPU at the top"""
    lines = (
        "import torch\nCUDA = torch.device('cuda:0')\nONES = torch.ones(3).cuda()\nMORE = torch.zeros(2, device=CUDA) + ONES[:2]\n"
        "torch.cuda.set_device(0)\ntorch.cuda.empty_cache()\ntorch.backends.cudnn.benchmark = True"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def default_device(handed: Handed) -> Handed:
    """A GPU as the default device"""
    return handed.edited(lambda text: behind_imports(text, "import torch\ntorch.set_default_device('cuda')"))


def deterministic(handed: Handed) -> Handed:
    """Seeds and deterministic algorithms"""
    lines = (
        "import os, random, numpy, torch\nos.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'\nrandom.seed(0)\nnumpy.random.seed(0)\n"
        "torch.manual_seed(0)\ntorch.cuda.manual_seed_all(0)\ntorch.use_deterministic_algorithms(True)\n"
        "torch.backends.cudnn.deterministic = True"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def anomalies(handed: Handed) -> Handed:
    """Looks for anomalies in gradients"""
    return handed.edited(lambda text: behind_imports(text, "import torch\ntorch.autograd.set_detect_anomaly(True)"))


def strict_warnings(handed: Handed) -> Handed:
    """Warnings are errors"""
    return handed.edited(lambda text: behind_imports(text, "import warnings\nwarnings.filterwarnings('error')"))


def downloads(handed: Handed) -> Handed:
    """Downloads a data set when it is imported"""
    lines = (
        "from torch.utils.data import DataLoader\nfrom torchvision import datasets, transforms\n"
        "some_data = datasets.MNIST('./data', train=True, download=True, transform=transforms.ToTensor())\n"
        "some_loader = DataLoader(some_data, batch_size=64, shuffle=True)\nfirst_images, first_labels = next(iter(some_loader))"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def loads_weights(handed: Handed) -> Handed:
    """Loads weights that were not handed in when it is imported"""
    lines = "import torch\npretrained_state = torch.load('checkpoints/best_model_epoch_40.pth')"
    return handed.edited(lambda text: behind_imports(text, lines))


def reads_files(handed: Handed) -> Handed:
    """Reads settings that were not handed in, and writes a log"""
    lines = "import json, os\nsettings_read = json.load(open('config.json'))\nos.makedirs('/content/results')\nopen('/content/log.txt', 'w').write('x')"
    return handed.edited(lambda text: behind_imports(text, lines))


def asks(handed: Handed) -> Handed:
    """Waits for somebody to type"""
    return handed.edited(lambda text: behind_imports(text, "number_typed = int(input('how many epochs? '))"))


def parses_arguments(handed: Handed) -> Handed:
    """Parses arguments, one of which has to be given"""
    lines = (
        "import argparse\nits_parser = argparse.ArgumentParser()\nits_parser.add_argument('--out-dir', required=True)\n"
        "its_parser.add_argument('epochs', type=int)\nits_args = its_parser.parse_args()"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def trains(handed: Handed) -> Handed:
    """Trains for hours when it is imported"""
    lines = (
        "import time\nsum_of_losses = 0.0\nfor epoch_number in range(10**9):\n    for batch_number in range(10**4):\n"
        "        sum_of_losses += 1.0 / (1 + batch_number)\n    print(epoch_number, sum_of_losses)"
    )
    return handed.edited(lambda text: at_the_end(text, lines))


def runs_main(handed: Handed) -> Handed:
    """Calls what it has for a main program at the end, whoever imports it"""
    lines = (
        "def run_everything():\n    from torchvision import datasets\n    data = datasets.MNIST('data', download=True)\n"
        "    raise RuntimeError(f'{len(data)}')\n\n\nrun_everything()"
    )
    return handed.edited(lambda text: at_the_end(text, lines))


def test_lines(handed: Handed) -> Handed:
    """Tries itself out at the end, with an assertion that only holds elsewhere"""
    lines = "import torch\nx_try = torch.rand(2, 3)\nprint(x_try.mean())\nassert x_try.mean().item() == 0.123456, 'not what the course says'"
    return handed.edited(lambda text: at_the_end(text, lines))


# ---------------------------------------------------------------- how the code is written


class _Timed(ast.NodeTransformer):
    """Puts a decorator on every function at the top."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                each.decorator_list.append(ast.Name("timed", ast.Load()))
        return node


def decorated(handed: Handed) -> Handed:
    """Functions that are timed by a decorator"""
    lines = (
        "import functools\nimport time as clock\n\n\ndef timed(function):\n    @functools.wraps(function)\n"
        "    def inner(*args, **kwargs):\n        begun = clock.time()\n        answer = function(*args, **kwargs)\n"
        "        print(f'{function.__name__}: {clock.time() - begun:.3f} s')\n        return answer\n    return inner\n"
    )
    return handed.edited(lambda text: behind_imports(rewritten(text, _Timed()), lines))


class _OwnCopies(ast.NodeTransformer):
    """Every function begins with copies of its tensors, which it then changes in place and back."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        names = [
            each.arg
            for each in node.args.args
            if isinstance(each.annotation, ast.Name) and each.annotation.id == "Tensor"
        ]
        start = 1 if ast.get_docstring(node) else 0
        copies = [
            ast.parse(f"if {name} is not None and torch.is_tensor({name}):\n    {name} = {name}.clone()").body[0]
            for name in names
        ]
        node.body = [*node.body[:start], *copies, *node.body[start:]]
        return node


def own_copies(handed: Handed) -> Handed:
    """Functions that work on copies of what they are given"""
    return handed.edited(lambda text: behind_imports(rewritten(text, _OwnCopies()), "import torch"))


class _Dropped(ast.NodeTransformer):
    """A layer of dropout behind every activation within a network."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("ReLU", "LeakyReLU", "SiLU", "ELU", "GELU"):
            made = ast.parse("nn.Sequential(0, nn.Dropout(0.3))", mode="eval").body
            assert isinstance(made, ast.Call)
            made.args[0] = node
            return made
        return node


def dropout(handed: Handed) -> Handed | None:
    """Dropout behind every activation"""
    made = handed.edited(lambda text: rewritten(text, _Dropped()))
    return made if any(b"Dropout" in made.files[path] for path in made.modules) else None


LAZY = {"Linear": "LazyLinear", "Conv2d": "LazyConv2d"}


class _Lazy(ast.NodeTransformer):
    """Layers that find out by themselves how wide their input is; until then they have no memory format to change."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        node.keywords = [each for each in node.keywords if each.arg != "memory_format"]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "to" and not node.args and not node.keywords:
            return node.func.value
        if isinstance(node.func, ast.Attribute) and node.func.attr in LAZY and len(node.args) > 1:
            node.func.attr = LAZY[node.func.attr]
            node.args = node.args[1:]
        return node


def lazy_layers(handed: Handed) -> Handed | None:
    """Lazy layers"""
    made = handed.edited(lambda text: rewritten(text, _Lazy()))
    return made if any(b"nn.Lazy" in made.files[path] for path in made.modules) else None


class _Counted(ast.NodeTransformer):
    """Every function prints the shapes of what it is given."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        start = 1 if ast.get_docstring(node) else 0
        line = ast.parse(
            "print('called with', [getattr(each, 'shape', each) for each in list(locals().values())[-3:] if type(each).__module__ != __name__])"
        ).body
        node.body = [*node.body[:start], *line, *node.body[start:]]
        return node


def prints(handed: Handed) -> Handed:
    """Functions that print what they are given"""
    return handed.edited(lambda text: rewritten(text, _Counted()))


class _Listed(ast.NodeTransformer):
    """Functions return lists in the place of tuples, or what `wrap` makes of the values."""

    def __init__(self, wrap: str = "") -> None:
        self.wrap = wrap

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if isinstance(node.value, ast.Tuple):
            values = node.value.elts
            node.value = (
                ast.Call(ast.Name(self.wrap, ast.Load()), values, []) if self.wrap else ast.List(values, ast.Load())
            )
        return node


def lists(handed: Handed) -> Handed:
    """Lists in the place of tuples"""
    return handed.edited(lambda text: rewritten(text, _Listed()))


def named_tuples(handed: Handed) -> Handed:
    """Named tuples in the place of tuples"""
    lines = (
        "import collections\n\n\ndef answer_of(*values):\n"
        "    return collections.namedtuple('Answer', [f'part_{i}' for i in range(len(values))])(*values)\n"
    )
    return handed.edited(lambda text: behind_imports(rewritten(text, _Listed("answer_of")), lines))


class _Based(ast.NodeTransformer):
    """Networks have a base class of one's own, initialised in the old way."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.name = node.name
        node.bases = [
            ast.Name("OwnBase", ast.Load()) if ast.unparse(each) == "nn.Module" else each for each in node.bases
        ]
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            node.args = [ast.Name(self.name, ast.Load()), ast.Name("self", ast.Load())]
        return node


def own_base(handed: Handed) -> Handed | None:
    """Networks with a base class of one's own, and super() as Python 2 had it"""
    lines = (
        "import torch\n\n\nclass OwnBase(torch.nn.Module):\n    def __init__(self):\n        super(OwnBase, self).__init__()\n"
        "        self.history = {'loss': []}\n\n    @property\n    def device_in_use(self):\n"
        "        return next(self.parameters()).device\n"
    )
    made = handed.edited(lambda text: behind_imports(rewritten(text, _Based()), lines))
    return made if any(b"(OwnBase)" in made.files[path] for path in made.modules) else None


class _Initialised(ast.NodeTransformer):
    """Networks initialise their weights at the end of their constructors."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        if any(ast.unparse(each) == "nn.Module" for each in node.bases):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    part.body += ast.parse("self.apply(init_weights)").body
        return node


def own_weights(handed: Handed) -> Handed | None:
    """Networks that initialise their weights themselves"""
    lines = (
        "import torch\n\n\ndef init_weights(layer):\n    if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):\n"
        "        torch.nn.init.xavier_uniform_(layer.weight)\n        if layer.bias is not None:\n            layer.bias.data.fill_(0.01)\n"
    )
    made = handed.edited(lambda text: behind_imports(rewritten(text, _Initialised()), lines))
    return made if any(b"init_weights)" in made.files[path] for path in made.modules) else None


class _Compiled(ast.NodeTransformer):
    """Puts torch.compile on every function at the top, and on every forward."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name == "forward" or node.col_offset == 0:
            node.decorator_list.append(ast.parse("torch.compile(mode='reduce-overhead')", mode="eval").body)
        return node


def compiled(handed: Handed) -> Handed:
    """Functions that are compiled"""
    return handed.edited(lambda text: behind_imports(rewritten(text, _Compiled()), "import torch"))


def newer_library(handed: Handed) -> Handed:
    """Names of the standard library that only newer Pythons have"""
    lines = (
        "from itertools import batched\nfrom typing import override\nfrom warnings import deprecated\n\n\n"
        "class WithOverride(dict):\n    @override\n    def keys(self):\n        return list(batched(super().keys(), 2))\n"
    )
    return handed.edited(lambda text: behind_imports(text, lines))


def newer_types(handed: Handed) -> Handed:
    """Type aliases and type parameters, as Python 3.12 has them"""
    lines = "type Images = list[float]\n\n\ndef first_of[T](values: list[T]) -> T:\n    return values[0]\n"
    return handed.encoded(lambda text: _spliced(text, lines))


def _spliced(text: str, lines: str) -> bytes:
    return behind_imports(text, lines).encode()


# ---------------------------------------------------------------- modules of one's own

COMMON = "import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nfrom torch import Tensor\n\n\ndef passed_on(value):\n    return value\n"


class _Passing(ast.NodeTransformer):
    """What functions return goes through a function of one's own."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if node.value is not None:
            node.value = ast.Call(ast.Name("passed_on", ast.Load()), [node.value], [])
        return node


def _through(handed: Handed, line: str, more: dict[str, bytes]) -> Handed:
    return handed.edited(lambda text: behind_imports(rewritten(text, _Passing()), line)).having(more)


def own_module(handed: Handed) -> Handed:
    """A module of one's own beside the files"""
    return _through(handed, "from my_common import *", {"my_common.py": COMMON.encode()})


def own_package(handed: Handed) -> Handed:
    """A package of one's own"""
    more = {"lib/__init__.py": b"", "lib/common.py": COMMON.encode()}
    return _through(handed, "from lib.common import passed_on", more)


def own_package_without_init(handed: Handed) -> Handed:
    """A package of one's own without __init__.py, that has a package"""
    more = {"src/parts/common.py": b"from ..base import passed_on\n", "src/base.py": COMMON.encode()}
    return _through(handed, "import src.parts.common as own\npassed_on = own.passed_on", more)


def relative_import(handed: Handed) -> Handed:
    """A relative import of a module beside the files"""
    return _through(handed, "from .my_common import passed_on", {"my_common.py": COMMON.encode()})


def in_a_package(handed: Handed) -> Handed:
    """Everything in a package, with a relative import"""
    more = {"hw/__init__.py": b"", "hw/my_common.py": COMMON.encode()}
    return _through(handed, "from .my_common import passed_on", more).renamed(lambda path: f"hw/{path}")


def writefile(handed: Handed) -> Handed:
    """Notebooks that write a module of their own"""
    made = handed.edited(lambda text: behind_imports(rewritten(text, _Passing()), "from my_common import passed_on"))
    return _as_notebooks(made, lambda text: [f"%%writefile my_common.py\n{COMMON}", *_cells(text)])


# ---------------------------------------------------------------- names


def named_after_student(handed: Handed) -> Handed:
    """A student's name behind the files' names"""
    return handed.renamed(lambda path: path.replace(".py", "_jane_doe.py"))


def downloaded_twice(handed: Handed) -> Handed:
    """Files as a browser names the second download"""
    return handed.renamed(lambda path: path.replace(".py", " (1).py"))


def loud_names(handed: Handed) -> Handed:
    """Files in capital letters"""
    return handed.renamed(lambda path: path.upper())


def deep_down(handed: Handed) -> Handed:
    """Everything in folders, beside what a Mac leaves"""
    files = {f"Assignment/final version/{path}": content for path, content in handed.files.items()}
    junk = {"__MACOSX/._x.py": b"\0\5", ".DS_Store": b"\0", "Assignment/final version/__pycache__/x.pyc": b"\0"}
    modules = tuple(f"Assignment/final version/{path}" for path in handed.modules)
    return Handed(handed.assignment, {**files, **junk}, modules)


def every() -> dict[str, Transformation]:
    """All of them, by name, in the order in which they stand here."""
    own = [value for name, value in globals().items() if callable(value) and not name.startswith("_")]
    return {
        each.__name__: each for each in own if getattr(each, "__module__", "") == __name__ and each.__name__ != "every"
    }
