"""Class-conditional generation, whole: sample, classify, compare with real images."""

import time

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.credit import decided, wilson
from grading.errors import AnswerError, Unrepeatable
from grading.metrics.accuracy import accuracy, per_class
from grading.metrics.dependence import dependence
from grading.metrics.likeness import distances, variety
from grading.metrics.memory import stored
from grading.metrics.pictures import by_class
from grading.metrics.sampling import LOOK_Z, Sample, in_looks
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.subjects import Submission

NOISELESS = 0.05  # what rounding may make of one image in different runs, of a scale of 1


def class_conditional(student: Submission, setting: Setting) -> Evidence:
    """Images of the classes asked for: accuracy by the judge classifier, distance from real images, diversity, copies."""
    plan, assets = setting.sampling, setting.assets
    normalise = NORMALISATIONS[plan.normalise]

    def correct(images: Tensor, labels: Tensor) -> int:
        return int((in_batches(assets.classifier, images).argmax(1) == labels).sum())

    def enough(images: Tensor, labels: Tensor) -> bool:
        if setting.ramp is None:
            return False
        return decided(setting.ramp, *wilson(correct(images, labels), len(labels), LOOK_Z))

    def draw(chunk: int) -> tuple[Tensor, Tensor]:
        images, labels = _chunk(student, setting, chunk)
        return normalise(images), labels

    begun = time.monotonic()
    _repeatable(student, setting)
    follows = dependence(student, setting)
    looks = plan.quick_looks if setting.quick else plan.looks
    sample = in_looks(draw, enough, looks, setting.seconds - (time.monotonic() - begun))
    predicted = in_batches(assets.classifier, sample.images).argmax(1)
    likeness = (*distances(sample.images, setting), *variety(sample, setting))
    found = (named_as_asked(sample, predicted), *likeness, *stored(student, setting), *follows)
    return Evidence(found, (by_class(sample.images, sample.labels, predicted, assets.facts["classes"]),))


def _repeatable(student: Submission, setting: Setting) -> None:
    """Raises Unrepeatable where the same seeds lead to other images: handing in until lucky would then be worth while."""
    question, seed = {"labels": torch.tensor([0, 9])}, "twice"
    ask = (student.ask, student.anew)
    answers = (each(setting.sampling.probe, question, seed, setting.seconds) for each in ask)
    first, second = (images_like_the_set_s(answer, 2, setting) for answer in answers)
    if (first - second).abs().max() > NOISELESS:
        raise Unrepeatable(
            "the same seeds gave other images, so a mark for them would not last: the noise should come from torch's, "
            "numpy's or Python's generators as they are, without a seed from the clock or the operating system"
        )


def _chunk(student: Submission, setting: Setting, number: int) -> tuple[Tensor, Tensor]:
    """One chunk, the same number of each class. The loader's own images serve as the first one where it made them."""
    plan = setting.sampling
    labels = torch.arange(10).repeat_interleave(plan.chunk // 10)
    if number == 0 and plan.first and plan.chunk == 50:
        images = _loaded(student, setting, labels)
        if images is not None:
            return images, labels
    answer = student.ask(plan.probe, {"labels": labels}, seed=f"chunk {number}", seconds=setting.seconds)
    return images_like_the_set_s(answer, len(labels), setting).float(), labels


def images_like_the_set_s(
    answer: object, count: int, setting: Setting, what: str = "what generate_sample returns"
) -> Tensor:
    """So many images of the size that the data set's have. Raises Disagreement for anything else."""
    return tensor(answer, what, (count, *setting.assets.images.shape[1:]))


def _loaded(student: Submission, setting: Setting, labels: Tensor) -> Tensor | None:
    """What the loader generated, if it asked for exactly these labels."""
    try:
        answer = student.ask(setting.sampling.first, {}, seed="load")
        asked = tensor(answer["labels"], "the labels").flatten()
        images = images_like_the_set_s(answer["images"], len(labels), setting, "the images").float()
    except (AnswerError, Disagreement, KeyError, TypeError):
        return None
    return images if torch.equal(asked, labels.double()) else None


def named_as_asked(sample: Sample, predicted: Tensor) -> Measurement:
    """How many of the images the judge classifier takes for the class asked for."""
    hits = predicted == sample.labels
    note = f"{sample.stopped}; {per_class(hits, sample.labels)}"
    return accuracy(int(hits.sum()), len(hits), note, sample.cut_short)
