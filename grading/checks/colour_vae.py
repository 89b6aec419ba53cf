"""Variational autoencoders of colour images whose architecture is the student's: forward tuples, z, classes.

Kingma & Welling 2014 (arXiv:1312.6114); Sohn et al. 2015 for the conditional form. Models are asked untrained.

Judged by docs/right.md#ranges, #noise, #modes-and-layers.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks import gaussian
from grading.checks.compare import NEARLY, Disagreement, all_parts, close, tensor
from grading.checks.latents import judge_rectified, without_the_highest
from grading.checks.u_shape import ALIKE, COUNT, SIDE, decoded, latent_width
from grading.errors import NotMeasured
from grading.subjects import Subject

CLASSES = 10
TUPLE = "(xg, mu, log_var, z)"


@dataclass(frozen=True)
class Pass:
    """What one forward pass gave, checked for shape."""

    xg: Tensor  # [B, 3, 32, 32]
    mu: Tensor  # [B, Z]
    log_var: Tensor
    z: Any  # as it came


def forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """VAE.forward returns (xg, mu, log_var, z): images in [0, 1] that are decoded from the z it draws.

    x [B, 3, 32, 32], y [B] -> [B, 3, 32, 32], [B, Z], [B, Z], [B, Z]
    """
    _judge_passes(student, "vae", rng)


def conditional_forward(student: Subject, reference: Subject, rng: Generator) -> None:
    """CVAE.forward returns (xg, mu, log_var, z), and the decoder sees the class: with z the same, xg depends on y.

    x [B, 3, 32, 32], y [B] -> [B, 3, 32, 32], [B, Z], [B, Z], z with or without the class beside it
    """
    x, y, z = _judge_passes(student, "cvae", rng)
    found, other = (_put(student, "cvae", x, classes, z) for classes in (y, y.flip(0)))
    if found is not None and other is not None and (found - other).abs().max() < ALIKE:
        raise Disagreement(
            "xg does not depend on y where z is the same: the decoder must see the class",
            bug="decoder-ignores-y",
            expected="another xg for another y",
            actual="the same numbers",
        )
    without_the_highest(lambda: _pass(student, "cvae", x[:2], y[:2], "a"), "forward of the CVAE")


def reparameterize(student: Subject, reference: Subject, rng: Generator) -> None:
    """reparameterize draws from N(mu, sigma^2), sigma = exp(log_var / 2), and lets gradients through.

    One release of the template has eps * log_var + mu there, as given: that line costs nothing, and the report says so.
    Where forward draws z by itself, forward is asked.
    """
    if student.reparameterize(mu=torch.zeros(COUNT, 3), logvar=torch.zeros(COUNT, 3)) is None:
        raise NotMeasured("there is no method reparameterize, and what forward does in its place could not be asked")
    try:
        gaussian.reparameterization(student, reference, rng)
    except Disagreement as error:
        if error.verdict.bug == "sigma-is-logvar" and _as_given(student, rng):
            raise Disagreement(
                "z = mu + eps * log_var, as one release of the template has it: full marks, but sigma is exp(log_var / 2)",
                share=1.0,
                bug="template-line-kept",
            ) from None
        raise


def _as_given(student: Subject, rng: Generator) -> bool:
    """Whether z is mu + eps * log_var everywhere: where log_var is 0, z is mu."""
    mu = torch.randn(COUNT, 3, generator=rng)
    z = tensor(student.reparameterize(mu=mu, logvar=torch.zeros_like(mu)), "z", mu.shape)
    return close(z, mu)


def _judge_passes(student: Subject, model: str, rng: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Judges forward as it stands and with a known z; returns x, y and that z."""
    latent = latent_width(student, model, rng)
    x, y = torch.rand(COUNT, 3, SIDE, SIDE, generator=rng), torch.tensor([3, 0, 9, 5])
    first, second = (_pass(student, model, x, y, seed) for seed in ("a", "b"))
    _judge_latents(first, second, x)
    if (first.xg - second.xg).abs().max() < ALIKE:
        raise Disagreement(
            "two calls give the same xg: decode the z that reparameterize draws, not mu", bug="z-not-used"
        )
    z = torch.randn(COUNT, latent, generator=rng)
    one, other = (_put(student, model, x, y, each) for each in (z, -z))
    if one is not None and other is not None and (one - other).abs().max() < ALIKE:
        raise Disagreement("xg does not depend on the z that reparameterize draws", bug="z-not-used")
    _judge_learning(student, model, x, y)
    judge_rectified(mu=first.mu, logvar=first.log_var)
    _judge_z(first)
    return x, y, z


