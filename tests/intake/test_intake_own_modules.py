"""Modules of a student's own: which are taken in, where they lie, and that what imports them works there."""

import importlib
import sys
from pathlib import Path

import pytest
from intake_archives import folder_of, zip_of
from test_intake_taking import notebook

from grading.intake import Intake, limits, take_in
from grading.intake.imports import Import, absolute, imports_of, written_files
from grading.records import ExpectedFile

VAE = ExpectedFile("vae.py", "code", aliases=("my_vae.py",))
SCRIPT = ExpectedFile("A9.py", "script", defines=("CVAE",))
OTHER = ExpectedFile("diffusion.py", "code", required=False)
GIVEN = ExpectedFile("utils.py", "starter", required=False)
NESTED = ExpectedFile("ddpm_utils/args.py", "starter", required=False)
EXPECTED = (VAE, SCRIPT, OTHER, GIVEN, NESTED)
USES = "\n\ndef value():\n    return f()\n"
F = "def f():\n    return 'mine'\n"


def take(folder: Path, files: dict[str, str | bytes], *expected: ExpectedFile, zipped: bool = False) -> Intake:
    content = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    work = zip_of(folder / "work.zip", content) if zipped else folder_of(folder / "work", content)
    return take_in(work, expected or EXPECTED, folder / "taken")


def asked(folder: Path, module: str = "vae") -> str:
    """What the module's `value()` gives, where only what was taken in is there."""
    before = set(sys.modules)
    sys.path.append(str(folder / "taken"))
    importlib.invalidate_caches()
    sys.dont_write_bytecode = True
    try:
        return str(importlib.import_module(module).value())
    finally:
        sys.path.pop()
        for name in set(sys.modules) - before:
            del sys.modules[name]


def there(folder: Path) -> list[str]:
    taken = folder / "taken"
    return sorted(
        path.relative_to(taken).as_posix() for path in taken.rglob("*") if path.is_file() and path.suffix != ".lifted"
    )


