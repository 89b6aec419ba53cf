"""Scripts that parse arguments, as if they were given none; criteria and schedules that stay as constants."""

import sys
import time
import types

import pytest

from grading.intake.lifting import lifted, lifted_script

PARSER = "import argparse\nfrom pathlib import Path\nparser = argparse.ArgumentParser()\n"


@pytest.fixture(autouse=True)
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge's own, which no script may see."""
    monkeypatch.setattr(sys, "argv", ["judge", "--epochs", "99", "--help", "--unknown"])


def script(text: str) -> types.ModuleType:
    made = types.ModuleType("lifted")
    exec(lifted_script(text, "work.py").source, made.__dict__)
    return made


def added(*arguments: str, ending: str = "args = parser.parse_args()") -> types.ModuleType:
    return script(PARSER + "".join(f"parser.add_argument({each})\n" for each in arguments) + ending)


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("'--epochs', type=int, default=20, help='at most 100'", "epochs", 20),
        ("'-b', '--batch-size', '--bs', default='64', type=int", "batch_size", 64),
        ("'-b', default=3", "b", 3),
        ("'--lr', type=float, default=1", "lr", 1),
        ("'--lr', type=float, default='1e-3'", "lr", 1e-3),
        ("'--nothing', type=int", "nothing", None),
        ("'--needed', required=True, type=int", "needed", None),
        ("'--latent', dest='latent_dim', default=2 * 64", "latent_dim", 128),
        ("'--conditional', action='store_true'", "conditional", False),
        ("'--no-cuda', action='store_false', dest='cuda'", "cuda", True),
        ("'--mode', action='store_const', const=1, default=0", "mode", 0),
        ("'-v', action='count', default=0", "v", 0),
        ("'--fast', action=argparse.BooleanOptionalAction, default=True", "fast", True),
        ("'--own', action=Own, default=5", "own", 5),
        ("'--sizes', nargs='+', type=int, default=[1, 2]", "sizes", [1, 2]),
        ("'data'", "data", None),
        ("'data', nargs='?', default='here'", "data", "here"),
        ("'--flag', type=lambda s: s == 'True', default='True'", "flag", "True"),
        ("'--where', type=print, default='there'", "where", "there"),
        ("'--bad', type=int, default='many'", "bad", "many"),
        ("'--at', type=Path, default=Path('x') / 'y'", "at", __import__("pathlib").Path("x/y")),
        ("'--seed', default=download()", "seed", None),
        ("'--other', default=not_defined", "other", None),
        ("'--kind', choices=('a', 'b'), default='c', metavar='K'", "kind", "c"),
        ("'--odd', action='store_true', type=int, default=7", "odd", 7),
        ("'--version', action='version', version='1'", "after", 1),
        ("*flags, **words", "after", 1),
    ],
)
def test_defaults_are_those_of_argparse(
    argument: str, name: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    found = added("'--before', default='0', type=int", argument, "'--after', default='1', type=int")
    assert getattr(found.args, name) == value
    assert (found.args.before, found.args.after) == (0, 1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "ending",
    [
        "opt = parser.parse_args()",
        "opt: argparse.Namespace = parser.parse_args()",
        "opt, _ = parser.parse_known_args()",
        "opt = parser.parse_known_args()[0]",
        "import sys\nopt = parser.parse_args(sys.argv[1:])",
        "opt = parser.parse_args(args=[])",
        "from types import SimpleNamespace\nopt = SimpleNamespace(**vars(parser.parse_args()))",
        "if __name__ == '__main__':\n    opt = parser.parse_args()",
        "try:\n    opt = parser.parse_args()\nexcept SystemExit:\n    pass",
    ],
)
def test_whatever_they_are_called_they_can_be_read(ending: str) -> None:
    found = added("'--epochs', type=int, default=20", ending=f"{ending}\ndef f():\n    return opt.epochs")
    assert found.f() == 20


def test_values_behind_them_are_constants_and_calls_are_recorded_with_them() -> None:
    text = (
        "latent_dim = args.latent_dim\nname = 'cvae' if args.conditional else 'vae'\nclass VAE:\n    n = latent_dim\n"
    )
    ending = f"args = parser.parse_args()\n{text}model = VAE(latent_dim, args.latent_dim // 2)"
    found = added("'--latent-dim', default=64", "'--conditional', action='store_true'", ending=ending)
    assert (found.latent_dim, found.name, found.VAE.n) == (64, "vae", 64)
    assert found.__declared__["VAE"] == [((64, 32), {})]
    assert not hasattr(found, "model")


def test_the_same_under_main() -> None:
    ending = "class VAE:\n    pass\nif __name__ == '__main__':\n    args = parser.parse_args()\n    VAE(args.n)"
    found = added("'--n', default=3", ending=ending)
    assert found.__declared__["VAE"] == [((3,), {})]
    assert found.args.n == 3


def test_what_the_script_changes_of_them_itself_counts() -> None:
    ending = (
        "import torch\nargs = parser.parse_args()\nargs.cuda = not args.no_cuda and torch.cuda.is_available()\n"
        "args.bad = download()\nargs.worse = args.missing\nargs.late = 5\n"
        "device = torch.device('cuda' if args.cuda else 'cpu')"
    )
    found = added("'--no-cuda', action='store_true', default=True", ending=ending)
    assert found.args.cuda is False and found.args.late == 5 and found.device.type == "cpu"
    assert not hasattr(found.args, "bad") and not hasattr(found.args, "worse")


FUNCTIONS = [
    "def get_args():\n    parser = argparse.ArgumentParser()\n    parser.add_argument('--n', default='3', type=int)\n"
    "    args = parser.parse_args()\n    args.m = args.n + 1\n    print(args)\n    return args\nargs = get_args()",
    "def get_args():\n    p = argparse.ArgumentParser()\n    p.add_argument('--n', default=3)\n    args = p.parse_args()\n"
    "    args.m = 4\n    if args.n > 5:\n        args.m = 0\n    return args\nargs = get_args()",
    "def get_args(argv=None):\n    p = argparse.ArgumentParser()\n    g = p.add_argument_group('g')\n"
    "    g.add_argument('--n', default=3)\n    p.set_defaults(m=4)\n    return p.parse_args(argv)\nargs = get_args()",
    "def build():\n    p = argparse.ArgumentParser()\n    p.add_argument('--n', default=3)\n"
    "    p.add_mutually_exclusive_group().add_argument('--m', default=4)\n    return p\nargs = build().parse_args()",
    "def build():\n    p = argparse.ArgumentParser()\n    p.add_argument('--n', default=3)\n    return p\n"
    "p = build()\np.add_argument('--m', default=4)\nargs = p.parse_args()",
    "p = argparse.ArgumentParser()\nq = argparse.ArgumentParser()\nq.add_argument('--n', default=9)\n"
    "p.add_argument('--n', default=3)\np.add_argument('--m', default=4)\nargs = p.parse_args()",
    "class Args:\n    n = 3\n    m: int = 4\nargs = Args()",
    "from dataclasses import dataclass\n@dataclass\nclass Args:\n    n: int = 3\n    m: int = 5\nargs = Args(m=4)",
    "args = argparse.Namespace(n=3, m=4)",
]


@pytest.mark.parametrize("text", FUNCTIONS)
def test_in_functions_groups_and_classes_of_settings(text: str) -> None:
    found = script(f"import argparse\n{text}\ndef f():\n    return args.n, args.m")
    assert found.f() == (3, 4)


def test_arguments_that_are_written_there_count() -> None:
    assert added("'--n', type=int", ending="args = parser.parse_args(['--n', '5'])").args.n == 5
    assert added("'--n', type=int", ending="args = parser.parse_args(['--n', 'x'])").args.n is None


def test_the_command_line_is_never_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = "import sys\nname = sys.argv[0]\nif len(sys.argv) > 1:\n    n = 2\nelse:\n    n = 1\nm = int(sys.argv[1])"
    found = script(text)
    assert (found.name, found.n) == ("script.py", 1)
    assert not hasattr(found, "m")
    help_asked = added("'--n', default=1", ending="args = parser.parse_args(['--help'])")
    assert help_asked.args.n == 1
    assert capsys.readouterr() == ("", "")


def test_what_is_nested_too_deep_costs_only_itself() -> None:
    deep = "if x == " + "-" * 2000 + "1:\n    pass"
    made = types.ModuleType("lifted")
    cells = (PARSER, "x = 1", deep, "parser.add_argument('--n', default=4)", "args = parser.parse_args()")
    exec(lifted(cells, "a.ipynb").source, made.__dict__)
    assert (made.args.n, made.x) == (4, 1)


def test_a_flood_of_arguments_is_bounded() -> None:
    function = "def g():\n    p = argparse.ArgumentParser()\n" + "    p.add_argument('--n')\n" * 1000
    function += "    return p.parse_args()\n"
    flood = PARSER + function + "parser.add_argument('--n')\n" * 1000 + "a = parser.parse_args()\nb = g()\n" * 1200
    started = time.process_time()
    source = lifted_script(flood, "work.py").source
    assert time.process_time() - started < 10 and len(source) < 5_000_000
    tower = "".join(f"def f{n}():\n    x = f{n + 1}()\n    y = f{n + 1}()\n    p.parse_args()\n" for n in range(40))
    lifted_script(f"{tower}x = f0()", "work.py")
    assert time.process_time() - started < 10


# ---------------------------------------------------------------- criteria and schedules


CRITERIA = """import numpy as np
import torch
from torch import nn
device = torch.device('cpu')
class SSIM(nn.Module):
    def __init__(self, window_size=11):
        super().__init__()
class KLDivLoss(nn.Module):
    def __init__(self, lambd=1.0):
        super().__init__()
        self.lambd = lambd
class pytorch_ssim:
    SSIM = SSIM
class StructuralSimilarityIndexMeasure(SSIM):
    pass
class MyCriterion(SSIM):
    pass
def getLoss():
    raise SystemExit
"""


@pytest.mark.parametrize(
    "made",
    [
        "nn.MSELoss().to(device)",
        "nn.BCELoss(reduction='mean').cuda() if torch.cuda.is_available() else nn.BCELoss(reduction='mean').cpu()",
        "SSIM(window_size=11)",
        "pytorch_ssim.SSIM(11).to(device)",
        "pytorch_ssim.SSIM().to(device).eval()",
        "KLDivLoss()",
        "MyCriterion(3).double()",
        "StructuralSimilarityIndexMeasure(11)",
    ],
)
def test_criteria_are_constants(made: str) -> None:
    found = script(f"{CRITERIA}a = {made}\nb, c = {made}, nn.MSELoss()\nd = ({made}, 1)\ndef f(): return a")
    assert isinstance(found.f(), found.nn.Module) and isinstance(found.b, found.nn.Module)
    assert isinstance(found.d[0], found.nn.Module)


@pytest.mark.parametrize(
    ("made", "values"),
    [
        ("np.linspace(0, 1, 3).tolist()", [0, 0.5, 1]),
        ("[0.0] * 2 + [1e-4]", [0, 0, 1e-4]),
        ("np.concatenate([np.zeros(2), np.linspace(0, 1, 2)])", [0, 0, 0, 1]),
        ("list(np.zeros(2))", [0, 0]),
        ("torch.cat([torch.zeros(1), torch.linspace(0, 1, 2)]).tolist()", [0, 0, 1]),
        ("[min(1.0, i * 0.5) for i in range(4)]", [0, 0.5, 1, 1]),
        ("np.array([0, 1.0])", [0, 1]),
    ],
)
def test_schedules_are_constants(made: str, values: list[float]) -> None:
    assert list(script(f"{CRITERIA}kl_annealing = {made}").kl_annealing) == values


@pytest.mark.parametrize(
    "grows",
    [
        "kl.append(1e-4)\nkl.append(1.0)",
        "kl += [1e-4] + [1.0]",
        "kl.extend(np.linspace(0, 1, 2).tolist())\nkl[1] = 1e-4\nkl[-1] = 1.0",
        "for e in range(2):\n    if e == 0:\n        kl.append(1e-4)\n    else:\n        value = min(1.0, e)\n        kl.append(value)",
        "if __name__ == '__main__':\n    for e in range(2):\n        kl.append([1e-4, 1.0][e])",
        "def main():\n    def step(): pass\n    for e in range(2):\n        kl.append([1e-4, 1.0][e])\nmain()",
    ],
)
def test_lists_may_grow(grows: str) -> None:
    text = f"import numpy as np\nclass VAE:\n    def __init__(self, n): pass\nkl = [0.0]\n{grows}\nVAE(kl)\n"
    found = script(text)
    assert found.kl == [0.0, 1e-4, 1.0]
    assert found.__declared__["VAE"][0][0][0] in (None, found.kl)


@pytest.mark.parametrize(
    "other",
    [
        "for e in range(2):\n    kl.append(train())",
        "for e in range(2):\n    train()\n    kl.append(1)",
        "while True:\n    kl.append(1)",
        "for e in loader():\n    kl.append(1)",
        "kl.append(model.loss())",
        "kl.pop()",
        "def main():\n    kl = []\n    class A: pass\n    kl.append(3)\n    kl += [4]\n    for e in range(3):\n        kl.append(e)\nmain()",
    ],
)
def test_but_not_by_what_trains_nor_where_another_has_the_name(other: str) -> None:
    assert script(f"def train():\n    raise SystemExit\nkl = [0.0]\n{other}").kl == [0.0]


def test_what_a_script_sets_of_a_criterion_counts() -> None:
    text = f"{CRITERIA}kld = KLDivLoss()\nkl = [0.0, 1.0]\nkld.lambd = kl[0]\nmodel.lambd = 3\nfor e in range(2):\n    kld.lambd = kl[e]\n    train()"
    assert script(text).kld.lambd == 0.0


@pytest.mark.parametrize(
    "made",
    [
        "VAE(latent_dim).to(device)",
        "SSIM(VAE())",
        "getLoss()",
        "model.to(device)",
        "torch.optim.Adam(SSIM().parameters())",
        "torch.utils.data.DataLoader([1])",
        "KLDivLoss().forward()",
    ],
)
def test_models_optimisers_and_loaders_are_not(made: str) -> None:
    boom = "class VAE(nn.Module):\n    def __init__(self, *args):\n        raise SystemExit\n"
    source = lifted_script(f"{CRITERIA}{boom}found = {made}", "work.py").source
    assert "found = " not in source.split("def __getattr__")[1]


def test_what_a_newer_torch_refuses_does_nothing() -> None:
    text = (
        f"{CRITERIA}class VAE(nn.Linear):\n    pass\nmodel = VAE(1, 1)\noptimizer = torch.optim.Adam(model.parameters(), lr=5e-4)\n"
        "scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [40, 50], gamma=0.1, verbose=False)\n"
        "torch.set_default_tensor_type('torch.cuda.FloatTensor')\nnp.float\nn = np.int(3)\nlr = np.float(5e-4)\n"
        "bce = nn.BCELoss(size_average='no', nothing=1)\ndef f():\n    return nn.MSELoss()(torch.ones(1), torch.zeros(1))"
    )
    found = script(text)
    assert float(found.f()) == 1
    assert found.__declared__["VAE"] == [((1, 1), {})] and found.__declared__["Adam"] == [((None,), {"lr": 5e-4})]
    assert not hasattr(found, "scheduler") and not hasattr(found, "bce")
