"""What newer Pythons, machines with a compiler or notebooks have and this place may not; lies beside worker.py."""

import itertools
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import typing_extensions


def batched(iterable: Iterable[Any], n: int, *, strict: bool = False) -> Iterator[tuple[Any, ...]]:
    """itertools.batched of Python 3.12 and newer. Raises ValueError where `strict` and the last batch is smaller."""
    left = iter(iterable)
    while batch := tuple(itertools.islice(left, n)):
        if strict and len(batch) != n:
            raise ValueError("batched(): incomplete batch")
        yield batch


def newer_library() -> None:
    """Puts the names of newer Pythons where code for them looks."""
    for module, name, value in (
        (itertools, "batched", batched),
        (typing, "override", typing_extensions.override),
        (warnings, "deprecated", typing_extensions.deprecated),
    ):
        if not hasattr(module, name):
            setattr(module, name, value)


def uncompiled(model: Any = None, *args: Any, **kwargs: Any) -> Any:
    """In the place of torch.compile: a model or a function as it is, or a decorator that leaves it so."""
    keep: Callable[[Any], Any] = lambda each: each  # noqa: E731
    return keep if model is None else model


def bars_without_notebook() -> None:
    """Progress bars for notebooks as those for terminals: the others need what only a notebook has."""
    import tqdm
    import tqdm.notebook

    for name in ("tqdm", "tqdm_notebook"):
        setattr(tqdm.notebook, name, tqdm.tqdm)
    for name in ("trange", "tnrange"):
        setattr(tqdm.notebook, name, tqdm.trange)
