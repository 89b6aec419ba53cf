"""The joint reconstruction loss of an autoencoder on test images: squared error, 1 - SSIM and cross-entropy together."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, parts, tensor
from grading.checks.standard_divergence import kl_per_image
from grading.credit import decided
from grading.metrics.elbo import regression_estimate
from grading.metrics.intervals import interval, of_mean, point
from grading.metrics.moving import moved
from grading.metrics.pictures import grid
from grading.metrics.replays import Earned, Heard, follows_weights, weights_of
from grading.metrics.sampling import LOOK_Z
from grading.metrics.setting import Setting
from grading.metrics.similarity import JointLoss, joint_loss, ssim
from grading.metrics.test_set import BATCH, Look, Selection, in_two_looks
from grading.records import Evidence, Measurement, Picture
from grading.seeds import generator
from grading.subjects import Submission

SHOWN = 10  # images in a row of the picture
FEW = 200  # images that are asked about again with other weights
NOISE = 0.01  # of the deviation of z among the images, put on it for a few images: an autoencoder hardly notices
SHAKEN = {
    "loss_shaken": f"how far the loss of some images grows, of itself, with noise of {NOISE:.0%} on z",
    "loss_of_moved": "how far it grows, of itself, where the images are mirrored and shifted a little",
}
SLACK = 1e-4  # what rounding may do to a number that should be in [0, 1]
PARTS = {
    "squared_error": "squared error, mean over pixels",
    "one_minus_ssim": "1 - SSIM, windows of 11 x 11 and zeros beyond the border",
    "cross_entropy": "binary cross-entropy, mean over pixels",
}


@dataclass(frozen=True)
class Latents:
    """What the encoder says of some images."""

    divergence: Tensor  # of N(mu, sigma^2) from N(0, I), in nats: [N]
    z: Tensor  # [N, ...]
    heard: Heard  # the questions
    moved: tuple[Tensor, Tensor, Tensor]  # some images moved a little [B, 3, 32, 32], their classes and z: asked too


@dataclass(frozen=True)
class Losses:
    """What was found on some images."""

    padded: JointLoss  # the one that is scored
    inside: Tensor  # the whole of it, with windows for the similarity that lie inside the image: [N]
    latents: Latents
    drawn: Tensor  # the first few images, drawn again
    heard: Heard  # what the decoder was asked, and about which images
    estimate: Callable[
        [Tensor], tuple[float, float]
    ]  # of values [N]: their mean over the whole test set, and its error

    @property
    def total(self) -> tuple[float, float]:
        """The joint loss of the whole test set, estimated, and its standard error."""
        return self.estimate(self.padded.total)


def reconstruction(student: Submission, setting: Setting) -> Evidence:
    """MSE + (1 - SSIM) + BCE per test image, encoder and decoder asked apart.

    All images are encoded first; the decoder is then asked in a fresh box, which has seen none of them, and is given z
    and the class alone, in an order of its own.
    """

    def measure(seen: Selection) -> Losses:
        return _losses(student, setting, seen)

    def enough(found: Losses) -> bool:
        value, error = found.total
        return setting.ramp is None or decided(setting.ramp, value - LOOK_Z * error, value + LOOK_Z * error)

    look = in_two_looks(setting, measure, enough)
    return Evidence((*_measurements(look), *_follows_weights(student, setting, look)), (_drawings(look),))


def _follows_weights(student: Submission, setting: Setting, look: Look[Losses]) -> list[Measurement]:
    """Whether encoder and decoder answer what their weights compute; the loss with the decoder's drawn anew."""
    found = look.found
    shaken, file = _shaken(student, setting, found), setting.sampling.file
    images, labels = look.seen.images[:FEW], look.seen.labels[:FEW]
    few = replace(look.seen, images=images, labels=labels, population=len(images))  # nothing is estimated from them

    def anew() -> float:
        return _losses(student, setting, few).padded.total.mean().item()

    own = found.padded.total[:FEW].mean().item()
    earned = Earned(found.latents.heard, found.heard, own, _mean_loss, anew, "")
    return [*shaken, *follows_weights(student, file, weights_of(student, file), earned)]


def _mean_loss(again: Tensor, images: Tensor) -> float:
    return joint_loss(again.double().clamp(0, 1), images.double(), padded=True).total.mean().item()


def _shaken(student: Submission, setting: Setting, found: Losses) -> list[Measurement]:
    """How far the loss of some images moves, of itself: with a little noise on z, since fine digits carry no image; and
    where the images are mirrored and shifted, which nobody has seen who looks them up."""
    asked, rng = found.heard.asked, generator(setting.seed, "shaken")
    z, y, x = asked.args["z"], asked.args["y"], asked.about
    other, classes, coded = found.latents.moved
    noisy = z + NOISE * z.std(0, correction=0) * torch.randn(z.shape, generator=rng)
    before = _mean_loss(tensor(asked.answer[0], "images"), x)
    losses = {
        "loss_shaken": _mean_loss(_decoded(found.heard, setting, noisy, y, x), x),
        "loss_of_moved": _mean_loss(_decoded(found.heard, setting, coded, classes, other), other),
    }
    grown = {name: (after - before) / max(before, 1e-6) for name, after in losses.items()}
    return [point(name, SHAKEN[name], value, len(z)) for name, value in grown.items()]


