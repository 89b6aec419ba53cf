"""How well an autoencoder does after the handout's training: with the weights handed in, else trained again here.

The training runs in the sandbox, with the submission's own model and loss function; the loss is measured by the judge, from
encoder and decoder asked apart, on images that were held out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from grading.assets.datasets import labelled_images
from grading.assets.networks import in_batches
from grading.checks.compare import scalar, tensor, two
from grading.checks.standard_divergence import kl_per_image
from grading.errors import Crashed, WeightsError
from grading.metrics.apart import cross_entropy, elbo_losses, in_another_order, moments, sampled
from grading.metrics.elbo import regression_estimate
from grading.metrics.epochs import Course, Epochs, allowed, run
from grading.metrics.epochs import drawn as drawn_curves
from grading.metrics.fitting import unfit
from grading.metrics.intervals import interval, point
from grading.metrics.memory import counted, stored
from grading.metrics.moving import moved
from grading.metrics.parameters import state_dict
from grading.metrics.pictures import grid
from grading.metrics.replays import Earned, Heard, follows_weights, weights_of
from grading.metrics.retraining import as_images
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement, Picture
from grading.seeds import generator
from grading.subjects import Submission

DRAWS, BATCH, PREVIEW, SHOWN, STRIDE = 5, 250, 500, 10, 10


def vae(student: Submission, setting: Setting) -> Evidence:
    """The negative ELBO per held-out image of a VAE."""
    return _evidence(student, setting, "vae")


def cvae(student: Submission, setting: Setting) -> Evidence:
    """The negative ELBO per held-out image of a conditional VAE, which is told the class."""
    return _evidence(student, setting, "cvae")


def _evidence(student: Submission, setting: Setting, model: str) -> Evidence:
    why = _why_not(student, setting, model)
    epochs = _train(student, setting, model, why) if why else None
    how = f"weights from {setting.sampling.file}" if epochs is None else f"{_described(epochs)}; {why}"
    images = setting.assets.images
    found = _apart(student, setting, model, epochs is not None)
    population = setting.assets.facts["statistics_images"]
    features = in_batches(setting.assets.encoder, images)
    estimate = regression_estimate(
        found.losses, features, setting.assets.statistics["as_is.mean"], 1 - len(images) / population
    )
    note = f"{how}; estimate for the whole test set ({population:,} images), {DRAWS} draws of z per image"
    measured = interval("negative_elbo", "negative ELBO per held-out image", estimate, len(images), "nats", note)
    kept = stored(student, setting) if epochs is None else [counted(0, 0)]
    pictures = [_drawings(student, setting, model, images, found.drawn)]

    def loss(again: Tensor, about: Tensor) -> float:
        return cross_entropy(again.reshape(about.shape).float().clamp(0, 1), about).mean().item()

    some, classes = images[::STRIDE], setting.assets.labels[::STRIDE]

    def anew() -> float:
        return _of_few(student, setting, model, some, classes)

    own = found.losses[::STRIDE].mean().item()
    earned = Earned(found.encoder, found.decoder, own, loss, anew, "nats")
    follows = follows_weights(student, "" if epochs else setting.sampling.file, found.weights, earned)
    return Evidence(
        (measured, _loss_of_moved(found), *kept, *follows), (*([_curve(epochs)] if epochs else []), *pictures)
    )


def _described(epochs: Epochs) -> str:
    return (
        f"trained here for {len(epochs.told)} epochs; the mean loss of the last epoch was "
        f"{epochs.told[-1]:.1f}, as loss_function has it"
    )


def _why_not(student: Submission, setting: Setting, model: str) -> str:
    """Why no weights serve that were handed in; "" where some do. Nobody has to: without, the model is trained here."""
    try:
        student.weights(setting.sampling.file)
        student.encode(model=model, x=setting.assets.images[:1], classes=_classes(model, setting.assets.labels[:1]))
    except (WeightsError, Crashed) as error:
        return unfit(student, setting.sampling.file, error).rstrip(".")
    return ""


def _classes(model: str, labels: Tensor) -> Tensor | None:
    return labels if model == "cvae" else None


def _train(student: Submission, setting: Setting, model: str, why: str) -> Epochs:
    """Trains in the sandbox. Raises NotMeasured where that may not be, or takes too long here.

    why: what would need it
    """
    scalar(student.begin_training(model=model), "the loss of a first step")
    allowed(setting, why)
    images, labels = labelled_images("mnist", train=True)
    student.training_images(images=images, labels=labels)
    course = Course(
        model,
        setting.sampling.steps,
        lambda left: student.train_epoch(model=model, seconds=left),
        lambda: _of_few(student, setting, model, images[:PREVIEW].float() / 255, labels[:PREVIEW]),
    )
    return run(course, setting, setting.seconds)


@dataclass(frozen=True)
class _Apart:
    """What encoder and decoder made of the held-out images."""

    losses: Tensor  # of each, in nats: [N]
    of_moved: Tensor  # losses of some of them, shifted by a pixel
    drawn: Tensor  # the images drawn again
    weights: Mapping[str, Tensor]
    encoder: Heard
    decoder: Heard


def _apart(student: Submission, setting: Setting, model: str, trained_here: bool) -> _Apart:
    """Encoder and decoder are asked in processes of their own; neither saw the training, which saw no held-out image."""
    found = state_dict(student.state(model=model)) if trained_here else {}

    def in_a_fresh_box() -> None:
        student.close()
        if found:
            student.load_state(model=model, names=list(found), values=list(found.values()))

    images, labels = setting.assets.images, setting.assets.labels
    begin = in_a_fresh_box if found else None
    encoder, decoder = (Heard(student, half, setting.seed, begin=begin) for half in ("encode", "decode"))
    in_a_fresh_box()
    mu, logvar = _encoded(encoder, model, images, labels)
    some, classes = moved(images[::STRIDE], generator(setting.seed, "moved"), False, 1, 0.0), labels[::STRIDE]
    coded = _encoded(encoder, model, some, classes)
    in_a_fresh_box()
    rng = generator(setting.seed, "training", model)
    draws = [_drawn_again(decoder, model, (mu, logvar), labels, rng, images) for _ in range(DRAWS)]
    losses = torch.stack([cross_entropy(again, images) for again in draws]).mean(0) + kl_per_image(mu, logvar)
    of_moved = elbo_losses(_drawn_again(decoder, model, coded, classes, rng, some), some, *coded)
    weights = found or weights_of(student, setting.sampling.file)
    return _Apart(losses, of_moved, draws[-1], weights, encoder, decoder)


def _loss_of_moved(found: _Apart) -> Measurement:
    """How far the loss of some images grows, of itself, where they are shifted: who looks them up has never seen those."""
    before, after = found.losses[::STRIDE].mean().item(), found.of_moved.mean().item()
    title = "how far the loss of some images grows, of itself, where they are shifted by a pixel"
    return point("loss_of_moved", title, (after - before) / max(abs(before), 1e-6), len(found.of_moved))


def _of_few(student: Submission, setting: Setting, model: str, images: Tensor, labels: Tensor) -> float:
    """The mean loss of these images by one draw of z for each, in whatever box is open: not for a mark.

    While the model trains they are training images, so that the process which trains sees no held-out one.
    """
    encoder, decoder = (Heard(student, half, setting.seed) for half in ("encode", "decode"))
    mu, logvar = _encoded(encoder, model, images, labels)
    rng = generator(setting.seed, "training", model)
    again = _drawn_again(decoder, model, (mu, logvar), labels, rng, images)
    return elbo_losses(again, images, mu, logvar).mean().item()


def _encoded(encode: Heard, model: str, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """mu and logvar of images, each [N, Z]."""
    batches = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    answers = (encode(x, model=model, x=x, classes=_classes(model, y)) for x, y in batches)
    return moments(answers, "what the encoder gives")


def _drawn_again(
    decode: Heard, model: str, encoded: tuple[Tensor, Tensor], labels: Tensor, rng: Generator, images: Tensor
) -> Tensor:
    """What the decoder makes of a z drawn for each image, from the mu and logvar that the encoder gave it."""
    z = sampled(*encoded, rng)

    def ask(rows: Tensor) -> Tensor:
        return _decoded(decode, model, z[rows], _classes(model, labels[rows]), images[rows])

    return in_another_order(ask, len(z), BATCH, rng)


def _decoded(decode: Heard, model: str, z: Tensor, classes: Tensor | None, images: Tensor) -> Tensor:
    return as_images(decode(images, model=model, z=z, classes=classes), len(z), "what the decoder gives")


def _drawings(student: Submission, setting: Setting, model: str, images: Tensor, drawn: Tensor) -> Picture:
    """Held-out images, the same after encoder and decoder, and new ones from z ~ N(0, I), by class where it is told."""
    chosen = torch.arange(0, BATCH, BATCH // SHOWN)[:SHOWN]
    plain = [False] * SHOWN
    rng = generator(setting.seed, "drawings", model)
    latent = two(
        student.encode(model=model, x=images[:1], classes=_classes(model, setting.assets.labels[:1])), "the latents"
    )
    width, decoder = tensor(latent[0], "mu").shape[1], Heard(student, "decode", setting.seed)
    rows = [("held out", images[chosen], plain), ("drawn again", drawn[chosen], plain)]
    for _ in range(2):
        z = torch.randn(SHOWN, width, generator=rng)
        new = _decoded(decoder, model, z, _classes(model, torch.arange(SHOWN)), z)
        rows.append(("0 to 9" if model == "cvae" else "new", new, plain))
    return grid(rows, "Held-out images, the same after encoder and decoder, and new images from z ~ N(0, I).")


def _curve(epochs: Epochs) -> Picture:
    told, measured = "mean over the epoch, as loss_function tells", "on 500 training images, by the judge"
    return drawn_curves(epochs, told, measured, "loss per image (nats)")
