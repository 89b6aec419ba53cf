"""Class-conditional generation, whole: sample, classify, compare with real images."""

from collections.abc import Callable

import torch
from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.credit import decided, wilson
from grading.errors import AnswerError
from grading.metrics import diversity
from grading.metrics.accuracy import accuracy
from grading.metrics.frechet import Gaussian, frechet_excess, frechet_infinity
from grading.metrics.kernel import kernel_distance
from grading.metrics.pictures import by_class
from grading.metrics.sampling import LOOK_Z, Sample, in_looks
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.subjects import Submission, generator

SHAPE = (1, 28, 28)
INFINITY_NEEDS = 500  # samples; below it the line in 1/N is not worth drawing


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

    looks = plan.quick_looks if setting.quick else plan.looks
    sample = in_looks(draw, enough, looks, setting.seconds)
    predicted = in_batches(assets.classifier, sample.images).argmax(1)
    found = (_accuracy(sample, predicted), *_distances(sample.images, setting), *_diversity(sample, setting))
    return Evidence(found, (by_class(sample.images, sample.labels, predicted, assets.facts["classes"]),))


def _chunk(student: Submission, setting: Setting, number: int) -> tuple[Tensor, Tensor]:
    """One chunk, the same number of each class. The loader's own images serve as the first one where it made them."""
    plan = setting.sampling
    labels = torch.arange(10).repeat_interleave(plan.chunk // 10)
    if number == 0 and plan.first and plan.chunk == 50:
        images = _loaded(student, plan.first, labels)
        if images is not None:
            return images, labels
    answer = student.ask(plan.probe, {"labels": labels}, seed=f"chunk {number}", seconds=setting.seconds)
    return tensor(answer, "what generate_sample returns", (len(labels), *SHAPE)).float(), labels


def _loaded(student: Submission, probe: str, labels: Tensor) -> Tensor | None:
    """What the loader generated, if it asked for exactly these labels."""
    try:
        answer = student.ask(probe, {}, seed="load")
        asked = tensor(answer["labels"], "the labels").flatten()
        images = tensor(answer["images"], "the images", (len(labels), *SHAPE)).float()
    except (AnswerError, Disagreement, KeyError, TypeError):
        return None
    return images if torch.equal(asked, labels.double()) else None


def _accuracy(sample: Sample, predicted: Tensor) -> Measurement:
    hits = predicted == sample.labels
    each = [f"{100 * hits[sample.labels == label].double().mean().item():.0f}" for label in sample.labels.unique()]
    note = f"{sample.stopped}; per class, in %: {', '.join(each)}"
    return accuracy(int(hits.sum()), len(hits), note, sample.cut_short)


def _distances(images: Tensor, setting: Setting) -> list[Measurement]:
    """The Fréchet distance over what real images would show at this number, its limit, and the kernel distance."""
    plan, assets, n = setting.sampling, setting.assets, len(images)
    normalise = NORMALISATIONS[plan.normalise]
    statistics = {part: assets.statistics[f"{plan.normalise}.{part}"] for part in ("mean", "covariance")}
    reference = Gaussian(statistics["mean"], statistics["covariance"])
    features, real = in_batches(assets.encoder, images), in_batches(assets.encoder, normalise(assets.images))
    rng = generator(setting.seed, "metrics")
    excess = frechet_excess(features, real, reference, rng)
    title = "Fréchet distance in the encoder's features, less that of as many real images"
    measurements = [_interval("frechet_excess", title, excess.value, excess.standard_deviation, n)]
    if n >= INFINITY_NEEDS:
        limit, error = frechet_infinity(features, reference, rng)
        measurements.append(_interval("frechet_infinity", "Fréchet distance at N = infinity", limit, error, n))
    value, error = kernel_distance(features, real)
    return [
        *measurements,
        _interval("kernel_distance", "kernel distance (KID) in the encoder's features", value, error, n),
    ]


def _interval(name: str, title: str, value: float, error: float, n: int, note: str = "") -> Measurement:
    return Measurement(name, title, value, value - 1.96 * error, value + 1.96 * error, n, "", note)


def _diversity(sample: Sample, setting: Setting) -> list[Measurement]:
    assets, n = setting.assets, len(sample.labels)
    normalise: Callable[[Tensor], Tensor] = NORMALISATIONS[setting.sampling.normalise]
    unique = diversity.unique_fraction(sample.images, sample.labels)
    real = diversity.class_spread(normalise(assets.images), assets.labels)
    spread = diversity.class_spread(sample.images, sample.labels) / real
    copies = diversity.copied_fraction(sample.images, assets.images, assets.training)
    return [
        Measurement("unique", "images unlike all others of their class", unique, unique, unique, n, "%"),
        Measurement("spread", "distance between images of a class, relative to real ones", spread, spread, spread, n),
        Measurement("copies", "images that are copies of training images", copies, copies, copies, n, "%"),
    ]


def unconditional(student: Submission, setting: Setting) -> Evidence:
    """To be written."""
    raise NotImplementedError


def guided(student: Submission, setting: Setting) -> Evidence:
    """To be written."""
    raise NotImplementedError
