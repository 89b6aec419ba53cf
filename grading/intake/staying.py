"""Which statements of a notebook or a script stay when its definitions are lifted out, and which are left out."""

import ast
from collections.abc import Iterable, Iterator
from itertools import chain

# What a constant may call: none of these trains, draws, downloads or plots.
CALLED = {
    *("int", "float", "str", "bool", "len", "tuple", "list", "dict", "set", "frozenset", "range", "min", "max", "sum"),
    *("abs", "round", "sorted", "zip", "pow", "slice", "Path", "device", "is_available", "device_count", "manual_seed"),
    *("tensor", "zeros", "ones", "full", "eye", "array", "arange", "linspace", "logspace", "geomspace", "concatenate"),
    *("cat", "hstack", "tolist", "sqrt", "log", "exp", "cos", "sin", "tanh", "prod", "cumprod", "cumsum", "clip"),
    *("vars", "Namespace", "__arguments__", "__changed__", "__made__", "import_module", "__import__"),
    *("Compose", "ToTensor", "Normalize", "Lambda", "Resize", "namedtuple", "EasyDict", "edict", "SimpleNamespace"),
}
MOVES = {"to", "cuda", "cpu", "float", "double", "eval"}  # what may be asked of a criterion that has just been made
DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def kept(statement: ast.stmt) -> Iterator[ast.stmt]:
    """What stays of one statement at the top of a cell. Imports come one by one."""
    if isinstance(statement, IMPORTS):
        yield from _single_imports(statement)
    elif _stays(statement) or _grows(statement):
        yield statement
    elif _chooses(statement):
        thinned = _thinned(statement)
        if any(not isinstance(part, ast.Pass) for part in _inner(thinned)):
            yield thinned
    elif isinstance(statement, ast.If | ast.With) and not main(statement):
        inner = chain.from_iterable(map(kept, _inner(statement)))
        yield from (part for part in inner if not constant(part))


def leaves_out(statement: ast.stmt) -> bool:
    """Whether anything that would do something is lost of it."""
    if _stays(statement) or _says_nothing(statement):
        return False
    return any(map(leaves_out, _inner(statement))) if _chooses(statement) else True


def bound(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning to."""
    if isinstance(statement, DEFINED):
        return {statement.name}
    if isinstance(statement, IMPORTS):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if inner := list(_inner(statement)):
        return set().union(*map(bound, inner))
    return {part.id for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def defined(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The functions and classes that a kept statement defines, in a branch of it too."""
    if isinstance(statement, DEFINED):
        yield statement
    else:
        yield from chain.from_iterable(map(defined, _inner(statement)))


def main(statement: ast.stmt) -> bool:
    """Whether this is what a script does when it is run by itself."""
    return isinstance(statement, ast.If) and "__name__" in {
        part.id for part in ast.walk(statement.test) if isinstance(part, ast.Name)
    }


def constant(statement: ast.stmt) -> bool:
    """Whether this gives names plain values, such as `latent_dim = 15` or `device = torch.device("cpu")`."""
    if isinstance(statement, ast.Assign):
        return all(map(_name, statement.targets)) and plain(statement.value)
    return (
        isinstance(statement, ast.AnnAssign)
        and _name(statement.target)
        and statement.value is not None
        and plain(statement.value)
    )


def _grows(statement: ast.stmt) -> bool:
    """Whether it goes on with a plain value: `kl.append(1e-4)`, `kl += [1.0] * 5`, `kld.lambd = 0.0`, `real.fill_(1)`, or a
    loop of such.

    It stays, but counts as left out as well: what such a name stands for is not written down for the calls behind it.
    """
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(), "append" | "extend"), [value], [])):
            return plain(value)
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(), method), values, [])) if _in_place(method):
            return all(map(plain, values))
        case ast.AugAssign(ast.Name(), ast.Add(), value):
            return _list(value) and plain(value)
        case ast.Assign([ast.Attribute(ast.Name()) | ast.Subscript(ast.Name())], value):
            return plain(value) and plain(statement.targets[0])
        case ast.For(target, items, body, []):
            return _name(target) and plain(items) and all(map(_builds, body)) and not all(map(constant, body))
    return False


