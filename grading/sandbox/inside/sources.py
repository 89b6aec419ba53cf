"""Whether batches are the images of a known data set as they are, by the text of a script. Holds no answer."""

import ast
from collections.abc import Iterator
from types import ModuleType

from .names import called, read, stored
from .setups import rest

SETS = {"MNIST", "FashionMNIST"}
PLAIN = SETS | {  # what loads, chooses or puts into tensors, and alters no image
    *("DataLoader", "ToTensor", "Compose", "Subset", "random_split", "RandomSampler", "range", "len", "list", "arange"),
    *("randperm", "int", "min", "Generator", "manual_seed", "expanduser", "join", "cpu_count", "Path", "device"),
}


def plain(module: ModuleType, names: set[str]) -> bool:
    """Whether each of these names is a loader of a known data set that nothing on the way alters.

    False where nobody can tell: data sets, transforms and collations of one's own may do anything.
    """
    chains = [list(_behind(module, name, set())) for name in names]
    known = all(any(called(each) & SETS for each in chain) for chain in chains)
    return bool(chains) and known and not any(_alters(module, each) for chain in chains for each in chain)


def _behind(module: ModuleType, name: str, seen: set[str]) -> Iterator[ast.stmt]:
    """The assignments of the left-out code that a name rests on."""
    seen.add(name)
    for node in ast.walk(rest(module)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in stored(node):
            yield node
            for other in sorted(read(node) - seen):
                yield from _behind(module, other, seen)


def _alters(module: ModuleType, statement: ast.stmt) -> bool:
    """Whether an assignment does more than what is known to be plain, or names something of the student's own."""
    keywords = {each.arg for node in ast.walk(statement) if isinstance(node, ast.Call) for each in node.keywords}
    lambdas = any(isinstance(node, ast.Lambda) for node in ast.walk(statement))
    own = any(_is_own(module, name) for name in read(statement) | called(statement))
    return bool(called(statement) - PLAIN) or "collate_fn" in keywords or lambdas or own


def _is_own(module: ModuleType, name: str) -> bool:
    """Whether a name is a function or a class that does not come from a library known here."""
    value = vars(module).get(name)
    if callable(value):
        return not str(getattr(value, "__module__", "")).startswith(("torch", "builtins"))
    tree = ast.parse(module.__dict__.get("__imports__", ""))
    sources = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    from_where = [
        each.module or "." for each in sources if name in {a.asname or a.name for a in each.names} or each.level
    ]
    return any(not where.startswith(("torch", "pathlib", "os")) for where in from_where)
