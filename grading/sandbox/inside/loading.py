"""A submission's files as modules, each loaded when it is first asked for; lies beside worker.py."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "elbograde_inside"  # of this package, in a box
NOT_HANDED_IN = " was not handed in"  # said of a file that is missing, after its name


class Code:
    """The submission, module by module: `code.A5_vae_submission` is loaded when it is first asked for.

    A file that does not import costs only the questions that need it. `code.kept` is a place for a probe to keep what is
    dear to build, such as a model with its weights.
    """

    def __init__(self, folder: Path) -> None:
        self.kept: dict[str, Any] = {}
        self._folder = folder
        self._modules: dict[str, ModuleType] = {}

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._modules:
            self._modules[name] = load_module(name, self._folder / f"{name}.py")
        return self._modules[name]

    def source(self, name: str) -> ast.Module:
        """The parsed source of one file, for probes that must take a piece out without running the whole."""
        return ast.parse((self._folder / f"{name}.py").read_text(encoding="utf-8"))

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder


def load_module(name: str, path: Path) -> ModuleType:
    """Imports one file under its own name. Raises FileNotFoundError, or whatever the file raises.

    Probes find this package under the name that it has in a box, in the judge's own process too.
    """
    sys.modules.setdefault(NAME, sys.modules[__package__])
    if not path.exists():
        raise FileNotFoundError(f"{path.name}{NOT_HANDED_IN}")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
