"""Class-conditional generation, whole: sample, classify, compare with real images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, parts, tensor
from grading.credit import decided, wilson
from grading.errors import AnswerError, Unrepeatable
from grading.metrics.accuracy import accuracy, per_class
from grading.metrics.dependence import dependence
from grading.metrics.early import TITLE, found_noise
from grading.metrics.intervals import point
from grading.metrics.likeness import distances, variety
from grading.metrics.memory import stored
from grading.metrics.moving import moved
from grading.metrics.pictures import by_class
from grading.metrics.sampling import LOOK_Z, Sample, in_looks
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.seeds import generator
from grading.subjects import Submission

EARLY = 20  # images that a little noise is looked for in
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

    drawn = list[_Chunk]()

    def draw(chunk: int) -> tuple[Tensor, Tensor]:
        drawn.append(_chunk(student, setting, chunk))
        return normalise(drawn[-1].images), drawn[-1].labels

    begun = time.monotonic()
    follows = [*_early(student, setting), *dependence(student, setting)]
    looks = plan.quick_looks if setting.quick else plan.looks
    sample = in_looks(draw, enough, looks, setting.seconds - (time.monotonic() - begun))
    _repeatable(student, setting, drawn)
    predicted = in_batches(assets.classifier, sample.images).argmax(1)
    likeness = (*distances(sample.images, setting), *variety(sample, setting))
    found = (named_as_asked(sample, predicted), *likeness, *stored(student, setting), *follows)
    return Evidence(found, (by_class(sample.images, sample.labels, predicted, assets.facts["classes"]),))


def _early(student: Submission, setting: Setting) -> list[Measurement]:
    """Whether the rubric's noise-estimating network finds a little noise in real images; nothing where it has none."""
    if not setting.sampling.early:
        return []
    rng, known = generator(setting.seed, "early"), setting.assets
    chosen = torch.randperm(len(known.images), generator=rng)[:EARLY]
    images = moved(known.images[chosen], rng, mirrored=False)
    try:
        answer = student.ask(setting.sampling.early, {"x": images, "y": known.labels[chosen]}, "early", setting.seconds)
        told = parts(answer, shown=Tensor, clean=Tensor, estimate=Tensor)
        each = [tensor(told[name], name, images.shape) for name in ("shown", "clean", "estimate")]
    except (AnswerError, Disagreement) as error:
        return [point("early_noise", TITLE, 1.0, 0, note=f"not asked: {str(error)[:200]}")]
    return [found_noise(*each)]


@dataclass(frozen=True)
class _Chunk:
    """Images that were asked for at once, how, and the classes that they are to show."""

    probe: str
    args: dict[str, Tensor]
    seed: str
    images: Tensor
    labels: Tensor


def _repeatable(student: Submission, setting: Setting, drawn: Sequence[_Chunk]) -> None:
    """Raises Unrepeatable where a chunk that is drawn by the judge comes out otherwise, asked for by itself with the same
    seeds: handing in until lucky would then be worth while."""
    chunk = drawn[int(torch.randint(len(drawn), (), generator=generator(setting.seed, "twice")))]
    answer = student.anew(chunk.probe, chunk.args, chunk.seed, setting.seconds)
    answer = answer.get("images") if isinstance(answer, dict) else answer
    again = images_like_the_set_s(answer, len(chunk.labels), setting)
    if (chunk.images - again).abs().max() > NOISELESS:
        raise Unrepeatable(
            "the same seeds gave other images, so a mark for them would not last: the noise should come from torch's, "
            "numpy's or Python's generators as they are, without a seed from the clock or the operating system"
        )


def _chunk(student: Submission, setting: Setting, number: int) -> _Chunk:
    """One chunk, the same number of each class. The loader's own images serve as the first one where it made them."""
    plan = setting.sampling
    labels = torch.arange(10).repeat_interleave(plan.chunk // 10)
    if number == 0 and plan.first and plan.chunk == 50:
        images = _loaded(student, setting, labels)
        if images is not None:
            return _Chunk(plan.first, {}, "load", images, labels)
    args, seed = {"labels": labels}, f"chunk {number}"
    answer = student.ask(plan.probe, args, seed=seed, seconds=setting.seconds)
    return _Chunk(plan.probe, args, seed, images_like_the_set_s(answer, len(labels), setting).float(), labels)


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
