"""Whether what a model makes depends on its weights: the same question, asked with other weights in the file.

The file is changed by our own code, in a process that has imported nothing of the submission. What is seen takes no mark:
where images do not follow the weights, a human looks (docs/right.md#gates).
"""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.errors import AnswerError
from grading.metrics.intervals import point
from grading.metrics.other_weights import ANEW, NEARLY, NOT_ANSWERED, other_files
from grading.metrics.setting import Setting
from grading.metrics.within import within
from grading.records import Measurement
from grading.subjects import Submission

USUAL = {"without_weights": 0.0, "moved": 1e-3}  # said where there is no time to ask
TOO_SLOW = "not asked: a few images take too long here"
PART, MANY = 4, 100  # of an item's seconds, the part that this may take; and one image of each class, to be asked for
TITLES = {
    "without_weights": "images named as asked with the weights drawn anew",
    "moved": "how far images move, of their contrast, with nearly the same weights, and others where no part of the model",
}


def dependence(student: Submission, setting: Setting) -> list[Measurement]:
    """What becomes of a few images where the file holds other weights, and other files of weights are missing.

    Nothing where the rubric names no file. With weights drawn anew honest code may overflow or raise: that follows them too.
    With nearly the same weights, and others where they are no part of the model, it answers.
    """
    if not setting.sampling.file:
        return []
    part = within(student, setting)
    asking = _Asking(student, setting)
    found = {"moved": asking.distance(part.unused), "without_weights": asking.named(part.tables)}
    n = len(asking.labels)
    return [_told(name, USUAL[name] if value is None else value, n, value is None) for name, value in found.items()] + [
        *part.proofs
    ]


class _Asking:
    """A few images as the code makes them, which others are held against; and the time that this may take."""

    def __init__(self, student: Submission, setting: Setting) -> None:
        self._student, self._setting, self._begun = student, setting, time.monotonic()
        every = torch.arange(len(setting.assets.facts["classes"]))
        self.labels = every[::3]
        self._own = self._images()
        self._took = time.monotonic() - self._begun
        if self._took * len(every) / len(self.labels) < setting.seconds / MANY:
            self.labels = every
            self._own = self._images()

    def named(self, tables: Sequence[str]) -> float | None:
        """The share that the judge classifier names as asked with the weights drawn anew; None where there is no time.

        tables: weights that stay, in which something of each class may be kept
        """
        if self._slow():
            return None
        images = self._with(ANEW, but=tables)
        if images is None:
            return 0.0
        return (in_batches(self._setting.assets.classifier, images).argmax(1) == self.labels).double().mean().item()

    def distance(self, unused: Sequence[str]) -> float | None:
        """How far they move with nearly the same weights, the unused ones drawn anew; None where there is no time.

        Root mean square, relative to the deviation among the pixels of all images.
        """
        if self._slow():
            return None
        images = self._with(NEARLY, unused)
        if images is None:
            return NOT_ANSWERED
        return ((self._own - images).square().mean().sqrt() / self._own.std().clamp_min(1e-6)).item()

    def _slow(self) -> bool:
        return time.monotonic() - self._begun + self._took > self._setting.seconds / PART

    def _with(self, how: str, anew: Sequence[str] = (), but: Sequence[str] = ()) -> Tensor | None:
        """The images with other weights in the file; None where that is not answered."""
        files = other_files(self._student, self._setting.sampling.file, how, anew, but)
        with self._student.with_other_files(files):
            try:
                return self._images()
            except (AnswerError, Disagreement):
                return None

    def _images(self) -> Tensor:
        setting, count = self._setting, len(self.labels)
        answer = self._student.anew(setting.sampling.probe, {"labels": self.labels}, "depends", setting.seconds)
        images = tensor(answer, "what generate_sample returns", (count, *setting.assets.images.shape[1:]))
        return NORMALISATIONS[setting.sampling.normalise](images.float())


def _told(name: str, value: float, n: int, slow: bool) -> Measurement:
    unit, note = "%" if name == "without_weights" else "", TOO_SLOW if slow else ""
    return point(name, TITLES[name], value, n, unit, note)
