"""Whether what a model makes depends on its weights: the same question, asked with other weights in the file.

The file is changed by our own code, in a box of its own; the submission cannot tell such a file from another student's. What
is seen takes no mark: where images do not follow the weights, a human looks (docs/right.md#gates).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.errors import AnswerError
from grading.metrics.setting import Setting
from grading.records import Measurement
from grading.subjects import Submission

EACH = 2  # images of each class
ANEW, NEARLY = "anew", "nearly"
NOT_ANSWERED = 1e3  # in the place of a distance
LARGEST = 1 << 27  # bytes of a file that are handed over
TITLES = {
    "without_weights": "images named as asked with the weights drawn anew",
    "moved": "how far images move, of their contrast, with nearly the same weights and no other files of weights",
}


def dependence(student: Submission, setting: Setting) -> list[Measurement]:
    """What becomes of a few images where the file holds other weights, and other files of weights are missing.

    Nothing where the rubric names no file. A question that is not answered with changed weights counts as one whose answer
    did not follow them: honest code takes whatever numbers a file of its shape holds.
    """
    file = setting.sampling.file
    if not file or student.file(file).stat().st_size > LARGEST:
        return []
    labels = torch.arange(len(setting.assets.facts["classes"])).repeat_interleave(EACH)
    changed = {how: _changed(student, file, how) for how in (ANEW, NEARLY)}
    own = _images(student, setting, labels)
    anew, nearly = (_without(student, setting, labels, {file: changed[how]}) for how in (ANEW, NEARLY))
    named = 1.0 if anew is None else _named(anew, labels, setting)
    return [_told("without_weights", named, len(labels), "%"), _told("moved", _moved(own, nearly), len(labels))]


def _told(name: str, value: float, n: int, unit: str = "") -> Measurement:
    return Measurement(name, TITLES[name], value, value, value, n, unit)


def _changed(student: Submission, file: str, how: str) -> bytes:
    """The file with other weights, made in a process that has imported nothing of the submission."""
    names = [name for name, _, _ in student.weights(file).tensors]
    answer = student.anew("changed!", {"name": file, "how": how, "names": names}, f"{file} {how}")
    content: bytes = answer.numpy().tobytes()
    return content


def _without(student: Submission, setting: Setting, labels: Tensor, files: Mapping[str, bytes | None]) -> Tensor | None:
    """The images with these files in the place of theirs, and no others of weights; None where that is not answered."""
    others = dict.fromkeys(student.weights_there())
    with student.with_other_files({**others, **files}):
        try:
            return _images(student, setting, labels)
        except (AnswerError, Disagreement):
            return None


def _images(student: Submission, setting: Setting, labels: Tensor) -> Tensor:
    question: dict[str, Any] = {"labels": labels}
    answer = student.anew(setting.sampling.probe, question, "depends", setting.seconds)
    images = tensor(answer, "what generate_sample returns", (len(labels), *setting.assets.images.shape[1:]))
    return NORMALISATIONS[setting.sampling.normalise](images.float())


def _named(images: Tensor, labels: Tensor, setting: Setting) -> float:
    return (in_batches(setting.assets.classifier, images).argmax(1) == labels).double().mean().item()


def _moved(own: Tensor, other: Tensor | None) -> float:
    """The root mean square difference, relative to the deviation among the pixels of all images."""
    if other is None:
        return NOT_ANSWERED
    return ((own - other).square().mean().sqrt() / own.std().clamp_min(1e-6)).item()