def _in_place(method: str) -> bool:
    """Whether it is one of torch's methods that change a tensor: `fill_`, `zero_`, `mul_`."""
    return method.endswith("_") and not method.startswith("_") and method != "requires_grad_"


def _builds(part: ast.stmt) -> bool:
    """Whether it may stand in a loop that makes a list and does nothing else."""
    if isinstance(part, ast.If):
        return plain(part.test) and all(map(_builds, (*part.body, *part.orelse)))
    return constant(part) or _grows(part) or isinstance(part, ast.Pass)


def _list(value: ast.expr) -> bool:
    match value:
        case ast.BinOp(left, _, right):
            return _list(left) or _list(right)
        case ast.Call(ast.Name("list") | ast.Attribute(attr="tolist")):
            return True
    return isinstance(value, ast.List | ast.ListComp)


def plain(value: ast.expr) -> bool:
    """Whether an expression calls nothing but what a constant may."""
    calls = [part for part in ast.walk(value) if isinstance(part, ast.Call)]
    refused = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return all(map(_may_call, calls)) and not any(isinstance(part, refused) for part in ast.walk(value))


def _may_call(call: ast.Call) -> bool:
    return last_name(call.func) in CALLED or _criterion(call)


def last_name(called: ast.expr) -> str:
    """`torch.device` and `device` are called the same."""
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _criterion(call: ast.expr) -> bool:
    """Whether it makes a criterion: `nn.MSELoss()`, `SSIM(window_size=11).to(device)`, or what a student calls so."""
    if not isinstance(call, ast.Call):
        return False
    name = last_name(call.func)
    if isinstance(call.func, ast.Attribute) and name in MOVES:
        return _criterion(call.func.value)
    named = "SSIM" in name or name.endswith(("Loss", "Criterion")) or name == "StructuralSimilarityIndexMeasure"
    return named and name.lstrip("_")[:1].isupper()


def _name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple | ast.List) and all(map(_name, target.elts)))


def _stays(statement: ast.stmt) -> bool:
    return isinstance(statement, (*DEFINED, *IMPORTS)) or constant(statement)


def _says_nothing(statement: ast.stmt) -> bool:
    """`pass`, and texts between cells."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _chooses(statement: ast.stmt) -> bool:
    """Whether it chooses between definitions by something that can be told without running more."""
    if isinstance(statement, ast.If):
        return plain(statement.test) and not main(statement)
    return isinstance(statement, ast.Try)


def _thinned(statement: ast.stmt) -> ast.stmt:
    """The same choice between what stays of its branches."""
    if isinstance(statement, ast.If):
        return ast.copy_location(ast.If(statement.test, _some(statement.body), _rest(statement.orelse)), statement)
    assert isinstance(statement, ast.Try)
    handlers = [
        ast.copy_location(ast.ExceptHandler(each.type, each.name, _some(each.body)), each)
        for each in statement.handlers
    ]
    final = _rest(statement.finalbody) if statement.handlers else _some(statement.finalbody)
    orelse = _rest(statement.orelse)
    return ast.copy_location(ast.Try(_some(statement.body), handlers, orelse, final), statement)


def _rest(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return list(chain.from_iterable(map(kept, body)))


def _some(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return _rest(body) or [ast.Pass()]


def _single_imports(statement: ast.Import | ast.ImportFrom) -> Iterator[ast.stmt]:
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield ast.copy_location(ast.Import([alias]), statement)
        else:
            yield ast.copy_location(ast.ImportFrom(statement.module, [alias], statement.level), statement)


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements of its branches."""
    if not isinstance(statement, ast.If | ast.Try | ast.With):
        return
    for part in ast.iter_child_nodes(statement):
        if isinstance(part, ast.stmt):
            yield part
        elif isinstance(part, ast.ExceptHandler):
            yield from part.body
