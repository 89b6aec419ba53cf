"""Answers as a process may give them that wants to do harm: anything that the wire lets through, in the place of an answer or of
any part of it."""

from collections.abc import Iterator
from typing import Any

import torch
from hypothesis import strategies as st

from grading.errors import BadAnswer
from grading.sandbox.wire import Caps, frame, parse

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int8),
    torch.uint8,
    torch.bool,
)
SIZES = st.sampled_from((0, 1, 2, 3, 5, 10, 16, 64))
FILLS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, -1e30, float("nan"), float("inf"), float("-inf"))
NUMBERS = (0, 1, -1, 2, 10, 2**31, 2**63 - 1, -(2**63), 10**30, 10**400, True, False, 0.0, -0.5, 1e308, *FILLS)
TEXTS = ("", "x", "right", "\x00", "\u202e", "é" * 2000, "../../x", "1e5", "tensor")


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Of any shape and type: constant, normal, or with one odd value."""
    shape, dtype = (
        draw(st.lists(SIZES, max_size=5).filter(lambda each: len(each) < 4 or max(each) < 16)),
        draw(st.sampled_from(DTYPES)),
    )
    kind = draw(st.sampled_from(("fill", "normal", "odd")))
    if kind == "fill":
        return torch.full(shape, draw(st.sampled_from(FILLS)), dtype=torch.float64).to(dtype)
    made = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))), dtype=torch.float64)
    if kind == "odd" and made.numel():
        made.view(-1)[0] = draw(st.sampled_from(FILLS))
    return made.to(dtype)


def values() -> st.SearchStrategy[Any]:
    """Whatever the wire carries."""
    leaves = st.one_of(st.none(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), tensors())
    keys = st.sampled_from(("x", "loss", "first", "values", "", "names", "0"))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=6,
    )


@st.composite
def like(draw: st.DrawFn, value: torch.Tensor) -> Any:
    """A tensor that is almost the one that was there."""
    kind = draw(
        st.sampled_from(
            ("dtype", "flat", "longer", "shorter", "empty", "scalar", "row", "turned", "odd", "scaled", "list", "many")
        )
    )
    flat = value.flatten()
    made: dict[str, Any] = {
        "dtype": lambda: value.to(draw(st.sampled_from(DTYPES))),
        "flat": lambda: flat,
        "longer": lambda: torch.cat([value, value]) if value.ndim else value.expand(2),
        "shorter": lambda: value[:-1] if value.ndim else value,
        "empty": lambda: flat[:0],
        "scalar": lambda: flat[0] if len(flat) else torch.tensor(0.0),
        "row": lambda: value.unsqueeze(0),
        "turned": lambda: value.movedim(0, -1) if value.ndim else value,
        "odd": lambda: torch.where(torch.arange(len(flat)) == 0, draw(st.sampled_from(FILLS)), flat.double()).reshape(
            value.shape
        ),
        "scaled": lambda: value.double() * draw(st.sampled_from((0.0, -1.0, 2.0, 1e30))),
        "list": lambda: value.tolist() if len(flat) < 1000 else [],
        "many": lambda: value.expand(1, 1, 1, 1, *value.shape)[..., None] if value.ndim < 4 else value,
    }
    return made[kind]()


@st.composite
def altered(draw: st.DrawFn, answer: Any) -> Any:
    """An answer with one part of it altered: replaced by anything, left out, or almost right."""
    paths = list(_paths(answer))
    path = draw(st.sampled_from(paths[:64]))
    part = _at(answer, path)
    how = draw(st.sampled_from(("any", "like", "left out", "any")))
    if how == "like" and isinstance(part, torch.Tensor):
        new = draw(like(part))
    elif how == "left out" and path:
        return _without(answer, path)
    else:
        new = draw(values())
    return _with(answer, path, new)


def over_the_wire(value: Any) -> Any:
    """The value as the judge gets it. Raises BadAnswer where the wire refuses it."""
    try:
        blob = frame({"ok": value})
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise BadAnswer(str(error)) from None
    return parse(blob[8:], Caps())["ok"]


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, each in list(inner)[:12]:
        yield from _paths(each, (*before, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = list(value) if isinstance(value, list | tuple) else dict(value)
    changed[path[0]] = _with(value[path[0]], path[1:], new)
    return changed


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    changed = list(value) if isinstance(value, list | tuple) else dict(value)
    if len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = _without(value[path[0]], path[1:])
    return changed
