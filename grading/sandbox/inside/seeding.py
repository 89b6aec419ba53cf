"""Random numbers that can be drawn again: seeds from the judge, and none from the clock or the operating system."""

import random
import sys
from typing import Any

import torch


def seed_everything(seed: int) -> None:
    """Seeds every source of random numbers that student code is likely to use."""
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def without_entropy() -> None:
    """Makes calls that ask for a seed from nowhere get one that follows from the judge's."""
    import numpy

    torch.seed = torch.random.seed = seeded_anew
    random.seed = with_seed(random.seed)
    numpy.random.seed = with_seed(numpy.random.seed)
    numpy.random.default_rng = with_seed(numpy.random.default_rng)


def drawn() -> int:
    """A seed that follows from the one before."""
    return int(torch.randint(2**31, ()))


def seeded_anew() -> int:
    """In place of torch.seed()."""
    torch.manual_seed(drawn())
    return torch.initial_seed()


def with_seed(function: Any) -> Any:
    """The same function, given a seed where it is called with none."""

    def call(*args: Any, **kwargs: Any) -> Any:
        unseeded = all(value is None for value in (*args, *kwargs.values()))
        return function(drawn()) if unseeded else function(*args, **kwargs)

    return call
