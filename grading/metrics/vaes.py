"""How well variational autoencoders do after the handout's training, and pictures of what they generate."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.assets.networks import in_batches as judged
from grading.metrics.apart import elbo_losses, in_another_order, moments, sampled
from grading.metrics.epochs import drawn
from grading.metrics.intervals import Z
from grading.metrics.pictures import by_class, grid
from grading.metrics.retraining import (
    BATCH,
    SHOWN,
    Trained,
    as_images,
    in_batches,
    into_a_fresh_box,
    mean,
    measurements,
    squared_errors,
    ten,
    trained,
)
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement, Picture
from grading.seeds import generator
from grading.subjects import Submission

EACH, SIDE = 20, 28
PLAIN = [False] * SHOWN
TOLD, MEASURED = "mean over the epoch, as loss_function tells", "on 1,000 training images, by the judge"


def negative_elbo(student: Submission, setting: Setting) -> Evidence:
    """The negative ELBO per image of a VAE, and images that it draws of one image again and again."""
    found = trained(student, setting, _elbo_of(setting.sampling.model))
    train, held_out = (
        _apart(student, found, images, labels, generator(setting.seed, "elbo"))
        for images, labels in ((found.images, found.labels), (setting.assets.images, setting.assets.labels))
    )
    pictures = (drawn(found.epochs, TOLD, MEASURED, "loss per image (nats)"), _again_and_again(student, found, setting))
    return Evidence(measurements(found, train, held_out, ("negative ELBO per image", "nats")), pictures)


def digits(student: Submission, setting: Setting) -> Evidence:
    """Digits that a VAE conditioned on the label draws of z ~ N(0, I), and how many the judge takes for that label."""
    found = trained(student, setting, _elbo_of("cvae"))
    into_a_fresh_box(student, found)
    labels = torch.arange(10).repeat_interleave(EACH)
    z = torch.randn(len(labels), _width(student, found, setting), generator=generator(setting.seed, "digits"))
    images = _decoded(student, "cvae", z, F.one_hot(labels, 10).float())
    seen = judged(setting.assets.classifier, images).argmax(1)
    share, n = (seen == labels).double().mean().item(), len(labels)
    error = (share * (1 - share) / n) ** 0.5
    measured = Measurement(
        "accuracy",
        "digits that the judge takes for the label they were drawn for",
        share,
        max(0.0, share - Z * error),
        min(1.0, share + Z * error),
        n,
        "%",
        found.how,
    )
    curve = drawn(found.epochs, TOLD, MEASURED, "loss per image (nats)")
    return Evidence((measured,), (by_class(images, labels, seen, [str(digit) for digit in range(10)]), curve))


def completions(student: Submission, setting: Setting) -> Evidence:
    """Whole images that a VAE conditioned on a quarter completes it to, beside the baseline's single answer."""
    found = trained(student, setting, _elbo_of("structured"))
    clean, rng = ten(setting.assets.images), generator(setting.seed, "completions")
    into_a_fresh_box(student, found)
    width = _width(student, found, setting)
    completed = [
        _decoded(student, "structured", torch.randn(SHOWN, width, generator=rng), quarter(clean)) for _ in range(4)
    ]
    baseline = _baseline(student, setting, quarter(clean))
    rows = [("whole", clean), ("what is seen", _seen(clean)), ("baseline", baseline)]
    rows += [(f"completion {number}", images) for number, images in enumerate(completed, 1)]
    caption = "Held-out images, the quarter that is seen, what BaselineNN predicts, and four completions of the VAE."
    best = torch.stack([squared_errors(images, clean) for images in completed]).min(0).values
    variety = torch.stack(completed).std(0).flatten(1).mean(1)
    measured = (
        mean("baseline_error", "squared error per pixel of BaselineNN", squared_errors(baseline, clean)),
        mean("completion_error", "squared error per pixel of the best of four completions", best, note=found.how),
        mean("variety", "standard deviation between completions, per pixel", variety),
    )
    return Evidence(measured, (grid([(name, images, PLAIN) for name, images in rows], caption),))