LAYOUTS = {
    "beside it": {"vae.py": "from my_layers import f" + USES, "my_layers.py": F},
    "as a whole": {"vae.py": "import my_layers\nf = my_layers.f" + USES, "my_layers.py": F},
    "under another name": {"vae.py": "import my_layers as m\nf = m.f" + USES, "my_layers.py": F},
    "all of it": {"vae.py": "from my_layers import *" + USES, "my_layers.py": F},
    "in a function": {"vae.py": "def value():\n    from my_layers import f\n    return f()\n", "my_layers.py": F},
    "in a try": {"vae.py": "try:\n    from my_layers import f\nexcept ImportError:\n    f = None" + USES, "my_layers.py": F},
    "by import_module": {
        "vae.py": "import importlib\nf = importlib.import_module('my_layers').f" + USES,
        "my_layers.py": F,
    },
    "by __import__": {"vae.py": "f = __import__('my_layers').f" + USES, "my_layers.py": F},
    "over two": {"vae.py": "from a import f" + USES, "a.py": "from b import f\n", "b.py": F},
    "in a package": {"vae.py": "from lib.blocks import f" + USES, "lib/__init__.py": "", "lib/blocks.py": F},
    "in a folder": {"vae.py": "import lib.blocks as blocks\nf = blocks.f" + USES, "lib/blocks.py": F},
    "the package itself": {"vae.py": "from lib import f" + USES, "lib/__init__.py": "from .blocks import f", "lib/blocks.py": F},
    "a submodule": {"vae.py": "from lib import blocks\nf = blocks.f" + USES, "lib/blocks.py": F},
    "deep in a package": {
        "vae.py": "from lib.nn.blocks import f" + USES,
        "lib/__init__.py": "",
        "lib/nn/__init__.py": "",
        "lib/nn/blocks.py": "from ..core import f",
        "lib/core.py": F,
    },
    "one folder down": {"hw/vae.py": "from my_layers import f" + USES, "hw/my_layers.py": F},
    "a folder above": {"hw/src/vae.py": "from src.blocks import f" + USES, "hw/src/blocks.py": F},
    "elsewhere": {"vae.py": "from my_layers import f" + USES, "helpers/deep/my_layers.py": F},
    "relative": {"src/vae.py": "from .utils import f" + USES, "src/utils.py": F, "src/__init__.py": ""},
    "relative, at the top": {"vae.py": "from .layers import f" + USES, "layers.py": F},
    "relative, a module": {"src/vae.py": "from . import layers\nf = layers.f" + USES, "src/layers.py": F},
    "relative, of the package": {"src/vae.py": "from . import f" + USES, "src/__init__.py": F},
    "relative, over two": {"src/vae.py": "from .a import f" + USES, "src/a.py": "from .b import f", "src/b.py": F},
    "relative, above": {"src/models/vae.py": "from ..common import f" + USES, "src/common.py": F},
    "relative, in a function": {"src/vae.py": "def value():\n    from .a import f\n    return f()", "src/a.py": F},
    "relative, like one of Python": {"src/vae.py": "from .types import f" + USES, "src/types.py": F},
    "relative, in folders with odd names": {"HW 5/my src.v2/vae.py": "from .a import f" + USES, "HW 5/my src.v2/a.py": F},
    "relative, the folders left out": {"vae.py": "from ..lib.a import f" + USES, "lib/a.py": F},
    "a package that imports it": {
        "src/vae.py": "from .a import f" + USES,
        "src/__init__.py": "from .vae import value\nfrom .a import f\n",
        "src/a.py": F,
    },
    "a circle": {"vae.py": "import a\nname = 'mine'\n\ndef value():\n    return a.f()", "a.py": "import vae\ndef f():\n    return vae.name"},
    "under the name it was handed in by": {
        "my_vae.py": "import a\nname = 'mine'\n\ndef value():\n    return a.f()",
        "a.py": "import my_vae\ndef f():\n    return my_vae.name",
    },
    "in Windows-1252": {"vae.py": "from my_layers import f" + USES, "my_layers.py": ("# é\n" + F).encode("cp1252")},
    "in UTF-16": {"vae.py": "from my_layers import f" + USES, "my_layers.py": F.encode("utf-16")},
    "broken beside": {"vae.py": "from my_layers import f" + USES, "my_layers.py": F, "old.py": "def ("},
    "a copy of the course's": {"vae.py": "from my_utils import f" + USES, "my_utils.py": F},
    "with tabs and a mark": {"vae.py": "\ufefffrom .a import f" + USES, "a.py": "\ufeff" + F},
}  # fmt: skip


@pytest.mark.parametrize("how", LAYOUTS)
def test_what_is_imported_is_there(tmp_path: Path, how: str) -> None:
    take(tmp_path, LAYOUTS[how], VAE)
    assert asked(tmp_path) == "mine"


@pytest.mark.parametrize("how", LAYOUTS)
def test_for_scripts_too(tmp_path: Path, how: str) -> None:
    """Of which only definitions are lifted out: their imports, as they are found there."""
    script = ExpectedFile("vae.py", "script", aliases=("my_vae.py",))
    take(tmp_path, LAYOUTS[how], script, zipped=True)
    assert asked(tmp_path) == "mine"


def test_a_notebook_that_writes_its_modules(tmp_path: Path) -> None:
    cells = (
        "%%writefile helper.py\n" + F,
        "%%writefile -a helper.py\nX = 1\n",
        "from helper import f",
        "def value():\n    return f()",
    )
    for name, kind in {"vae.ipynb": "code", "A9.ipynb": "script"}.items():
        folder = tmp_path / kind
        row = ExpectedFile(name.replace("ipynb", "py"), kind)
        intake = take(folder, {name: notebook(*cells)}, row)
        assert asked(folder, row.name[:-3]) == "mine"
        assert f"helper.py, which a cell of {name} writes, was taken in too: {name} imports it." in intake.notices


def test_a_notebook_that_writes_what_is_asked_for(tmp_path: Path) -> None:
    intake = take(tmp_path, {"work.ipynb": notebook("%%writefile vae.py\ndef value():\n    return 'mine'\n")}, VAE)
    assert asked(tmp_path) == "mine" and intake.missing == ()


