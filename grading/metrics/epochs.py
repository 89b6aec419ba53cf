"""Training again, epoch by epoch, in the sandbox: until its epochs or its time are used up, or until it is good enough."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grading.checks.compare import scalar
from grading.errors import NotMeasured, TimedOut
from grading.metrics.curves import curve
from grading.metrics.setting import Setting
from grading.records import Picture


@dataclass(frozen=True)
class Course:
    """How one training goes."""

    name: str  # of the model, for the progress bar
    epochs: int  # at most
    epoch: Callable[[float], Any]  # trains for one, within so many seconds; the mean loss, as the submission has it
    preview: Callable[[], float]  # how good the model is now, measured by the judge
    least: int = 1  # epochs
    enough: Callable[[float], bool] = lambda measured: False  # whether to stop here, once they are done


@dataclass(frozen=True)
class Epochs:
    """What a training told, and what was measured after each of its epochs."""

    told: tuple[float, ...]  # the mean loss over the epoch, as the submission's own loss has it
    measured: tuple[float, ...]  # by the judge


def allowed(setting: Setting, why: str) -> None:
    """Raises NotMeasured where training again was not asked for; why: what would need it, a clause."""
    if not setting.train:
        raise NotMeasured(f"{why}, and training again was not asked for (--no-train)")


def run(course: Course, setting: Setting, seconds: float) -> Epochs:
    """Trains. Raises NotMeasured where that takes longer than `seconds` here, Disagreement where the loss diverges."""
    begun, longest = time.monotonic(), 0.0
    told: list[float] = []
    measured: list[float] = []
    for epoch in range(1, course.epochs + 1):
        left, started = seconds - (time.monotonic() - begun), time.monotonic()
        try:
            if left < longest:
                raise TimedOut
            told.append(scalar(course.epoch(left), "the loss of an epoch"))
        except TimedOut:
            raise NotMeasured(
                f"training was at epoch {epoch} of {course.epochs} when its {setting.seconds:g} s were used up; staff can "
                "give the row more, or grade on a faster machine"
            ) from None
        measured.append(course.preview())
        longest = max(longest, time.monotonic() - started)
        setting.tell(f"{course.name}: epoch {epoch} of {course.epochs}, loss {measured[-1]:.4g}", epoch / course.epochs)
        if epoch >= course.least and course.enough(measured[-1]):
            break
    return Epochs(tuple(told), tuple(measured))


def drawn(epochs: Epochs, told: str, measured: str, unit: str) -> Picture:
    """The curves of both losses; told, measured: what they are called;  unit: of the axis."""
    steps = list(range(1, len(epochs.told) + 1))
    lines = {told: (steps, epochs.told), measured: (steps, epochs.measured)}
    return curve(lines, "epoch", unit, "Training in the sandbox, by the handout's recipe.")
