"""Variational autoencoders whose encoder, decoder and latent size are asked for by name: shapes, wiring, conditioning.

Kingma & Welling 2014 (arXiv:1312.6114); Sohn et al. 2015 for the conditional form. Models are asked untrained. What
reparametrize draws is replaced by a known z, so that a mistake in it costs nothing here.

Judged by docs/right.md#ranges, #noise, #modes-and-layers.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import NEARLY, Disagreement, close, parts, shown, tensor
from grading.checks.latents import judge_rectified
from grading.errors import BadAnswer
from grading.subjects import Subject

SHAPE, PIXELS, COUNT = (1, 28, 28), 28 * 28, 6
CONDITION = {"vae": 0, "cvae": 10, "structured": 196}  # columns that tell a model more than the images
ALIKE = 1e-6


@dataclass(frozen=True)
class Asked:
    """One forward pass of an untrained model: the images, the classes (None for a plain VAE) and the z put in its way."""

    model: str  # one of CONDITION
    x: Tensor
    classes: Tensor | None
    z: Tensor

    def question(self) -> dict[str, Any]:
        """For the probe."""
        return {"model": self.model, "x": self.x, "classes": self.classes, "z": self.z, "latent_size": self.z.shape[1]}


@dataclass(frozen=True)
class Passed:
    """What came of it, checked for shape."""

    x_hat: Tensor  # with the z that was put in, [N, 784]
    mu: Tensor
    logvar: Tensor
    drawn: Tensor  # with a z of the model's own, [N, 784]
    again: tuple[Tensor, Tensor]  # mu and logvar in that second pass
    handed: list[Tensor] | None  # to reparametrize; None where it was not called
    decoder: dict[str, Any]  # the decoder by itself, of z: "plain", or with the class "before" or "behind" it
    shape: tuple[int, ...]  # of x_hat as it came
    encoder_learns: bool | None = None  # whether a gradient of x_hat reaches mu's layer; None where nobody can tell


def forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """VAE encodes images as mu and logvar, draws z by reparametrize, and decodes it as images in [0, 1].

    x [N, 1, 28, 28] -> x_hat like x, mu [N, Z], logvar [N, Z], for any latent size; the decoder takes z alone [N, Z].
    """
    for latent in (15, 7):
        asked = _asked(rng, "vae", latent)
        found = _judge_pass(student, asked)
        _judge_decoder(asked, found)
    judge_rectified(mu=found.mu, logvar=found.logvar)
    _judge_shape(found, asked.x)


def conditional_forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """CVAE does the same given the class: the encoder sees x and c, and the decoder sees z with c behind it.

    x [N, 1, 28, 28], c one-hot [N, 10] -> x_hat like x, mu [N, Z], logvar [N, Z]; the decoder takes [N, Z + 10].
    """
    for latent in (15, 7):
        asked = _asked(rng, "cvae", latent)
        found = _judge_pass(student, asked)
        _judge_classes(student, asked, found)
        _judge_decoder(asked, found)
    judge_rectified(mu=found.mu, logvar=found.logvar)
    _judge_shape(found, asked.x)


def quarter_forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """The same class conditions on 196 numbers, a quarter of the image, where conditional_vec_dim says so.

    x [N, 1, 28, 28], c [N, 196] -> x_hat like x, mu [N, Z], logvar [N, Z]; the decoder takes [N, Z + 196], z first.
    """
    asked = _asked(rng, "structured", 15)
    found = _judge_pass(student, asked)
    _judge_classes(student, asked, found)
    _judge_decoder(asked, found)


def _asked(rng: Generator, model: str, latent: int) -> Asked:
    classes = None if model == "vae" else torch.tensor([0, 3, 9, 3, 7, 1])
    return Asked(model, torch.rand(COUNT, *SHAPE, generator=rng), classes, torch.randn(COUNT, latent, generator=rng))


def _pass(student: Subject, asked: Asked) -> Passed:
    answer = parts(student.vae_pass(**asked.question(), seed="a"), drawn=object, put=object, asked=list, decoder=dict)
    x_hat, mu, logvar = _three(answer["put"])
    own = _three(answer["drawn"])
    images = tensor(x_hat, "x_hat")
    if images.numel() != asked.x.numel():
        raise Disagreement(
            "x_hat should be images like x", expected=f"{list(asked.x.shape)}", actual=f"shape {list(images.shape)}"
        )
    if tensor(own[0], "x_hat").numel() != images.numel():
        raise BadAnswer("the images of two calls have two sizes")
    return Passed(
        images.reshape(COUNT, PIXELS),
        _latent(mu, "mu", asked),
        _latent(logvar, "logvar", asked),
        tensor(own[0], "x_hat").reshape(COUNT, PIXELS),
        (_latent(own[1], "mu", asked), _latent(own[2], "logvar", asked)),
        [tensor(value, "what reparametrize is handed") for value in answer["asked"]] if answer["asked"] else None,
        answer["decoder"],
        tuple(images.shape),
        answer.get("encoder_learns") if isinstance(answer.get("encoder_learns"), bool) else None,
    )


def _three(answer: Any) -> tuple[Any, Any, Any]:
    if not isinstance(answer, list | tuple) or len(answer) != 3:
        raise Disagreement("forward should return three things: x_hat, mu, logvar", actual=type(answer).__name__)
    return answer[0], answer[1], answer[2]


def _latent(value: Any, what: str, asked: Asked) -> Tensor:
    found, size = tensor(value, what), asked.z.shape[1]
    if asked.classes is not None and list(found.shape) == [COUNT, size + CONDITION[asked.model]]:
        raise Disagreement(
            f"{what} has Z + C columns: the class goes into the encoder and beside z, it makes z no wider",
            bug="latent-widened",
            expected=f"[N, Z] = [{COUNT}, {size}]",
            actual=str(list(found.shape)),
        )
    return tensor(value, what, (COUNT, size))


def _judge_pass(student: Subject, asked: Asked) -> Passed:
    found = _pass(student, asked)
    if found.x_hat.min() < -1e-4 or found.x_hat.max() > 1 + 1e-4 or _unbounded(found.x_hat):
        raise Disagreement(
            "x_hat should lie in [0, 1]: the decoder ends with a sigmoid",
            bug="no-sigmoid",
            actual=f"from {found.x_hat.min():.3g} to {found.x_hat.max():.3g}",
        )
    if torch.equal(found.mu, found.logvar):
        raise Disagreement("mu and logvar are the same numbers: each needs a layer of its own", bug="mu-is-logvar")
    for what, value, again in zip(("mu", "logvar"), (found.mu, found.logvar), found.again, strict=True):
        if not close(value, again):
            raise Disagreement(f"{what} changes from call to call: only z is random", bug="random-encoder")
        if (value - value[:1]).abs().max() < ALIKE:
            raise Disagreement(f"{what} does not depend on the images", bug="encoder-ignores-x")
    _judge_wiring(found)
    return found


def _unbounded(x_hat: Tensor) -> bool:
    """Whether an untrained decoder gives what lies around 0 rather than around 1/2."""
    return bool(x_hat.mean().abs() < 0.25)


def _judge_wiring(found: Passed) -> None:
    """What reparametrize is handed, and whether the decoder gets what it draws."""
    if found.handed is None:  # written out; the decoder alone tells, and that two passes draw another z
        if torch.equal(found.x_hat, found.drawn):
            raise Disagreement(
                "two passes give the same x_hat, in training too: draw z by reparametrize, and decode it",
                bug="z-not-used",
                actual="the same x_hat",
            )
        return
    if len(found.handed) == 2 and close(found.handed[0], found.logvar) and close(found.handed[1], found.mu):
        raise Disagreement(
            "mu and logvar have changed places, in what reparametrize is handed or in what forward returns: both want "
            "mu first",
            bug="latents-swapped",
        )
    for what, value, right in zip(("mu", "logvar"), found.handed, (found.mu, found.logvar), strict=False):
        if not close(value, right):
            raise Disagreement(
                f"reparametrize is handed another {what} than forward returns",
                bug="other-latent",
                expected=shown(right),
                actual=shown(value),
            )
    if found.encoder_learns is False:
        raise Disagreement(
            "no gradient of x_hat reaches mu: reparametrize is called under torch.no_grad, or what it draws is detached",
            bug="z-detached",
        )
    if (found.x_hat - found.drawn).abs().max() < ALIKE:
        raise Disagreement(
            "x_hat does not depend on z: decode what reparametrize draws, not mu",
            bug="z-not-used",
            actual="the same x_hat",
        )


def _judge_decoder(asked: Asked, found: Passed) -> None:
    """The decoder alone, as the handout's cells use it: on z, with the class behind it in the conditional form."""
    answer = parts(found.decoder, said=str)
    way, width = ("plain", "Z") if asked.classes is None else ("behind", f"Z + {CONDITION[asked.model]}")
    alone = answer.get(way)
    if alone is None:
        raise Disagreement(
            f"the decoder alone does not take [N, {width}], which the handout's cells feed it", actual=answer["said"]
        )
    images = tensor(alone, "what the decoder gives")
    if images.numel() != found.x_hat.numel():
        raise Disagreement(
            "the decoder should give 784 numbers an image",
            expected=f"[{COUNT}, 1, 28, 28]",
            actual=str(list(images.shape)),
        )
    if found.handed is None or close(images.reshape(COUNT, PIXELS), found.x_hat, atol=1e-4):
        return
    before = answer.get("before")
    fits = isinstance(before, Tensor) and before.numel() == found.x_hat.numel()
    if fits and close(tensor(before, "what the decoder gives").reshape(COUNT, PIXELS), found.x_hat, atol=1e-4):
        raise Disagreement(
            "the decoder sees the class before z; the handout's cells decode cat((z, c)), z first",
            bug="class-before-z",
            share=0.5,
            expected="torch.cat((z, c), dim=1)",
            actual="torch.cat((c, z), dim=1)",
        )
    wanted = "the z that reparametrize draws" if asked.classes is None else "cat((z, c)), with c as it was handed in"
    raise Disagreement(f"forward decodes something else than {wanted}", bug="decoder-fed-otherwise")


def _judge_classes(student: Subject, asked: Asked, found: Passed) -> None:
    """With the same images and the same z, only the classes are others."""
    assert asked.classes is not None
    other = _pass(student, Asked(asked.model, asked.x, asked.classes.flip(0), asked.z))
    if (other.mu - found.mu).abs().max() < ALIKE:
        raise Disagreement(
            "mu does not depend on c: the encoder should see it beside the images", bug="encoder-ignores-c"
        )
    if found.handed is not None and (other.x_hat - found.x_hat).abs().max() < ALIKE:
        raise Disagreement("x_hat does not depend on c: the decoder should see it behind z", bug="decoder-ignores-c")


def _judge_shape(found: Passed, x: Tensor) -> None:
    if found.shape != tuple(x.shape):
        raise Disagreement(
            "x_hat has the right numbers in another shape than x",
            bug="x-hat-not-images",
            share=NEARLY,
            expected=str(list(x.shape)),
            actual=str(list(found.shape)),
        )