def test_a_notebook_that_runs_its_modules(tmp_path: Path) -> None:
    cells = ("%run ./helper.py", "def value():\n    return f()")
    take(tmp_path, {"A9.ipynb": notebook(*cells), "helper.py": F}, SCRIPT)
    assert asked(tmp_path, "A9") == "mine"


def test_a_cell_never_leaves_the_folder(tmp_path: Path) -> None:
    cells = [
        f"%%writefile {path}\n{F}" for path in ("/content/helper.py", "../../other.py", "C:\\x.py", "a/../../b.py")
    ]
    take(
        tmp_path,
        {"A9.ipynb": notebook(*cells, "from helper import f", "import other, x, b", "def value():\n    return f()")},
        SCRIPT,
    )
    assert asked(tmp_path, "A9") == "mine"
    assert there(tmp_path) == ["A9.ipynb", "A9.py", "b.py", "helper.py", "other.py"]


def test_a_file_beside_the_notebook_goes_before_its_cell(tmp_path: Path) -> None:
    cells = (
        "%%writefile helper.py\ndef f():\n    return 'old'",
        "from helper import f",
        "def value():\n    return f()",
    )
    take(tmp_path, {"A9.ipynb": notebook(*cells), "helper.py": F}, SCRIPT)
    assert asked(tmp_path, "A9") == "mine"


# ---------------------------------------------------------------- two of one name


def test_every_file_has_the_module_beside_it(tmp_path: Path) -> None:
    files = {
        "q1/vae.py": "from helper import f" + USES,
        "q1/helper.py": F,
        "q2/diffusion.py": "import helper\nfrom helper import f as g\n\ndef value():\n    return helper.f() + g()",
        "q2/helper.py": "def f():\n    return 'yours'\n",
    }
    take(tmp_path, files)
    assert (asked(tmp_path), asked(tmp_path, "diffusion")) == ("mine", "yoursyours")


# ---------------------------------------------------------------- what may not be


@pytest.mark.parametrize("name", ["torch", "numpy", "random", "types", "elbograde_inside", "probes"])
def test_packages_are_not_replaced_and_that_is_told(tmp_path: Path, name: str) -> None:
    intake = take(
        tmp_path, {"vae.py": f"import {name}\n\ndef value():\n    return 1\n", f"{name}.py": "raise SystemExit\n"}, VAE
    )
    assert there(tmp_path) == ["vae.py"]
    assert intake.notices[0] == (
        f"{name}.py is not what vae.py imports: Python or a package has one of that name. Rename it."
    )


def test_what_was_given_or_is_expected_is_not_replaced(tmp_path: Path) -> None:
    files = {
        "vae.py": "import utils, diffusion, ddpm_utils\nfrom utils.x import y\nfrom ddpm_utils.args import z",
        "old/diffusion.txt/utils.py": F,
        "utils/__init__.py": F,
        "utils/x.py": F,
        "ddpm_utils.py": F,
        "more/ddpm_utils/args.py": F,
    }
    take(tmp_path, files, VAE, OTHER, GIVEN, NESTED)
    assert not {"utils/__init__.py", "ddpm_utils.py", "diffusion.py"} & set(there(tmp_path))
    assert (tmp_path / "taken" / "utils.py").read_text() == F  # their own copy of it, which lay elsewhere


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "work", {"vae.py": b"import mine, yours\n", "yours.py": F.encode()})
    (folder / "mine.py").symlink_to("/etc/passwd")
    intake = take_in(folder, [VAE], tmp_path / "taken")
    assert there(tmp_path) == ["vae.py", "yours.py"]
    assert "vae.py imports mine, which was not handed in." in intake.notices


