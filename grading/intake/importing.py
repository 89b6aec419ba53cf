"""The imports of a lifted module: those that nothing uses go, and dear ones wait until a function uses them.

Plotting and vision libraries take seconds to import, for every row that is judged; most notebooks import them for what is
never run here.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grading.intake.staying import IMPORTS, bound, constant

LOOKS_UP = {"eval", "exec", "globals", "vars", "locals", "__import__"}  # where these are used, any import may be
DEAR = {
    *("matplotlib", "torchvision", "sklearn", "seaborn", "umap", "pandas", "scipy", "skimage", "cv2", "PIL", "imageio"),
    *("torchsummary", "torchinfo", "plotly", "IPython", "ipywidgets", "wandb", "tensorboard", "tensorflow", "nltk"),
}
MOST_KEPT = 200  # imports that nothing uses, whose text is kept
LATER = '''class __Later__:
    """Stands for what an import gives, which is made when something of it is asked for."""

    def __init__(self, module, name=""):
        self.__dict__.update(__module=module, __name=name)

    def __it(self):
        import importlib

        module, name = self.__dict__["__module"], self.__dict__["__name"]
        if not name:
            return importlib.import_module(module)
        owner = importlib.import_module(module)
        return getattr(owner, name) if hasattr(owner, name) else importlib.import_module(module + "." + name)

    def __getattr__(self, name):
        return getattr(self.__it(), name)

    def __call__(self, *args, **kwargs):
        return self.__it()(*args, **kwargs)'''


@dataclass(frozen=True)
class Beside:
    """What modules of a student's own, which lie beside a file, have to do with it."""

    modules: frozenset[str] = frozenset()  # their names, as far as the first dot
    classes: frozenset[str] = frozenset()  # that they define


NOTHING = Beside()


def needed(lines: Sequence[ast.stmt], own: Beside = NOTHING) -> list[ast.stmt]:
    """The lines of a module without imports that nothing uses, nor constants that use dear ones and are used by nothing.

    Dear imports that only the bodies of functions use become `name = __Later__(…)`; see LATER, which must stand before.
    Imports of the student's `own` modules stay: what is asked for may be what they give.
    """
    idle = _idle_constants(lines)
    lines = [line for line in lines if line not in idle]
    others = [line for line in lines if not isinstance(line, IMPORTS)]
    used = set().union(*map(names_in, others))
    at_once = set().union(*map(_used_at_once, others))
    found = []
    for line in lines:
        if not isinstance(line, IMPORTS) or _of(line) in own.modules:
            found.append(line)
        elif used & (bound(line) | LOOKS_UP) or "*" in bound(line):
            found.append(line if at_once & (bound(line) | LOOKS_UP) else _later(line) or line)
    return found


def unneeded(lines: Sequence[ast.stmt], own: Beside = NOTHING) -> str:
    """The text of the imports that go, for who makes something of what was left out after all."""
    used = set().union(*(names_in(line) for line in lines if not isinstance(line, IMPORTS)))
    imports = [line for line in lines if isinstance(line, IMPORTS) and _of(line) not in own.modules]
    found = [line for line in imports if not used & (bound(line) | LOOKS_UP)]
    return "\n".join(ast.unparse(line) for line in found[:MOST_KEPT])


def names_in(part: ast.AST) -> set[str]:
    """The names that are read or written anywhere in it."""
    return {inner.id for inner in ast.walk(part) if isinstance(inner, ast.Name)}


def _of(line: ast.Import | ast.ImportFrom) -> str:
    """The module or the package that one import is of, by the first part of its name."""
    name = line.module or "" if isinstance(line, ast.ImportFrom) else line.names[0].name
    return name.split(".")[0]


def _dear(line: ast.stmt) -> bool:
    """Whether it imports something dear."""
    if isinstance(line, ast.ImportFrom):
        return not line.level and (line.module or "").split(".")[0] in DEAR
    return isinstance(line, ast.Import) and line.names[0].name.split(".")[0] in DEAR


def _idle_constants(lines: Sequence[ast.stmt]) -> list[ast.stmt]:
    dear = set().union(*(bound(line) for line in lines if _dear(line)))
    if any(names_in(line) & LOOKS_UP for line in lines):
        return []
    candidates = [line for line in lines if constant(line) and names_in(line) & dear]
    read = set().union(*(names_in(line) for line in lines if line not in candidates and not isinstance(line, IMPORTS)))
    return [line for line in candidates if not bound(line) & read]


def _used_at_once(line: ast.stmt) -> set[str]:
    """The names that are looked up when the module is loaded, rather than when a function is called."""
    return set(_names_at_once(line))


def _names_at_once(part: ast.AST) -> Iterator[str]:
    if isinstance(part, ast.Name):
        yield part.id
    waits: Sequence[ast.AST] = ()
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        waits = part.body
    elif isinstance(part, ast.Lambda):
        waits = [part.body]
    for inner in ast.iter_child_nodes(part):
        if inner not in waits:
            yield from _names_at_once(inner)


def _later(line: ast.stmt) -> ast.stmt | None:
    """The same import, to be made later; None for one that is not dear, or of a kind that cannot wait."""
    alias = line.names[0] if isinstance(line, IMPORTS) else None
    if alias is None or not _dear(line) or alias.name == "*":
        return None
    if isinstance(line, ast.ImportFrom):
        return _made(alias.asname or alias.name, [line.module or "", alias.name])
    if alias.asname is None and "." in alias.name:
        return None  # import a.b binds a, and makes b an attribute of it
    return _made(alias.asname or alias.name, [alias.name])


def _made(name: str, arguments: Sequence[str]) -> ast.stmt:
    call = ast.Call(ast.Name("__Later__", ast.Load()), [ast.Constant(each) for each in arguments], [])
    return ast.Assign([ast.Name(name, ast.Store())], call)
