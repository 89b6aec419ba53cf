"""Images that the judge draws with a submission's noise-estimating network.

The sampler is the judge's, so a mistake in the submission's own costs nothing here, and no code of the submission sees the
images but its network.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.assets import NORMALISATIONS, Assets
from grading.assets.networks import in_batches
from grading.checks.compare import tensor
from grading.checks.variance_preserving import log_snr
from grading.credit import decided, wilson
from grading.metrics.accuracy import accuracy
from grading.metrics.early import found_noise
from grading.metrics.likeness import distances, variety
from grading.metrics.moving import moved
from grading.metrics.pictures import by_class
from grading.metrics.replays import Heard, replayed, told, weights_of
from grading.metrics.sampling import LOOK_Z, Sample, in_looks
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.seeds import generator
from grading.subjects import Submission

CONFIDENT = 0.9  # probability from which the judge classifier counts as sure; 98 % of real test images reach it
TRAINED_STEPS = 1000
EARLY, STEPS = 20, (5, 20)  # images with a little noise on them, and the steps that it is of
Estimate = Callable[[Tensor, Tensor], Tensor]  # x_t [B, C, H, W] and t [B] -> the noise in it


def unconditional(student: Submission, setting: Setting) -> Evidence:
    """Images of no class in particular: how many the judge classifier recognises with confidence, their distance from real
    images, their variety. `probe` is asked for the noise in x_t, the linear schedule of Ho et al. 2020 being in use."""
    plan = setting.sampling
    bars = (1 - torch.linspace(0.0001, 0.02, TRAINED_STEPS, dtype=torch.float64)).cumprod(0)

    network = _heard(student, setting)

    def draw(chunk: int) -> tuple[Tensor, Tensor]:
        def estimate(x: Tensor, t: Tensor) -> Tensor:
            return _asked(network, x, x=x, t=t)

        images = _drawn(estimate, bars, setting, chunk)
        return images, in_batches(setting.assets.classifier, images).argmax(1)

    def sure(images: Tensor) -> int:
        return int((_confidence(setting.assets, images) >= CONFIDENT).sum())

    looks = plan.quick_looks if setting.quick else plan.looks
    sample = in_looks(draw, lambda images, _: _enough(setting, sure(images), len(images)), looks, setting.seconds)
    found = _evidence(sample, sample.labels, _recognised(sample, sure(sample.images)), setting)
    early = _early(network, bars, setting)
    follows = told([replayed(student, network, weights_of(student, plan.file))])
    return Evidence((*found.measurements, early, *follows), found.pictures)


def _early(network: Heard, bars: Tensor, setting: Setting) -> Measurement:
    """Whether the network finds a little noise in real images that were moved."""
    rng, size = generator(setting.seed, "early"), setting.sampling.size
    images = moved(setting.assets.images[:: len(setting.assets.images) // EARLY][:EARLY], rng, mirrored=False)
    clean = F.interpolate(images, size, mode="bilinear", antialias=True)
    t = torch.randint(*STEPS, (len(clean),), generator=rng)
    bar, noise = bars[t].view(-1, 1, 1, 1).float(), torch.randn(clean.shape, generator=rng)
    shown = bar.sqrt() * clean + (1 - bar).sqrt() * noise
    return found_noise(shown, clean, _asked(network, shown, x=shown, t=t))


def guided(student: Submission, setting: Setting) -> Evidence:
    """Images of the classes asked for, by classifier-free guidance: accuracy by the judge classifier, distance, variety.

    `probe` is asked for the noise in z_lambda with labels and without; lambda as Ho & Salimans 2022, section 2, have it.
    """
    plan, network = setting.sampling, _heard(student, setting)
    labels = torch.arange(10).repeat_interleave(plan.chunk // 10)
    bars = torch.sigmoid(log_snr(torch.arange(TRAINED_STEPS).double() / TRAINED_STEPS))

    def draw(chunk: int) -> tuple[Tensor, Tensor]:
        def estimate(z: Tensor, t: Tensor) -> Tensor:
            conditional = _asked(network, z, z=z, labels=labels)
            if not plan.guidance:
                return conditional
            return (1 + plan.guidance) * conditional - plan.guidance * _asked(network, z, z=z, labels=None)

        return _drawn(estimate, bars, setting, chunk), labels

    def hits(images: Tensor, wanted: Tensor) -> int:
        return int((in_batches(setting.assets.classifier, images).argmax(1) == wanted).sum())

    looks = plan.quick_looks if setting.quick else plan.looks
    sample = in_looks(
        draw, lambda images, wanted: _enough(setting, hits(images, wanted), len(wanted)), looks, setting.seconds
    )
    predicted = in_batches(setting.assets.classifier, sample.images).argmax(1)
    correct = hits(sample.images, sample.labels)
    measured = accuracy(correct, len(predicted), f"{sample.stopped}; {_sampler(setting)}", sample.cut_short)
    return _evidence(sample, predicted, measured, setting)


def drawn_in_steps(estimate: Estimate, alpha_bars: Tensor, steps: int, start: Tensor, rng: Generator) -> Tensor:
    """Ancestral sampling in so many of the steps, with every prediction of x_0 brought to [0, 1].

    The posterior of Ho et al. 2020, equation 7, between the steps that are kept (Nichol & Dhariwal 2021, arXiv:2102.09672,
    section 4).  alpha_bars: [T];  start: x_T [B, C, H, W], standard normal;  returns: the last prediction of x_0
    """
    times = torch.linspace(len(alpha_bars) - 1, 0, steps).round().long()
    bars = torch.cat([alpha_bars[times].double(), torch.ones(1, dtype=torch.float64)])
    x, image = start.double(), start.double()
    for index, t in enumerate(times):
        bar, earlier = bars[index], bars[index + 1]
        noise = estimate(x.to(start.dtype), t.expand(len(x))).double()
        image = ((x - (1 - bar).sqrt() * noise) / bar.sqrt()).clamp(0, 1)
        kept = bar / earlier  # alpha of the jump
        mean = (earlier.sqrt() * (1 - kept) * image + kept.sqrt() * (1 - earlier) * x) / (1 - bar)
        deviation = ((1 - earlier) / (1 - bar) * (1 - kept)).sqrt()
        x = mean + deviation * torch.randn(start.shape, generator=rng).double()
    return image.to(start.dtype)


def _heard(student: Submission, setting: Setting) -> Heard:
    plan = setting.sampling
    return Heard(student, plan.probe, setting.seed, seconds=setting.seconds)


def _asked(network: Heard, like: Tensor, **args: Tensor | None) -> Tensor:
    """The network's estimate of the noise in images like these."""
    return tensor(network(like, **args), "the noise estimate", like.shape).float()


