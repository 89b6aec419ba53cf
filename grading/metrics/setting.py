"""What a metric is given beside the student."""

from collections.abc import Callable
from dataclasses import dataclass

from grading.assets import Assets
from grading.credit import Ramp
from grading.rubric import Sampling


@dataclass(frozen=True)
class Setting:
    """How to sample, what decides the mark, and what to look with."""

    sampling: Sampling
    ramp: Ramp | None
    assets: Assets
    seconds: float  # the budget of the whole item
    quick: bool
    seed: str
    train: bool = True  # whether what was not handed in may be trained again
    tell: Callable[[str, float], None] = lambda what, share: None  # what is being done, and how much of it has been
