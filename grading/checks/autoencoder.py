"""Variational autoencoders whose architecture is the student's own: shapes, conditioning, losses, generation.

Judged by docs/right.md#ranges, #noise, #modes-and-layers, #one-mistake-once.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, LARGEST, Disagreement, parts, reductions, scalar, shown, tensor, which
from grading.checks.latents import DRAWS, judge_latents, judge_rectified, without_the_highest
from grading.checks.loaders import judge_loader
from grading.checks.reconstruction_loss import (
    SHAPE,
    images_of_classes,
    judge_alone,
    judge_range,
    judge_reconstruction,
)
from grading.checks.standard_divergence import kl_per_image
from grading.errors import BadAnswer, Crashed, NotDone
from grading.subjects import Subject

FACTORS = (1, 3, -3, 8, -8)  # of the weights of a fresh model, until its images are not all of one value


def _three(answer: Any) -> tuple[Any, Any, Any]:
    if not isinstance(answer, list | tuple) or len(answer) != 3:
        raise Disagreement(
            "forward should return three things: reconstruction, mu, logvar",
            expected="a tuple of 3",
            actual=f"{type(answer).__name__}{f' of {len(answer)}' if isinstance(answer, list | tuple) else ''}",
        )
    return answer[0], answer[1], answer[2]


def _forward(student: Subject, x: Tensor, y: Tensor, seed: str) -> tuple[Tensor, Tensor, Tensor]:
    recon, mu, logvar = _three(student.vae_forward(x=x, y=y, seed=seed))
    found = tensor(recon, "the reconstruction", x.shape), tensor(mu, "mu"), tensor(logvar, "logvar")
    if found[1].ndim != 2 or len(found[1]) != len(x) or found[2].shape != found[1].shape or not found[1].numel():
        raise Disagreement(
            "mu and logvar should both have the shape [B, Z]",
            expected=f"[{len(x)}, Z] twice",
            actual=f"mu {list(found[1].shape)}, logvar {list(found[2].shape)}",
        )
    return found


def conditional_forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """forward returns (reconstruction, mu, logvar), and the reconstruction depends on the class.

    x [B, 1, 28, 28] in [0, 1], y [B] -> [B, 1, 28, 28], [B, Z], [B, Z]. The encoder may or may not see the class, and
    the range of the reconstruction is left open (docs/right.md#ranges).
    """
    x, y = images_of_classes(rng, 10)
    recon, mu, logvar = _forward(student, x, y, "a")
    if torch.equal(mu, logvar):
        raise Disagreement("mu and logvar are the same numbers: each needs a layer of its own", bug="mu-is-logvar")
    _, other_mu, _ = _forward(student, x.flip(0), y, "a")
    if torch.equal(mu, other_mu):
        raise Disagreement("mu does not depend on the images", bug="mu-ignores-x")
    _depends_on_class(student, x, y, recon)
    _decodes_z(student, x, y)
    _repeats(student, x, y, (mu, logvar))
    without_the_highest(lambda: _forward(student, x[:-1], y[:-1], "a"), "forward")
    judge_rectified(mu=mu, logvar=logvar)


def _depends_on_class(student: Subject, x: Tensor, y: Tensor, recon: Tensor) -> None:
    """With the same images and the same noise, only the classes are others."""
    other = _forward(student, x, (y + 1) % 10, "a")[0]
    if (recon - other).abs().max() < 1e-6:
        raise Disagreement(
            "the reconstruction does not depend on y: the decoder must see the class",
            bug="recon-ignores-y",
            expected="another reconstruction for another y",
            actual="the same numbers",
            reproduce="torch.manual_seed(0); a = vae(x, y)[0]\ntorch.manual_seed(0); b = vae(x, (y + 1) % 10)[0]\n"
            "print((a - b).abs().max())",
        )


def _decodes_z(student: Subject, x: Tensor, y: Tensor) -> None:
    """What forward hands reparameterize it returns in that order; and what it decodes is drawn, at least in training."""
    found = parts(student.vae_draws(x=x, y=y, seed="a"), handed=list, first=list, second=list)
    recon, mu, logvar = (tensor(each, "what forward gives") for each in _three(found["first"]))
    other = tensor(_three(found["second"])[0], "what forward gives")
    told = found["handed"] or []
    both = len(told) == 2 and all(isinstance(each, Tensor) and each.shape == mu.shape for each in told)
    if both and torch.equal(told[0], logvar) and torch.equal(told[1], mu):
        raise Disagreement(
            "forward returns logvar before mu: (reconstruction, mu, logvar) is asked for",
            bug="latents-swapped",
            share=HALF,
            expected="the mu that reparameterize is handed, then logvar",
            actual="logvar, then mu",
        )
    if torch.equal(recon, other):
        raise Disagreement(
            "two calls reconstruct the same, in training too: decode the z that reparameterize draws, not mu",
            bug="z-not-used",
        )


def _repeats(student: Subject, x: Tensor, y: Tensor, before: tuple[Tensor, Tensor]) -> None:
    _, mu, logvar = _forward(student, x, y, "b")
    for name, first, second in (("mu", before[0], mu), ("logvar", before[1], logvar)):
        if first.shape != second.shape or (first - second).abs().max() > 1e-4:
            raise Disagreement(
                f"{name} changes from call to call in eval mode: only z may be random", bug="random-encoder"
            )


def two_losses(student: Subject, reference: Subject, rng: Generator) -> None:
    """get_loss returns (reconstruction loss, prior loss), in this order, both with a gradient.

    Any reduction is right, and so are cross-entropy, squared and absolute error. The prior loss is judged against the
    true divergence and against the submission's own kl_loss, so that a mistake there is not paid for twice.
    """
    x, y = images_of_classes(rng, 10)
    x_hat = 0.05 + 0.9 * torch.rand(x.shape, generator=rng)
    answer = _losses(student, x, y, x_hat)
    losses = answer["losses"]
    if not isinstance(losses, list | tuple) or len(losses) != 2:
        raise Disagreement("get_loss should return two things: (reconstruction loss, prior loss)", actual=shown(losses))
    recon = tensor(losses[0], "the reconstruction loss")
    own_kl = answer["known_kl"] if answer["own_kl"] is None else answer["own_kl"]
    if own_kl is not None and _finite(own_kl):  # else the item of kl_loss has said so
        _judge_prior(recon, tensor(losses[1], "the prior loss"), own_kl, answer)
    if answer["put_in"]:
        kind = judge_reconstruction(recon, x_hat.double(), x.double())
        judge_range(kind, answer["own"], answer["wide"])
    else:
        judge_alone(student, rng)
    _both_have_gradients(student, x, y)


def _finite(value: Tensor | float) -> bool:
    return bool(torch.isfinite(value).all()) if isinstance(value, Tensor) else abs(value) < LARGEST


def _losses(student: Subject, x: Tensor, y: Tensor, x_hat: Tensor) -> dict[str, Any]:
    """What get_loss gives; with a stand-in for a kl_loss that raises, so that it costs its own row alone."""
    kinds: dict[str, Any] = {
        "mu": Tensor,
        "logvar": Tensor,
        "own": Tensor,
        "wide": Tensor,
        "own_kl": (Tensor, float, int),
    }
    try:
        asked = student.vae_losses(x=x, y=y, x_hat=x_hat, seed="a")
    except (Crashed, NotDone):
        asked = student.vae_losses(x=x, y=y, x_hat=x_hat, stand_in=True, seed="a")
    return parts(asked, losses=object, put_in=bool, known_kl=float, **kinds)


def _judge_prior(recon: Tensor, prior: Tensor, own_kl: Any, answer: dict[str, Any]) -> None:
    """Raises Disagreement where the prior loss is not the divergence, or where the two losses have changed places."""
    mu, logvar = tensor(answer["mu"], "mu"), tensor(answer["logvar"], "logvar")
    if mu.ndim < 2 or mu.shape != logvar.shape or not mu.numel():
        shapes = f"mu {list(mu.shape)}, logvar {list(logvar.shape)}"
        raise Disagreement("mu and logvar should both have the shape [B, Z]", expected="[B, Z] twice", actual=shapes)
    kl = reductions(kl_per_image(mu, logvar), mu.numel())
    kl["the submission's own kl_loss"] = tensor(own_kl, "kl_loss")
    if answer["known_kl"] is not None:  # which get_loss may still divide by the size of the batch
        kl["the stand-in, averaged"] = kl["the submission's own kl_loss"] / len(mu)
    if which(prior, kl, rtol=1e-3):
        return
    if which(recon, kl, rtol=1e-3):
        raise Disagreement(
            "the two losses have changed places: (reconstruction loss, prior loss) is the order that the helper unpacks",
            bug="losses-swapped",
            expected="(reconstruction loss, prior loss)",
            actual="(prior loss, reconstruction loss)",
        )
    raise Disagreement(
        "the prior loss is not the KL divergence of the mu and logvar that forward gives",
        expected=shown(kl["mean over the batch"]),
        actual=shown(prior),
    )


def _both_have_gradients(student: Subject, x: Tensor, y: Tensor) -> None:
    sizes = student.vae_loss_gradients(x=x, y=y)
    if not isinstance(sizes, list) or len(sizes) != 2:
        raise BadAnswer("the answer should be two sizes")
    for what, size in zip(("the reconstruction loss", "the prior loss"), sizes, strict=True):
        if size is None or not scalar(size, f"the gradient of {what}") > 0:
            raise Disagreement(
                f"{what} sends no gradient to the parameters, so nothing is learned from it", bug="no-gradient"
            )


def generation(student: Subject, reference: Subject, rng: Generator) -> None:
    """generate_sample draws new images of the classes asked for, [N, 1, 28, 28], of z ~ N(0, I), others in every call.

    z is looked at where it enters the first layer. What a model gives that is not trained may be cut to a single value: then
    one with larger weights is asked.
    """
    labels = torch.arange(10).repeat_interleave(2)
    factor = next((each for each in FACTORS if not _flat(_generated(student, labels, "a", each)[0])), FACTORS[0])
    images = _generated(student, labels, "a", factor)[0]
    if torch.equal(images, _generated(student, labels, "b", factor)[0]):
        raise Disagreement("two calls give the same images: z must be drawn anew from N(0, I)", bug="generate-fixed")
    if (images[0::2] - images[1::2]).abs().max() < 1e-6:
        raise Disagreement("all images of a class are the same: every image needs a z of its own", bug="generate-one-z")
    judge_latents(_generated(student, torch.full((DRAWS,), 9), "a")[1])
    if (images - _generated(student, labels.flip(0), "a", factor)[0]).abs().max() < 1e-6:
        raise Disagreement("generated images do not depend on y", bug="generate-ignores-y")
    without_the_highest(lambda: _generated(student, torch.full((4,), 3), "a"), "generate_sample")


def _flat(images: Tensor) -> bool:
    """Whether all pixels have one value, as where what lies beyond [0, 1] was cut off."""
    return bool(images.max() - images.min() < 1e-6)


def _generated(student: Subject, labels: Tensor, seed: str, factor: int = 1) -> tuple[Tensor, list[Any] | None]:
    """Images, and what the first layer was handed that z reaches, in two calls.

    factor: by which every weight of the fresh model is multiplied
    """
    asked = student.vae_generate_fresh(labels=labels, seed=seed, factor=factor)
    answer = parts(asked, images=object, requires_grad=bool, handed=list)
    if answer["requires_grad"]:
        raise Disagreement(
            "generate_sample should run without gradients: decorate it with @torch.no_grad()", bug="with-gradient"
        )
    return tensor(answer["images"], "the generated images", (len(labels), *SHAPE)), answer["handed"]


def vae_loader(student: Subject, reference: Subject, rng: Generator) -> None:
    """load_vae_and_generate loads vae.pt and returns 50 images, five of each class in the order 0, 0, 0, 0, 0, 1, …"""
    judge_loader(student.vae_load_and_generate(seed="load"), "load_vae_and_generate")
