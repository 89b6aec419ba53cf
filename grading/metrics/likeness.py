"""How like real images generated ones are, and how unlike one another."""

from collections.abc import Callable

from torch import Tensor

from grading.assets import NORMALISATIONS
from grading.assets.networks import in_batches
from grading.assets.sketches import distances as distances_in_disguise
from grading.metrics import diversity
from grading.metrics.frechet import Gaussian, frechet_excess, frechet_infinity
from grading.metrics.intervals import interval, point
from grading.metrics.kernel import kernel_distance
from grading.metrics.sampling import Sample
from grading.metrics.setting import Setting
from grading.records import Measurement
from grading.seeds import generator

LOOKED_AT = 60  # images that are looked for in disguise
INFINITY_NEEDS = 500  # samples; below it the line in 1/N is not worth drawing


def distances(images: Tensor, setting: Setting) -> list[Measurement]:
    """The Fréchet distance over what real images would show at this number, its limit, and the kernel distance."""
    plan, assets, n = setting.sampling, setting.assets, len(images)
    normalise = NORMALISATIONS[plan.normalise]
    statistics = {part: assets.statistics[f"{plan.normalise}.{part}"] for part in ("mean", "covariance")}
    reference = Gaussian(statistics["mean"], statistics["covariance"])
    features, real = in_batches(assets.encoder, images), in_batches(assets.encoder, normalise(assets.images))
    rng = generator(setting.seed, "metrics")
    excess = frechet_excess(features, real, reference, rng)
    title = "Fréchet distance in the encoder's features, less that of as many real images"
    measurements = [interval("frechet_excess", title, (excess.value, excess.standard_deviation), n)]
    if n >= INFINITY_NEEDS:
        limit, error = frechet_infinity(features, reference, rng)
        measurements.append(interval("frechet_infinity", "Fréchet distance at N = infinity", (limit, error), n))
    value, error = kernel_distance(features, real)
    return [
        *measurements,
        interval("kernel_distance", "kernel distance (KID) in the encoder's features", (value, error), n),
    ]


def variety(sample: Sample, setting: Setting) -> list[Measurement]:
    """Whether the images differ from one another, as real ones do, and from the training images."""
    assets, n = setting.assets, len(sample.labels)
    normalise: Callable[[Tensor], Tensor] = NORMALISATIONS[setting.sampling.normalise]
    real = diversity.class_spread(normalise(assets.images), assets.labels)
    spread = diversity.class_spread(sample.images, sample.labels) / real
    copies = diversity.copied_fraction(sample.images, assets.images, assets.training)
    return [
        unique(sample),
        *disguised(sample, setting),
        Measurement("spread", "distance between images of a class, relative to real ones", spread, spread, spread, n),
        Measurement("copies", "images that are copies of training images", copies, copies, copies, n, "%"),
    ]


def disguised(sample: Sample, setting: Setting) -> list[Measurement]:
    """How many images are nearer to one of the data set than real ones ever are, mirrored, shifted, turned or inverted."""
    sketches = setting.assets.sketches
    if not sketches:
        return []
    chosen = sample.images[:: max(1, len(sample.images) // LOOKED_AT)][:LOOKED_AT]
    share = (distances_in_disguise(chosen, sketches) < sketches["limit"]).double().mean().item()
    title = (
        "images that are known ones in disguise: mirrored, shifted, turned, inverted, of other contrast or under noise"
    )
    return [point("disguised", title, share, len(chosen), "%")]


def unique(sample: Sample) -> Measurement:
    """How many of the images are not another one of their class again."""
    share, n = diversity.unique_fraction(sample.images, sample.labels), len(sample.labels)
    return Measurement("unique", "images unlike all others of their class", share, share, share, n, "%")
