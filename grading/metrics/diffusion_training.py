"""A diffusion model on photographs: trained again in the sandbox by the handout's recipe, or with the weights handed in.

What a human grades (curves, strips of images) is drawn here from what was measured; several rows look at one training.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grading.assets.datasets import cat_images
from grading.checks.compare import scalar, tensor
from grading.errors import BadAnswer, Crashed, DataMissing, NotMeasured, TimedOut, WeightsError
from grading.metrics.curves import curve
from grading.metrics.epochs import allowed
from grading.metrics.extractors import best_extractor
from grading.metrics.feature_cache import cached_features
from grading.metrics.feature_distance import feature_distances, real_distances
from grading.metrics.fitting import unfit
from grading.metrics.intervals import interval, of_mean
from grading.metrics.pictures import grid
from grading.metrics.setting import Setting
from grading.records import Evidence, Picture
from grading.seeds import generator
from grading.subjects import Submission

SIDE, LARGER, STEPS = 32, 35, 50  # pixels; before they are cut out (1.12 times); steps of the process
BETWEEN, CHUNK, CHUNKS, SHOWN = 100, 64, 4, 8  # steps of training between two looks; images per question, and how often
STAGES = tuple(int(share * STEPS) for share in (0, 0.25, 0.5, 0.75, 0.99))  # as the handout asks for them
RESERVE = 0.15  # of the time, for strips and distances after the training


@dataclass(frozen=True)
class Run:
    """What came of a training, or of weights."""

    losses: tuple[float, ...]  # one per step, as the submission's own forward tells; empty for weights
    images: dict[int, Tensor]  # steps of training -> images [N, 3, 32, 32], bytes; step 0 stands for weights
    forward: list[Tensor]  # stages of images on their way to noise, [8, 3, 32, 32] in [-1, 1]
    backward: list[Tensor]  # and back
    of: str  # what the forward stages begin with
    how: str  # how it was obtained, in words


def loss_curve(student: Submission, setting: Setting) -> Evidence:
    """The loss over the steps of training."""
    run = _run(student, setting)
    if not run.losses:
        raise NotMeasured(f"{setting.sampling.file} was handed in, and does not tell the losses of its training")
    last = torch.tensor(run.losses[-BETWEEN:], dtype=torch.float64)
    title = f"mean loss of the last {len(last)} steps"
    measured = interval("loss", title, of_mean(last), len(last), note=run.how)
    smooth = [sum(run.losses[max(0, i - 24) : i + 1]) / min(i + 1, 25) for i in range(len(run.losses))]
    steps = range(1, len(run.losses) + 1)
    lines = {"every step": (steps, run.losses), "mean of 25": (steps, smooth)}
    return Evidence(
        (measured,), (curve(lines, "training step", "L1 loss", "The training loss, as forward returns it."),)
    )


def distance_curve(student: Submission, setting: Setting) -> Evidence:
    """The Fréchet distance between generated images and the photographs, over the steps of training."""
    run = _run(student, setting)
    extractor = best_extractor()
    real = cached_features(extractor, cat_images(SIDE))
    found = {}
    for number, (step, images) in enumerate(run.images.items()):
        setting.tell(f"distance after {step} steps", number / len(run.images))
        rng = generator(setting.seed, "distance", step)
        found[step] = feature_distances(extractor.features(images), real, extractor, rng)
    steps = list(found)
    values = [found[step][0].value for step in steps]
    pictures: list[Picture] = [_samples(run)]
    if len(steps) > 1:
        count = len(run.images[steps[-1]])
        level = real_distances(real, count, generator(setting.seed, "level")).mean().item()
        lines = {"generated images": (steps, values), "as many photographs": ([steps[0], steps[-1]], [level, level])}
        caption = f"{extractor.distance}, every {BETWEEN} steps of training, {count} images each."
        pictures.insert(0, curve(lines, "training step", "distance", caption))
    return Evidence(tuple(found[steps[-1]]), tuple(pictures))


def forward_strip(student: Submission, setting: Setting) -> Evidence:
    """Images on their way to noise, by q_sample."""
    run = _run(student, setting)
    names = [f"t = {step}" for step in STAGES]
    return Evidence((), (_strip(names, run.forward, f"The forward process on {run.of}, by q_sample ({run.how})."),))


def backward_strip(student: Submission, setting: Setting) -> Evidence:
    """Noise on its way back to images, by p_sample."""
    run = _run(student, setting)
    names = [*(f"t = {step}" for step in STAGES[::-1]), "image"]
    caption = f"The reverse process from the last images of the forward process, by p_sample ({run.how})."
    return Evidence((), (_strip(names, run.backward, caption),))


def _strip(names: Sequence[str], stages: Sequence[Tensor], caption: str) -> Picture:
    rows = [(name, (stage + 1) / 2, [False] * len(stage)) for name, stage in zip(names, stages, strict=True)]
    return grid(rows, caption)


def _samples(run: Run) -> Picture:
    rows = [
        (f"step {step}" if step else "generated", images[:SHOWN].float() / 255, [False] * SHOWN)
        for step, images in run.images.items()
    ]
    return grid(rows, f"Images generated by sample ({run.how}).")


def _run(student: Submission, setting: Setting) -> Run:
    return student.once("diffusion training", lambda: _made(student, setting))


def _made(student: Submission, setting: Setting) -> Run:
    why = _why_not(student, setting)
    if not why:
        images = {0: _drawn(student, setting, 0, setting.seconds)}
        return _with_stages(student, setting, (), images, f"weights from {setting.sampling.file}")
    scalar(student.begin_diffusion(), "the loss")
    allowed(setting, why)
    student.training_photographs(images=cat_images(LARGER))
    planned = BETWEEN if setting.quick else 10 * BETWEEN
    losses, images = _trained(student, setting, planned)
    if not losses:
        raise NotMeasured(f"{BETWEEN} steps of training take longer than the row's {setting.seconds:g} s here")
    how = f"trained here for {len(losses):,} of {planned:,} steps; {why}"
    return _with_stages(student, setting, tuple(losses), images, how)


def _why_not(student: Submission, setting: Setting) -> str:
    """Why no weights serve that were handed in; "" where some do. Where none do, the model is trained here."""
    try:
        student.weights(setting.sampling.file)
        student.load_diffusion()
    except (WeightsError, Crashed) as error:
        return unfit(student, setting.sampling.file, error).rstrip(".")
    return ""


def _trained(student: Submission, setting: Setting, planned: int) -> tuple[list[float], dict[int, Tensor]]:
    """The losses, and images after every hundred steps; as far as the time reaches."""
    end = time.monotonic() + (1 - RESERVE) * setting.seconds
    losses: list[float] = []
    images: dict[int, Tensor] = {}
    longest = 0.0
    for step in range(BETWEEN, planned + 1, BETWEEN):
        began = time.monotonic()
        if began + longest > end:
            break
        try:
            told = tensor(student.train_diffusion(steps=BETWEEN, seconds=end - began), "the losses", (BETWEEN,))
            images[step] = _drawn(student, setting, step, end - time.monotonic())
        except TimedOut:
            break
        losses += told.tolist()
        longest = max(longest, time.monotonic() - began)
        setting.tell(f"step {step:,} of {planned:,}, loss {told.mean():.3f}", step / planned)
    return losses, images


def _drawn(student: Submission, setting: Setting, step: int, seconds: float) -> Tensor:
    """Images [N, 3, 32, 32] by sample, as bytes."""
    end, parts = time.monotonic() + seconds, []
    for part in range(1 if setting.quick else CHUNKS):
        answer = student.ask("diffusion_images", {"count": CHUNK}, f"{step}.{part}", end - time.monotonic())
        if not isinstance(answer, Tensor) or answer.dtype != torch.uint8:
            raise BadAnswer("sample should give images")
        parts.append(tensor(answer, "what sample returns", (CHUNK, 3, SIDE, SIDE)).to(torch.uint8))
    return torch.cat(parts)


def _with_stages(
    student: Submission, setting: Setting, losses: tuple[float, ...], images: dict[int, Tensor], how: str
) -> Run:
    """The strips: of photographs where there are any, else of images that the model itself has drawn."""
    try:
        first, of = cat_images(SIDE)[:SHOWN], "photographs"
    except DataMissing:
        first, of = images[max(images)][:SHOWN], "images that the model has drawn"
    begin = first.float() / 127.5 - 1
    forward = _stages(student.forward_stages(images=begin, steps=list(STAGES), seed="forward"), len(STAGES))
    asked = student.backward_stages(start=forward[-1].float(), steps=list(STAGES), seed="backward")
    return Run(losses, images, forward, _stages(asked, len(STAGES) + 1), of, how)


def _stages(answer: object, count: int) -> list[Tensor]:
    if not isinstance(answer, list) or len(answer) != count:
        raise BadAnswer("the answer should be a list of stages")
    return [tensor(each, "a stage", (SHOWN, 3, SIDE, SIDE)) for each in answer]
