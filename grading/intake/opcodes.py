"""What a pickle says, followed instruction by instruction without doing any of it.

Only the instructions and names that torch.save(model.state_dict(), …) uses are known here. Anything else is refused,
so that a trick need not be foreseen to be stopped. What comes out is what the pickle claims: which tensors it would
build, of what shape, on which stored numbers.
"""

import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from grading.intake import limits

ITEM_BYTES = {
    "torch DoubleStorage": 8, "torch FloatStorage": 4, "torch HalfStorage": 2, "torch BFloat16Storage": 2,
    "torch LongStorage": 8, "torch IntStorage": 4, "torch ShortStorage": 2, "torch CharStorage": 1,
    "torch ByteStorage": 1, "torch BoolStorage": 1,
}  # fmt: skip
TENSOR_BUILDERS = frozenset({"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"})
PARAMETER_BUILDER = "torch._utils _rebuild_parameter"
CONTAINERS = frozenset({"collections OrderedDict", "collections Counter", "torch Size"})
ALLOWED_NAMES = TENSOR_BUILDERS | CONTAINERS | {PARAMETER_BUILDER} | set(ITEM_BYTES)

Instruction = tuple[str, Any]


class Malformed(Exception):
    """The instructions do not fit together."""


@dataclass(frozen=True)
class Name:
    """Something the pickle would import."""

    path: str  # "collections OrderedDict"


@dataclass(frozen=True)
class Storage:
    """Numbers that the pickle says are stored in the file."""

    kind: str
    key: str
    location: str  # "cpu", "cuda:0"
    numbers: int

    @property
    def bytes(self) -> int:
        """How many bytes they take."""
        return self.numbers * ITEM_BYTES[self.kind]


@dataclass(frozen=True)
class TensorClaim:
    """A tensor the pickle would build."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Thing:
    """A value whose content is of no interest here."""

    kind: str


@dataclass(frozen=True)
class Machine:
    """A pickle machine that builds descriptions only."""

    tensors: list[TensorClaim] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop_mark(self) -> list[Any]:
        """Takes everything since the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def instructions(stream: IO[bytes]) -> list[Instruction]:
    """The instructions of one pickle, up to its STOP. Raises Malformed where they cannot be told apart."""
    found: list[Instruction] = []
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            found.append((opcode.name, argument))
            if len(found) > limits.INSTRUCTIONS:
                raise Malformed("it is too long")
    except (ValueError, IndexError, OverflowError) as error:
        raise Malformed(str(error)) from None
    return found


def follow(program: Sequence[Instruction]) -> Machine:
    """Follows instructions that `refused` finds nothing in. Raises Malformed where they lead nowhere."""
    machine = Machine()
    try:
        for name, argument in program:
            STEPS[name](machine, argument)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{type(error).__name__}: {error}") from None
    return machine


def names_in_pickle(program: Sequence[Instruction]) -> list[str]:
    """Every "module name" it would import, in order, each once."""
    return list(dict.fromkeys(str(argument) for name, argument in program if name in ("GLOBAL", "INST")))


def unknown_instructions(program: Sequence[Instruction]) -> list[str]:
    """The instructions that are not followed here, each once."""
    return list(dict.fromkeys(name for name, _ in program if name not in STEPS))


def _push(machine: Machine, value: Any) -> None:
    machine.stack.append(value)


def _constant(value: Any) -> Callable[[Machine, Any], None]:
    return lambda machine, _: machine.stack.append(value)


def _name(machine: Machine, path: str) -> None:
    if path not in ALLOWED_NAMES:
        raise Malformed(f"it names {path}")
    machine.stack.append(Name(path))


def _tuple_of(count: int) -> Callable[[Machine, Any], None]:
    def step(machine: Machine, _: Any) -> None:
        items = [machine.stack.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return step


def _discard(count: int) -> Callable[[Machine, Any], None]:
    def step(machine: Machine, _: Any) -> None:
        for _ in range(count):
            machine.stack.pop()
        _need(isinstance(machine.stack[-1], Thing), "it fills something that is not a container")

    return step


def _discard_to_mark(machine: Machine, _: Any) -> None:
    machine.pop_mark()
    _need(isinstance(machine.stack[-1], Thing), "it fills something that is not a container")


def _state(machine: Machine, _: Any) -> None:
    machine.stack.pop()
    _need(machine.stack[-1] == Thing("collections OrderedDict"), "it changes something that is not an OrderedDict")


def _remember(machine: Machine, index: int) -> None:
    machine.memo[index] = machine.stack[-1]


def _recall(machine: Machine, index: int) -> None:
    machine.stack.append(machine.memo[index])


def _call(machine: Machine, _: Any) -> None:
    arguments, called = machine.stack.pop(), machine.stack.pop()
    _need(isinstance(called, Name) and isinstance(arguments, tuple), "it calls something that is not a function")
    if called.path in TENSOR_BUILDERS:
        machine.stack.append(_tensor(machine, *arguments[:4]))
    elif called.path == PARAMETER_BUILDER:
        _need(isinstance(arguments[0], TensorClaim), "it makes a parameter of something that is not a tensor")
        machine.stack.append(arguments[0])
    else:
        _need(called.path in CONTAINERS, f"it calls {called.path}")
        machine.stack.append(Thing(called.path))


def _tensor(machine: Machine, storage: Any, offset: Any, size: Any, stride: Any) -> TensorClaim:
    _need(isinstance(storage, Storage), "it makes a tensor of something that is not stored")
    for numbers in ((offset,), size, stride):
        _need(isinstance(numbers, tuple) and all(type(n) is int and n >= 0 for n in numbers), "a tensor has no size")
    _need(len(size) == len(stride) <= 64, "a tensor has no size")
    claim = TensorClaim(storage, offset, size, stride)
    machine.tensors.append(claim)
    return claim


def _stored(machine: Machine, _: Any) -> None:
    word, kind, key, location, numbers, *view = machine.stack.pop()
    _need(word == "storage" and isinstance(kind, Name) and kind.path in ITEM_BYTES, "it refers to something not stored")
    _need(type(key) is str and type(location) is str, "it refers to something not stored")
    _need(type(numbers) is int and numbers >= 0 and view in ([], [None]), "it refers to something not stored")
    storage = Storage(kind.path, key, location, numbers)
    machine.storages.append(storage)
    machine.stack.append(storage)


def _protocol(machine: Machine, version: int) -> None:
    _need(version == 2, f"it is of protocol {version}")


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Malformed(otherwise)


STEPS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": _protocol,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "BININT": _push,
    "BININT1": _push,
    "BININT2": _push,
    "LONG1": _push,
    "BINFLOAT": _push,
    "BINUNICODE": _push,
    "EMPTY_DICT": _constant(Thing("dict")),
    "EMPTY_LIST": _constant(Thing("list")),
    "EMPTY_TUPLE": _constant(()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _discard(1),
    "APPENDS": _discard_to_mark,
    "SETITEM": _discard(2),
    "SETITEMS": _discard_to_mark,
    "BUILD": _state,
    "GLOBAL": _name,
    "REDUCE": _call,
    "BINPERSID": _stored,
    "BINPUT": _remember,
    "LONG_BINPUT": _remember,
    "BINGET": _recall,
    "LONG_BINGET": _recall,
}
