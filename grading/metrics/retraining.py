"""Autoencoders trained again in the sandbox, where a handout asks for a training loss and for no weights.

The submission's own class is trained, with its own loss function where the handout has one written. Its weights then cross
to the judge and go back into fresh boxes, one for the encoder and one for the decoder, so that neither can remember what the
other was shown; the loss is the judge's, on training images that it chooses, with an interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from grading.assets.datasets import labelled_images
from grading.checks.compare import parts, scalar, tensor
from grading.metrics.epochs import Course, Epochs, allowed, run
from grading.metrics.intervals import interval, of_mean
from grading.metrics.parameters import counted, exactly, state_dict
from grading.metrics.setting import Setting
from grading.records import Measurement
from grading.seeds import generator
from grading.subjects import Submission

SHOWN = 10  # images in a row of a picture
PREVIEW, LOOKED_AT, BATCH = 1_000, 2_000, 500  # images: after each epoch, at the end, asked at a time
RATE, SIZE = 1e-3, 128  # where a notebook does not say otherwise
RATES, SIZES = (1e-5, 0.05), (8, 1024)  # what is believed of a notebook that does
SAFELY, LEAST = 0.98, 3  # of the threshold, and epochs: training stops where it is met

Losses = Callable[[Submission, Tensor, Tensor, Generator], Tensor]  # of images [N, 1, 28, 28] and labels [N]: [N]


@dataclass(frozen=True)
class Trained:
    """A model after its training."""

    model: str
    epochs: Epochs
    weights: dict[str, Tensor]  # its state dict, as it came across
    how: str  # in words
    images: Tensor  # of the training set, [N, 1, 28, 28] in [0, 1]: what the loss is measured on
    labels: Tensor


@dataclass(frozen=True)
class Recipe:
    """What is trained, and with which numbers."""

    model: str
    rate: float = RATE
    batch: int = SIZE


def trained(student: Submission, setting: Setting, losses: Losses, model: str = "") -> Trained:
    """The model of the row, or another, by what its notebook declares; by the usual numbers too where that does not suffice.

    losses: how the judge measures it, given images and labels
    Raises NotMeasured where it may not be trained, or takes too long here.
    """
    declared = _recipe(student, model or setting.sampling.model)
    best = _trained(student, setting, losses, declared)
    usual = Recipe(declared.model)
    if setting.ramp is not None and best.epochs.measured[-1] > setting.ramp.full and declared != usual:
        student.close()
        again = _trained(student, setting, losses, usual)
        best = min(best, again, key=lambda each: each.epochs.measured[-1])
    return best


def _recipe(student: Submission, model: str) -> Recipe:
    """Learning rate and batch size that the notebook declares, as far as they are sensible."""
    answer = parts(student.recipe(model=model), rate=(int, float), batch=(int, float))
    rate, batch = answer["rate"] or RATE, answer["batch"] or SIZE
    believed = RATES[0] <= rate <= RATES[1], SIZES[0] <= batch <= SIZES[1]
    return Recipe(model, float(rate) if believed[0] else RATE, int(batch) if believed[1] else SIZE)


def _trained(student: Submission, setting: Setting, losses: Losses, recipe: Recipe) -> Trained:
    model = recipe.model
    scalar(student.begin_training(model=model, rate=recipe.rate), "the loss of a first batch")
    allowed(setting, "a training loss is measured by training")
    images, labels = labelled_images("mnist", train=True)
    student.training_images(images=images, labels=labels)
    chosen = torch.randperm(len(images), generator=generator(setting.seed, "looked at"))[:LOOKED_AT]
    known = images[chosen].float() / 255, labels[chosen]

    def preview() -> float:
        """The loss on some of the images, in the process that trains."""
        rng = generator(setting.seed, "preview", model)
        return losses(student, known[0][:PREVIEW], known[1][:PREVIEW], rng).mean().item()

    def epoch(left: float) -> object:
        """Trains for one epoch."""
        return student.train_epoch(model=model, batch=recipe.batch, seconds=left)

    course = Course(model, setting.sampling.steps, epoch, preview, LEAST, _enough(setting))
    epochs = run(course, setting, setting.seconds)
    how = (
        f"trained here for {len(epochs.told)} of {course.epochs} epochs, Adam with lr = {recipe.rate:g}, "
        f"batches of {recipe.batch}"
    )
    return Trained(model, epochs, state_dict(student.state(model=model)), how, *known)


def _enough(setting: Setting) -> Callable[[float], bool]:
    """Whether a loss is safely better than what earns full marks."""
    full = -torch.inf if setting.ramp is None else SAFELY * setting.ramp.full
    return lambda measured: measured < full


def into_a_fresh_box(student: Submission, found: Trained) -> None:
    """Puts the trained weights into a box that has been shown nothing."""
    student.close()
    student.load_state(model=found.model, names=list(found.weights), values=list(found.weights.values()))


def in_batches(ask: Callable[[Tensor, Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """What `ask` answers of images and labels, a batch at a time, in one tensor."""
    pairs = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    return torch.cat([ask(x, y) for x, y in pairs])


def as_images(answer: object, count: int, what: str) -> Tensor:
    """An answer of `count` images in whatever shape: [N, 1, 28, 28] in [0, 1]. Raises Disagreement for another size."""
    found = tensor(answer, what)
    return tensor(found.reshape(-1), what, (count * 784,)).view(-1, 1, 28, 28).float().clamp(0, 1)


def measurements(found: Trained, losses: Tensor, held_out: Tensor, told: tuple[str, str]) -> tuple[Measurement, ...]:
    """What the judge measured, on training images and on held-out ones, and what the submission's own loss told.

    told: the title of the first, and its unit
    """
    title, unit = told
    last = found.epochs.told[-1]
    flag = ""
    if unit == "nats" and last < 10:
        flag = "a number below 10 is a mean over pixels or the like: the handout's 120 is for the sum over them"
    return (
        mean("training_loss", f"{title} on training images, by the judge", losses, unit, found.how),
        mean("held_out_loss", f"{title} on held-out images, by the judge", held_out, unit, ""),
        Measurement("told", "mean loss of the last epoch, as the submission has it", last, last, last, 1, "", flag),
        _kept(found.weights),
    )


def _kept(weights: dict[str, Tensor]) -> Measurement:
    """How many numbers the trained model has; buffers count, in which images could be kept."""
    number = counted({"names": list(weights), "values": list(weights.values())})
    return exactly("numbers", "numbers in the trained model", number, len(weights))


def squared_errors(images: Tensor, clean: Tensor) -> Tensor:
    """The squared error per pixel of each image, [N]."""
    return (images - clean).square().flatten(1).mean(1)


def ten(images: Tensor) -> Tensor:
    """Ten images from all over, to be shown."""
    return images[:: max(1, len(images) // SHOWN)][:SHOWN]


def mean(name: str, title: str, values: Tensor, unit: str = "", note: str = "") -> Measurement:
    """The mean of values [N], with its interval."""
    return interval(name, title, of_mean(values), len(values), unit, note)