def quarter(images: Tensor) -> Tensor:
    """The lower left quarter of images [N, 1, 28, 28], flat: [N, 196]."""
    return images[:, :, SIDE // 2 :, : SIDE // 2].flatten(1)


def _condition(model: str, images: Tensor, labels: Tensor) -> Tensor | None:
    if model == "cvae":
        return F.one_hot(labels, 10).float()
    return quarter(images) if model == "structured" else None


def _elbo_of(model: str) -> Callable[[Submission, Tensor, Tensor, Generator], Tensor]:
    """How the negative ELBO of images is measured in a single process, while the model trains."""

    def losses(student: Submission, images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
        """Of each image, [N], in nats."""
        mu, logvar = _encoded(student, model, images, labels)
        z = sampled(mu, logvar, rng)
        again = in_batches(
            lambda part, rows: _decoded(student, model, part, _condition(model, images[rows], labels[rows])),
            z,
            torch.arange(len(z)),
        )
        return elbo_losses(again, images, mu, logvar)

    return losses


def _apart(student: Submission, found: Trained, images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    """The same, encoder and decoder in processes of their own, which are asked in different orders."""
    into_a_fresh_box(student, found)
    mu, logvar = _encoded(student, found.model, images, labels)
    z = sampled(mu, logvar, rng)
    into_a_fresh_box(student, found)
    again = in_another_order(lambda rows: _decoded(student, found.model, z[rows], None), len(z), BATCH, rng)
    return elbo_losses(again, images, mu, logvar)


def _encoded(student: Submission, model: str, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    pairs = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    return moments(student.encode(model=model, x=x, classes=y) for x, y in pairs)


def _decoded(student: Submission, model: str, z: Tensor, c: Tensor | None) -> Tensor:
    return as_images(student.decode(model=model, z=z, c=c), len(z), "what the decoder gives")


def _width(student: Submission, found: Trained, setting: Setting) -> int:
    """How many latent numbers the model has."""
    return _encoded(student, found.model, setting.assets.images[:1], setting.assets.labels[:1])[0].shape[1]


def _again_and_again(student: Submission, found: Trained, setting: Setting) -> Picture:
    rng = generator(setting.seed, "again and again")
    images, labels = (kept[setting.assets.labels == 2][:1] for kept in (setting.assets.images, setting.assets.labels))
    mu, logvar = _encoded(student, found.model, images, labels)
    rows = [("held out", images, [False])]
    for name, more in (("sampled", 0.0), ("20x variance", 3.0)):
        z = mu + ((logvar + more) / 2).exp() * torch.randn(SHOWN, mu.shape[1], generator=rng)
        rows.append((name, _decoded(student, found.model, z, None), PLAIN))
    new = torch.randn(SHOWN, mu.shape[1], generator=rng)
    rows.append(("new", _decoded(student, found.model, new, None), PLAIN))
    return grid(
        rows, "One image drawn again and again, with its own variance and twenty times as much; and new images."
    )


def _seen(images: Tensor) -> Tensor:
    seen = torch.zeros_like(images)
    seen[:, :, SIDE // 2 :, : SIDE // 2] = quarter(images).view(-1, 1, SIDE // 2, SIDE // 2)
    return seen


def _baseline(student: Submission, setting: Setting, quarters: Tensor) -> Tensor:
    """What BaselineNN predicts, once it is trained."""
    student.close()
    found = trained(student, setting, _baseline_losses, "baseline")
    into_a_fresh_box(student, found)
    return as_images(student.predict(quarter=quarters), len(quarters), "what BaselineNN gives")


def _baseline_losses(student: Submission, images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    again = in_batches(
        lambda x, _: as_images(student.predict(quarter=quarter(x)), len(x), "what BaselineNN gives"), images, labels
    )
    return F.binary_cross_entropy(again, images, reduction="none").flatten(1).sum(1)
