"""Whether what a model makes depends on its weights: the same question, asked with other weights in the file.

The file is changed by our own code, in a process that has imported nothing of the submission. What is seen takes no mark:
where images do not follow the weights, a human looks (docs/right.md#gates).
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
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

ANEW, NEARLY = "anew", "nearly"
NEARLY_ALIKE, TOO_SLOW = 1e-3, "not asked: a few images take too long here"
NOT_ANSWERED = 1e3  # in the place of a distance
SHARE = 16  # of an item's seconds, the part that images may take which are asked for once; else fewer are
TITLES = {
    "loss_without_weights": "the loss of a few images with the weights drawn anew",
    "loss_moved": "how far that loss moves, of itself, with nearly the same weights and no other files of weights",
    "without_weights": "images named as asked with the weights drawn anew",
    "moved": "how far images move, of their contrast, with nearly the same weights and no other files of weights",
}


def dependence(student: Submission, setting: Setting) -> list[Measurement]:
    """What becomes of a few images where the file holds other weights, and other files of weights are missing.

    Nothing where the rubric names no file. With weights drawn anew honest code may overflow or raise: that follows them too.
    With nearly the same weights it answers.
    """
    file = setting.sampling.file
    if not file:
        return []
    every = torch.arange(len(setting.assets.facts["classes"]))
    labels, begun = every[::3], time.monotonic()
    own = _images(student, setting, labels)
    share = SHARE * (time.monotonic() - begun) / max(setting.seconds, 1e-9)
    if share >= 1:
        return [_told("without_weights", 0.0, 0, "%", TOO_SLOW), _told("moved", NEARLY_ALIKE, 0, "", TOO_SLOW)]
    if share * len(every) < len(labels):
        labels, own = every, _images(student, setting, every)
    changed = other_files(student, file)
    anew, nearly = (_without(student, setting, labels, changed[how]) for how in (ANEW, NEARLY))
    named = 0.0 if anew is None else _named(anew, labels, setting)
    return [_told("without_weights", named, len(labels), "%"), _told("moved", _moved(own, nearly), len(labels))]


def loss_dependence(
    student: Submission, file: str, own: float, loss: Callable[[], float], unit: str
) -> list[Measurement]:
    """The same for a loss that the handed-in weights earn: bad with the weights drawn anew, alike with nearly the same.

    own: the loss of a few images as it is;  loss: measures it on the same images, by whatever box is open
    """
    found = dict.fromkeys((ANEW, NEARLY), NOT_ANSWERED)
    for how, files in other_files(student, file).items():
        with student.with_other_files(files), suppress(AnswerError, Disagreement):
            found[how] = loss()
    return [
        _told("loss_without_weights", min(found[ANEW], NOT_ANSWERED), unit=unit),
        _told("loss_moved", min(abs(found[NEARLY] - own) / max(abs(own), 1e-6), NOT_ANSWERED)),
    ]


def alike() -> list[Measurement]:
    """What is said of weights that were trained here: they are the model's, whatever else the code holds."""
    return [_told("loss_without_weights", NOT_ANSWERED, unit="nats"), _told("loss_moved", 0.0)]


def _told(name: str, value: float, n: int = 1, unit: str = "", note: str = "") -> Measurement:
    return Measurement(name, TITLES[name], value, value, value, n, unit, note)


def other_files(student: Submission, file: str) -> dict[str, Mapping[str, bytes | None]]:
    """By how the weights differ, "anew" and "nearly": what the file holds, in a submission without other weights."""
    others: dict[str, bytes | None] = dict.fromkeys(student.weights_there())
    return {how: {**others, file: _changed(student, file, how)} for how in (ANEW, NEARLY)}


def _changed(student: Submission, file: str, how: str) -> bytes:
    """The file with other weights, made in a process that has imported nothing of the submission."""
    names = [name for name, _, _ in student.weights(file).tensors]
    answer = student.anew("changed!", {"name": file, "how": how, "names": names}, f"{file} {how}")
    content: bytes = answer["bytes"].numpy().tobytes()
    return content[: answer["size"]]


def _without(student: Submission, setting: Setting, labels: Tensor, files: Mapping[str, bytes | None]) -> Tensor | None:
    """The images with these files in the place of theirs; None where that is not answered."""
    with student.with_other_files(files):
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