def _pass(student: Subject, model: str, x: Tensor, y: Tensor, seed: str) -> Pass:
    answer = all_parts(student.vae_pass(model=model, x=x, y=y, z=None, seed=seed), own=list, returned=str)
    own = answer["own"]
    if len(own) not in (3, 4):
        raise Disagreement(f"forward should return four things: {TUPLE}", expected=TUPLE, actual=answer["returned"])
    xg, mu, log_var = tensor(own[0], "xg", x.shape), tensor(own[1], "mu"), tensor(own[2], "log_var")
    if mu.ndim != 2 or len(mu) != len(x) or mu.shape != log_var.shape or not mu.numel():
        raise Disagreement(
            "mu and log_var should both have the shape [B, latent_dim]",
            expected=f"[{len(x)}, Z] twice",
            actual=answer["returned"],
        )
    return Pass(xg, mu, log_var, _first(own[3]) if len(own) == 4 else None)


def _first(z: Any) -> Any:
    """z itself, where it comes as [z, classes]."""
    return z[0] if isinstance(z, list | tuple) and z and isinstance(z[0], Tensor) else z


def _put(student: Subject, model: str, x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
    """xg with z in the place of what reparameterize draws; None where forward does not call it."""
    xg = decoded(student.vae_pass(model=model, x=x, y=y, z=z, seed="c"))
    return None if xg is None else tensor(xg, "xg", x.shape)


def _judge_latents(first: Pass, second: Pass, x: Tensor) -> None:
    if first.xg.min() < -1e-4 or first.xg.max() > 1 + 1e-4 or first.xg.mean().abs() < 0.2:
        raise Disagreement(
            "xg should lie in [0, 1], as the images do and as BCELoss wants it: end the decoder with a sigmoid",
            bug="xg-range",
            expected="numbers in [0, 1]",
            actual=f"from {first.xg.min():.3g} to {first.xg.max():.3g}",
        )
    if torch.equal(first.mu, first.log_var):
        raise Disagreement("mu and log_var are the same numbers: each needs a layer of its own", bug="mu-is-log-var")
    for name, value, again in (("mu", first.mu, second.mu), ("log_var", first.log_var, second.log_var)):
        if not close(value, again):
            raise Disagreement(f"{name} changes from call to call: only z is random", bug="random-encoder")
        if (value - value[:1]).abs().max() < ALIKE:
            raise Disagreement(f"{name} does not depend on the images", bug="encoder-ignores-x")


def _judge_learning(student: Subject, model: str, x: Tensor, y: Tensor) -> None:
    """A gradient of the image must reach mu and log_var through z."""
    learns = student.latent_learns(model=model, x=x, y=y)
    if isinstance(learns, list) and len(learns) == 2 and learns[0] is False:
        raise Disagreement(
            "no gradient of xg reaches mu: z is detached, or drawn under torch.no_grad", bug="z-detached"
        )


def _judge_z(found: Pass) -> None:
    """The fourth thing is z, alone or with the class beside it."""
    if found.z is None:
        raise Disagreement(
            f"forward returns three things; the template unpacks four: {TUPLE}",
            share=NEARLY,
            bug="z-not-returned",
            expected=TUPLE,
        )
    z, (count, width) = tensor(found.z, "z"), found.mu.shape
    if z.ndim < 2 or len(z) != count or z[0].numel() < width:
        raise Disagreement(
            "the fourth thing that forward returns should be z [B, latent_dim]",
            share=NEARLY,
            bug="z-not-returned",
            actual=f"shape {list(z.shape)}",
        )
