"""Whether what a model makes depends on its weights: the same question, asked with other weights in the file.

The file is changed by our own code, in a process that has imported nothing of the submission. What is seen takes no mark:
where images do not follow the weights, a human looks (docs/right.md#gates).
"""

import time
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.errors import AnswerError
from grading.metrics.setting import Setting
from grading.metrics.within import within
from grading.records import Measurement
from grading.subjects import Submission

ANEW, NEARLY, SOME = "anew", "nearly", "some"
USUAL = {"without_weights": 0.0, "moved": 1e-3, "elsewhere": 0.0}  # said where there is no time to ask
TOO_SLOW = "not asked: a few images take too long here"
NOT_ANSWERED = 1e3  # in the place of a distance
PART, MANY = 4, 24  # of an item's seconds, the part that this may take; and one image of each class, to be asked for
TITLES = {
    "without_weights": "images named as asked with the weights drawn anew",
    "elsewhere": "how far images move, of their contrast, with the weights drawn anew that are no part of the model",
    "moved": "how far images move, of their contrast, with nearly the same weights and no other files of weights",
}


def dependence(student: Submission, setting: Setting) -> list[Measurement]:
    """What becomes of a few images where the file holds other weights, and other files of weights are missing.

    Nothing where the rubric names no file. With weights drawn anew honest code may overflow or raise: that follows them too.
    With nearly the same weights, or others where they are no part of the model, it answers.
    """
    if not setting.sampling.file:
        return []
    unused, proofs = within(student, setting)
    asking = _Asking(student, setting)
    elsewhere = asking.distance(SOME, unused) if unused else 0.0
    named, nearly = asking.named(ANEW), asking.distance(NEARLY)
    found = {"elsewhere": elsewhere, "without_weights": named, "moved": nearly}
    n = len(asking.labels)
    return [
        _told(name, USUAL[name] if value is None else value, n, value is None) for name, value in found.items()
    ] + proofs


class _Asking:
    """A few images as the code makes them, which others are held against; and the time that this may take."""

    def __init__(self, student: Submission, setting: Setting) -> None:
        self._student, self._setting, self._begun = student, setting, time.monotonic()
        self.labels = torch.arange(len(setting.assets.facts["classes"]))[::3]
        self._own = self._images()
        self._took = time.monotonic() - self._begun
        every = torch.arange(len(setting.assets.facts["classes"]))
        if self._took * len(every) / len(self.labels) < setting.seconds / MANY:
            self.labels = every
            self._own = self._images()

    def named(self, how: str) -> float | None:
        """The share of images that the judge classifier names as asked; None where there is no time for them."""
        if self._slow():
            return None
        images = self._with(how)
        if images is None:
            return 0.0
        return (in_batches(self._setting.assets.classifier, images).argmax(1) == self.labels).double().mean().item()

    def distance(self, how: str, names: Sequence[str] | None = None) -> float | None:
        """Root mean square, relative to the deviation among the pixels of all images; None where there is no time."""
        if self._slow():
            return None
        images = self._with(how, names)
        if images is None:
            return NOT_ANSWERED
        return ((self._own - images).square().mean().sqrt() / self._own.std().clamp_min(1e-6)).item()

    def _slow(self) -> bool:
        return time.monotonic() - self._begun + self._took > self._setting.seconds / PART

    def _with(self, how: str, names: Sequence[str] | None = None) -> Tensor | None:
        """The images with other weights in the file; None where that is not answered."""
        files = other_files(self._student, self._setting.sampling.file, how, names)
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
    return Measurement(name, TITLES[name], value, value, value, n, unit, note)


def other_files(
    student: Submission, file: str, how: str, names: Collection[str] | None = None
) -> Mapping[str, bytes | None]:
    """The file with other weights ("anew", "nearly", "some" of them anew), in a submission without other files of weights.

    names: of the tensors that are changed; without, all of the model's
    """
    others: dict[str, bytes | None] = dict.fromkeys(student.weights_there())
    known = [name for name, _, _ in student.weights(file).tensors] if names is None else list(names)
    return {**others, file: _changed(student, file, how, known)}


def _changed(student: Submission, file: str, how: str, names: Sequence[str]) -> bytes:
    """The file with other weights, made in a process that has imported nothing of the submission."""
    answer = student.anew("changed!", {"name": file, "how": how, "names": list(names)}, f"{file} {how}")
    content: bytes = answer["bytes"].numpy().tobytes()
    return content[: answer["size"]]