def _losses(student: Submission, setting: Setting, seen: Selection) -> Losses:
    latents = _latents(student, setting, seen)
    student.close()
    padded, inside, drawn = list[JointLoss](), list[Tensor](), list[Tensor]()
    decode = Heard(student, "decode", setting.seed)
    order = torch.randperm(len(seen.images), generator=generator(setting.seed, "order"))
    mixed = replace(seen, images=seen.images[order], labels=seen.labels[order])
    for z, (x, y) in zip(latents.z[order].split(BATCH), mixed.batches(), strict=True):
        again = _decoded(decode, setting, z, y, x)
        padded.append(joint_loss(again, x.double(), padded=True))
        inside.append(ssim(again, x.double(), padded=False))
        drawn.append(again.float())
    back = order.argsort()
    scored = JointLoss(*(torch.cat([getattr(each, name) for each in padded])[back] for name in PARTS))
    without_border = scored.total - scored.one_minus_ssim + 1 - torch.cat(inside)[back]
    shown = torch.cat(drawn)[back[:SHOWN]]
    return Losses(scored, without_border, latents, shown, decode, _estimator(seen, setting))


def _latents(student: Submission, setting: Setting, seen: Selection) -> Latents:
    """Raises Disagreement where z has as many numbers as an image: what is no bottleneck can hand images through."""
    divergences, drawn = list[Tensor](), list[Tensor]()
    heard = Heard(student, "latents", setting.seed, first=2)  # z is drawn by the code
    for x, y in seen.batches():
        answer = parts(heard(x, model=setting.sampling.model, x=x, y=y), mu=Tensor, log_var=Tensor, z=Tensor)
        mu, log_var, z = (_per_image(answer[name], name, len(x)) for name in ("mu", "log_var", "z"))
        if z[0].numel() >= x[0].numel():
            raise Disagreement(
                f"z has {z[0].numel():,} numbers per image, and an image {x[0].numel():,}: an autoencoder has a bottleneck",
                bug="no-bottleneck",
            )
        divergences.append(kl_per_image(mu.flatten(1), log_var.flatten(1)))
        if drawn and z.shape[1:] != drawn[0].shape[1:]:
            raise Disagreement(
                "z should have one shape for all images", expected=str(list(drawn[0].shape)), actual=str(list(z.shape))
            )
        drawn.append(z.float())
    x, y = next(iter(seen.batches()))
    x = moved(x, generator(setting.seed, "moved"), mirrored=True)
    z = parts(student.latents(model=setting.sampling.model, x=x, y=y), z=Tensor)["z"]
    return Latents(torch.cat(divergences), torch.cat(drawn), heard, (x, y, _per_image(z, "z", len(x)).float()))


def _per_image(answer: Tensor | None, name: str, count: int) -> Tensor:
    """Finite numbers [count, ...]. Raises Disagreement for anything else."""
    found = tensor(answer, name)
    if found.ndim < 2 or len(found) != count:
        wanted, given = f"shape [{count}, ...]", f"shape {list(found.shape)}"
        raise Disagreement(f"{name} should have a row for every image", expected=wanted, actual=given)
    return found


def _decoded(decode: Heard, setting: Setting, z: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The images drawn again, like x. Raises Disagreement where they are not in [0, 1], which BCELoss would refuse."""
    again = tensor(decode(x, model=setting.sampling.model, z=z, y=y), "what the decoder gives", x.shape)
    low, high = again.min().item(), again.max().item()
    if low < -SLACK or high > 1 + SLACK:
        raise Disagreement(
            "the decoder's images should be in [0, 1], as those it is trained on: binary cross-entropy is not defined "
            "elsewhere; end it with a sigmoid",
            bug="range",
            expected="numbers from 0 to 1",
            actual=f"numbers from {low:.4g} to {high:.4g}",
        )
    return again.clamp(0, 1)


def _estimator(seen: Selection, setting: Setting) -> Callable[[Tensor], tuple[float, float]]:
    """What tells, of values [N], their mean over the whole test set, and its standard error: 0 where all of it was seen.

    Else by regression on the encoder's features, whose mean over that set is known (Cochran 1977, chapter 7).
    """
    if seen.left_out <= 0:
        return lambda values: (values.mean().item(), 0.0)
    features, known = in_batches(setting.assets.encoder, seen.images), setting.assets.statistics["as_is.mean"]
    return lambda values: regression_estimate(values, features, known, seen.left_out)


def _measurements(look: Look[Losses]) -> tuple[Measurement, ...]:
    """The joint loss, which is scored; its parts; and what else tells of the autoencoder."""
    found, n = look.found, len(look.seen.images)

    def told(name: str, title: str, values: Tensor, note: str = "") -> Measurement:
        return interval(name, title, found.estimate(values), n, note=note)

    total = interval("joint_loss", "joint reconstruction loss per test image", found.total, n, note=look.seen.told)
    difference = (found.inside - found.padded.total).mean().item()
    note = f"{difference:+.4f} to the joint loss, which alone is scored: it has zeros there, as pytorch-ssim does"
    width = float(found.latents.z[0].numel())
    return (
        replace(total, cut_short=look.cut_short),
        *(told(name, title, getattr(found.padded, name)) for name, title in PARTS.items()),
        told("joint_loss_inside", "joint loss, SSIM without windows beyond the border", found.inside, note),
        Measurement("latent", "numbers in z per image", width, width, width, n),
        interval(
            "kl", "KL divergence of q(z | x) from N(0, I) per image", of_mean(found.latents.divergence), n, "nats"
        ),
    )


def _drawings(look: Look[Losses]) -> Picture:
    drawn = look.found.drawn
    plain = [False] * len(drawn)
    rows = [("held out", look.seen.images[: len(drawn)], plain), ("drawn again", drawn, plain)]
    return grid(rows, "Test images, and the same after encoder and decoder.")