def test_only_so_many_and_so_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MODULES", 3)
    chain = {f"m{n}.py": f"import m{n + 1}\n" for n in range(9)}
    intake = take(tmp_path / "many", {"vae.py": "import m0\n", **chain}, VAE)
    assert there(tmp_path / "many") == ["m0.py", "m1.py", "m2.py", "vae.py"]
    assert any("More than 3 modules are imported" in notice for notice in intake.notices)
    intake = take(tmp_path / "large", {"vae.py": "import m\n", "m.py": "#" * (limits.MODULE + 1)}, VAE)
    assert there(tmp_path / "large") == ["vae.py"]
    assert any(notice.startswith("m.py was left out: it cannot be read, or is larger") for notice in intake.notices)
    monkeypatch.setattr(limits, "MODULES_TOTAL", 100)
    take(tmp_path / "together", {"vae.py": "import a, b\n", "a.py": "#" * 80, "b.py": "#" * 80}, VAE)
    assert there(tmp_path / "together") == ["a.py", "vae.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import " + "a" * 100_000,
        "import " + ".".join("a" * 1000),
        "\n".join(f"import m{n}" for n in range(2_000)),
        "(" * 5_000,
        "x = " + "-" * 100_000 + "1",
        "import a\0b",
        "from . import *\n" * 1000,
        "from " + "." * 500 + "x import y",
    ],
)
def test_imports_that_lead_nowhere(tmp_path: Path, text: str) -> None:
    intake = take(tmp_path, {"vae.py": text, "m1.py": F}, VAE)
    assert all(len(notice) < 600 and notice.isprintable() for notice in intake.notices) and len(intake.notices) < 20


# ---------------------------------------------------------------- what is told


def test_what_was_taken_and_what_was_passed_over_is_told(tmp_path: Path) -> None:
    files = {
        "src/vae.py": "from .a import f\nimport missing, seaborn, os, torch\nfrom ..gone import x\nfrom utils import y",
        "src/a.py": b"# \xe9\n",
        "train_utils.py": F,
        "old/vae_backup.py": F,
    }
    assert take(tmp_path, files, VAE, GIVEN).notices == (
        "vae.py imports missing, which was not handed in.",
        "vae.py imports ..gone, which was not handed in.",
        "src/a.py was taken in too: vae.py imports it. It was written in Windows-1252, and was converted to UTF-8.",
        "passed over: old/vae_backup.py, train_utils.py: nothing that is graded imports them.",
    )


def test_many_are_told_of_in_few_words(tmp_path: Path) -> None:
    names = [f"m{n}" for n in range(30)]
    files = {"vae.py": f"import {', '.join(names)}\n", **{f"{name}.py": F for name in names}}
    *notices, last = take(tmp_path, files, VAE).notices
    assert len(notices) == 8 and last == "22 more modules were taken in, since those import them."


# ---------------------------------------------------------------- reading of imports


def test_imports_are_read_wherever_they_stand() -> None:
    text = "import a.b as c, d\nif x:\n    from .e import f as g, h\nclass K:\n    def m(self):\n        from .. import i\n"
    assert imports_of(text) == (
        Import(0, "a.b"),
        Import(0, "d"),
        Import(1, "e", ("f", "h")),
        Import(2, "", ("i",)),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from .a import b", "from p.a import b"),
        ("from . import b", "from p import b"),
        ("from .  a.c import (b,\n    d)", "from p.a.c import (b,\n    d)"),
        ("try: from .a import b\nexcept E: pass", "try: from p.a import b\nexcept E: pass"),
        ("from ..a import b", "from q.a import b"),
        ("from a import b", "from a import b"),
        ("x.from_ .a", "x.from_ .a"),
        ("import h", "import m.h as h"),
        ("    import h  # why", "    import m.h as h  # why"),
        ("import h as k", "import m.h as k"),
        ("from h import k", "from m.h import k"),
        ("from h.i import k", "from m.h.i import k"),
        ("from hh import k\nimport hh", "from hh import k\nimport hh"),
    ],
)
def test_imports_are_led_elsewhere(before: str, after: str) -> None:
    assert absolute(before, lambda level: "p" if level == 1 else "q", {"h": "m.h"}) == after


def test_cells_that_write_files() -> None:
    cells = [
        "\n%%writefile a.py\nx = 1\n",
        "%%file 'b c.py'\ny = 2",
        "%%writefile -a ./a.py\nz = 3",
        "%%bash\nls",
        "%%writefile\nq",
    ]
    assert written_files(cells) == {"a.py": "x = 1\nz = 3", "b c.py": "y = 2"}
