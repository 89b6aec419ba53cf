"""What code needs and is not here: packages that are not installed, what was left out of a script. Lies beside worker.py.

A package that is not installed is imported all the same, as a stand-in, where student code imports it outside of a `try`:
most such imports serve plots, logs and progress bars. It fails where it is used, and says so.
"""

import ast
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from torch import nn

from .packages import KNOWN

OURS = "__error__"  # what a handler that we put around a statement calls the exception
SET_UP = ("<set up>", "<epochs>", "<condition>", "<first epoch>", "<excerpt>")  # left-out code that probes run


# How the module begins that stands for code which only a newer Python reads; nothing handed in begins so (intake/newer.py).
WAITS = "from elbograde_inside.lacking import Lacking\n\nraise Lacking("


class Lacking(Exception):
    """A question cannot be put: something that the code needs is not here, and it is not the student's fault."""


class NotHandedIn(ImportError):
    """The code needs a module that is neither installed nor known nor there."""


TELLS = """
wandb mlflow neptune comet_ml clearml tensorboard tensorboardX tensorboard_logger visdom aim dvclive labml sacred google
IPython livelossplot trackio swanlab
"""
LOGS = frozenset(TELLS.split())  # packages that only tell people something: calling them does nothing


class Absent:
    """Stands for something of a package that is not installed. It may be named, and annotated with; not used."""

    def __init__(self, name: str) -> None:
        self.__dict__["_absent"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__dict__['_absent']}.{name}")

    def __getitem__(self, key: object) -> Any:
        return self

    def __or__(self, other: object) -> Any:
        return self

    __ror__ = __or__

    def __mro_entries__(self, bases: Sequence[object]) -> tuple[type, ...]:
        """In the place of a base class: a module's own base where it is called like one, else nothing."""
        return (nn.Module,) if self.__dict__["_absent"].endswith("Module") and nn.Module not in bases else ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A decorator leaves a function as it is. Raises Lacking, or NotHandedIn, for any other call."""
        if len(args) == 1 and not kwargs and isinstance(args[0], FunctionType):
            return args[0]
        return self._used()

    def __instancecheck__(self, value: object) -> bool:
        """Nothing is of a type that is not here."""
        return False

    def _used(self, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__["_absent"].split(".")[0] in LOGS:
            return self
        raise missing(self.__dict__["_absent"])

    def __exit__(self, *args: object) -> None:
        """A log that is written within a block."""

    __iter__ = __len__ = __bool__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _used
    __truediv__ = __rtruediv__ = __neg__ = __matmul__ = __float__ = __int__ = __index__ = __array__ = _used
    __enter__ = __setattr__ = __setitem__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = _used


def missing(name: str) -> Exception:
    """What to raise where `name` is used and its package is not here."""
    package = name.split(".")[0]
    if package in KNOWN:
        return Lacking(f"{package} is not installed here, and the code uses it ({name})")
    return NotHandedIn(f"{package} was not handed in and is not a package that is known here; the code uses {name}")


class _Module(ModuleType):
    """A package that is not installed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")


class _Loader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = _Module(spec.name)
        module.__dict__.update(__path__=[], __all__=[])
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


class Finder(importlib.abc.MetaPathFinder):
    """The last to be asked for a module. Gives stand-ins to the submission's files, and to nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """A stand-in's, where a file of the submission imports it and does not say what else to do."""
        frame = _importing()
        if frame is None or not self._theirs(frame.f_code) or _guarded(frame):
            return None
        return importlib.machinery.ModuleSpec(name, _Loader(), is_package=True)

    def _theirs(self, code: CodeType) -> bool:
        return code.co_filename.startswith(self._folder) or code.co_filename in SET_UP


def _importing() -> FrameType | None:
    """The frame that imports; None where somebody only asks whether a module is there."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and "importlib" in frame.f_code.co_filename:
        if frame.f_code.co_filename.endswith("util.py"):
            return None
        frame = frame.f_back
    return frame


def _guarded(frame: FrameType) -> bool:
    """Whether the line that runs stands in a `try` of the student's that has something to do where it fails."""
    return frame.f_lineno in guarded_lines(frame.f_code.co_filename)


@cache
def guarded_lines(file: str) -> frozenset[int]:
    """The lines of a file that stand in the body of a `try` with handlers, other than those of ours."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return frozenset()
    return frozenset(line for node in ast.walk(tree) if isinstance(node, ast.Try) for line in _lines(node))


def _lines(node: ast.Try) -> Iterator[int]:
    if node.handlers and not any(each.name == OURS for each in node.handlers):
        for part in node.body:
            yield from range(part.lineno, (part.end_lineno or part.lineno) + 1)
