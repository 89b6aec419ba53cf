"""A submission's files as modules, each loaded when it is first asked for; lies beside worker.py."""

import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "elbograde_inside"  # of this package, in a box
NOT_HANDED_IN = " was not handed in"  # said of a file that is missing, after its name
LIFTED = ".lifted"  # behind the name of a module's file: what its definitions alone make
IMPORT_SECONDS = 8.0  # of the processor, that a module may take to be imported as it stands


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

    def definitions(self, name: str) -> ModuleType:
        """A module that trains when it is run, made anew of its definitions alone."""
        return load_module(name, self._folder / f"{name}.py", as_it_stands=False)

    def source(self, name: str) -> ast.Module:
        """The parsed source of one file, for probes that must take a piece out without running the whole."""
        return ast.parse(existing(self._folder / f"{name}.py").read_text(encoding="utf-8-sig"))

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder


def existing(path: Path) -> Path:
    """The path of a file that is there. Raises FileNotFoundError, with a sentence, where it is not."""
    if not path.exists():
        raise FileNotFoundError(f"{path.name}{NOT_HANDED_IN}")
    return path


def load_module(name: str, path: Path, as_it_stands: bool = True) -> ModuleType:
    """Imports one file under its own name. Raises FileNotFoundError, or whatever the file raises.

    as_it_stands: else what its definitions alone make, where they were lifted out

    Probes find this package under the name that it has in a box, in the judge's own process too.
    """
    sys.modules.setdefault(NAME, sys.modules[__package__])
    spec = importlib.util.spec_from_file_location(name, existing(path), loader=_loader(name, path, as_it_stands))
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


def _loader(name: str, path: Path, as_it_stands: bool = True) -> "Definitions | None":
    return Definitions(name, str(path), as_it_stands) if path.with_name(path.name + LIFTED).exists() else None


class Definitions(importlib.machinery.SourceFileLoader):
    """Imports a file as it stands; where that fails, or trains, what its definitions alone make."""

    def __init__(self, name: str, path: str, as_it_stands: bool = True) -> None:
        super().__init__(name, path)
        self._as_it_stands = as_it_stands

    def exec_module(self, module: ModuleType) -> None:
        """Fills the module. Raises what the file raised, where its definitions do not help."""
        before = dict(module.__dict__)
        try:
            if self._as_it_stands:
                with time_to_import(IMPORT_SECONDS):
                    super().exec_module(module)
                return
        except (Exception, SystemExit):
            module.__dict__.clear()
            module.__dict__.update(before)
        finally:
            warnings.resetwarnings()  # whatever it has made an error of is no error of its answers
        lifted = Path(self.path + LIFTED)
        exec(compile(lifted.read_text(encoding="utf-8"), str(lifted), "exec", dont_inherit=True), module.__dict__)


class DefinitionsFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of a submission whose definitions were lifted out, for whichever of its files imports them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Where the file lies; None for other modules."""
        file = self._folder / f"{name.replace('.', '/')}.py"
        loader = _loader(name, file)
        return importlib.util.spec_from_file_location(name, file, loader=loader) if loader else None


class TooLong(Exception):
    """A module does more than define things."""


@contextlib.contextmanager
def time_to_import(seconds: float) -> Iterator[None]:
    """Raises TooLong in what takes more processor time."""

    def stop(number: int, frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    # again and again, for code that catches whatever is raised
    around = signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *around)  # that of a module which imports this one, or none
        signal.signal(signal.SIGPROF, before)