def _drawn(estimate: Estimate, alpha_bars: Tensor, setting: Setting, chunk: int) -> Tensor:
    """One chunk of images, as the judge's networks want them."""
    plan = setting.sampling
    rng: Generator = generator(setting.seed, plan.probe, chunk)
    start = torch.randn(plan.chunk, 1, plan.size, plan.size, generator=rng)
    return NORMALISATIONS[plan.normalise](drawn_in_steps(estimate, alpha_bars, plan.steps, start, rng))


def _confidence(assets: Assets, images: Tensor) -> Tensor:
    return in_batches(assets.classifier, images).softmax(1).amax(1)


def _enough(setting: Setting, hits: int, n: int) -> bool:
    return setting.ramp is not None and decided(setting.ramp, *wilson(hits, n, LOOK_Z))


def _recognised(sample: Sample, sure: int) -> Measurement:
    n = len(sample.labels)
    low, high = wilson(sure, n)
    title = f"images in which the judge classifier is at least {CONFIDENT:.0%} sure of a class"
    return Measurement("recognised", title, sure / n, low, high, n, "%", sample.stopped, sample.cut_short)


def _evidence(sample: Sample, predicted: Tensor, first: Measurement, setting: Setting) -> Evidence:
    largest = predicted.bincount(minlength=10).max().item() / len(predicted)
    title = "images that the judge takes for the commonest class"
    common = Measurement("commonest", title, largest, largest, largest, len(predicted), "%", _sampler(setting))
    found = (first, common, *distances(sample.images, setting), *variety(sample, setting))
    return Evidence(found, (by_class(sample.images, sample.labels, predicted, setting.assets.facts["classes"]),))


def _sampler(setting: Setting) -> str:
    guidance = f", guidance {setting.sampling.guidance:g}" if setting.sampling.guidance else ""
    return f"drawn by the judge in {setting.sampling.steps} steps{guidance}"
