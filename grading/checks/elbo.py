"""The loss that trains a variational autoencoder with Bernoulli pixels: the negative evidence lower bound.

Judged by docs/right.md#reductions, #clamps, #one-mistake-once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, Disagreement, close, shown, tensor
from grading.checks.divergence_slips import kl_terms
from grading.checks.formula import Slips, WrongShape, by_hand, gradients_agree, leaves_inputs_alone, script
from grading.checks.likelihood import bernoulli_terms
from grading.subjects import Subject

PIXELS, LATENT = 28 * 28, 20
RTOL = 1e-5  # of the sum of all terms' sizes: 784 pixels added up in float32
Inputs = dict[str, Tensor]
Weights = dict[str, dict[str, Tensor]]
Terms = Callable[..., Tensor]  # arguments [B, D] in float64 -> [B, T], whose sum over T is one number per image


@dataclass(frozen=True)
class Way:
    """How code comes by its two terms: the formula, written out, or the stand-in for a function that it calls."""

    likelihood: Terms  # of (mu, target)
    divergence: Terms  # of (mu_q, logvar_q, mu_p, logvar_p)


def negative_elbo(student: Subject, reference: Subject, rng: Generator) -> None:
    """The loss is the sum over the batch of D(q(z | x) || N(0, I)) - log p(x | z).

    recon [B, 784] (means of the pixels), x [B, 1, 28, 28], mu, logvar [B, 20] -> a scalar. The functions for the two terms
    are graded on their own, so linear functions with arbitrary weights stand in for them: code that calls them is judged by
    what it hands them and what it makes of the answers, code that writes a term out by the formula.
    """
    weights, show = _weights(rng), _script(reference)
    way = _way(student, _inputs(rng, 3), weights)
    for height in (3, 1, 8):
        given = _inputs(rng, height)
        _right(student.negative_elbo(**given, stand_ins=weights), given, way, show)
    watched = student.watched(probe="negative_elbo", inputs={**given, "stand_ins": weights})
    leaves_inputs_alone(watched, given, show)
    leaves = {name: value.double().requires_grad_() for name, value in given.items()}
    _loss(way, leaves).backward()
    gradients_agree(watched, {name: leaves[name].grad for name in ("recon", "mu", "logvar")}, "the loss", show)


def _weights(rng: Generator) -> Weights:
    """Of the stand-ins: a weight for every number of every argument, by the arguments' names."""
    sizes = {
        "likelihood": {"mu": PIXELS, "target": PIXELS},
        "divergence": dict.fromkeys(("mu_q", "logvar_q", "mu_p", "logvar_p"), LATENT),
    }
    return {
        part: {name: torch.randn(size, generator=rng) for name, size in arguments.items()}
        for part, arguments in sizes.items()
    }


def _inputs(rng: Generator, height: int) -> Inputs:
    return {
        "recon": 0.05 + 0.9 * torch.rand(height, PIXELS, generator=rng),
        "x": 0.05 + 0.9 * torch.rand(height, 1, 28, 28, generator=rng),
        "mu": torch.randn(height, LATENT, generator=rng),
        "logvar": torch.randn(height, LATENT, generator=rng),
    }


def _way(student: Subject, given: Inputs, weights: Weights) -> Way:
    """Which functions the loss calls: those whose weights make a difference to it."""
    asked = tensor(student.negative_elbo(**given, stand_ins=weights), "the loss")

    def taken(part: str, formula: Terms) -> Terms:
        silent = {**weights, part: {name: torch.zeros_like(value) for name, value in weights[part].items()}}
        without = tensor(student.negative_elbo(**given, stand_ins=silent), "the loss")
        return formula if close(without, asked, rtol=1e-6) else _linear(weights[part])

    return Way(taken("likelihood", bernoulli_terms), taken("divergence", kl_terms))


def _linear(weights: dict[str, Tensor]) -> Terms:
    def terms(*arguments: Tensor) -> Tensor:
        return torch.cat([value * by.double() for value, by in zip(arguments, weights.values(), strict=True)], dim=1)

    return terms


def _split(way: Way, given: Inputs) -> tuple[Tensor, Tensor]:
    """The terms of the log-likelihood and of the divergence, [B, T] each."""
    recon, x, mu, logvar = (value.flatten(1).double() for value in given.values())
    zero = torch.zeros_like(mu)
    return way.likelihood(recon, x), way.divergence(mu, logvar, zero, zero)


def _loss(way: Way, given: Inputs) -> Tensor:
    likelihood, divergence = _split(way, given)
    return divergence.sum() - likelihood.sum()


def _right(answer: Any, given: Inputs, way: Way, show: str) -> None:
    """Raises Disagreement unless this is the loss."""
    likelihood, divergence = _split(way, given)
    bound = RTOL * (1 + likelihood.abs().sum().item() + divergence.abs().sum().item())
    right, found = divergence.sum() - likelihood.sum(), tensor(answer, "the loss")
    terms = f"D = {shown(divergence.sum(1), 3)} and log p = {shown(likelihood.sum(1), 3)}"
    told = {"expected": f"{shown(right)}, from {terms}", "actual": shown(found), "reproduce": show}
    if found.numel() == 1 and close(found.flatten(), right.flatten(), 0.0, bound):
        return
    per_image = divergence.sum(1) - likelihood.sum(1)
    if close(found.flatten(), per_image, 0.0, bound):
        raise WrongShape("one number per image: sum over the batch as well", share=HALF, bug="not-summed", **told)
    for bug, (wrong, message) in _slips(way, given).items():
        if found.numel() == 1 and close(found.flatten(), wrong.flatten(), 0.0, bound) and len(per_image) > 1:
            share = HALF if bug == "mean-over-batch" else 0.0
            raise Disagreement(message, share=share, bug=bug, **told)
    if found.numel() != 1:
        raise WrongShape("the loss should be one number, summed over the batch", **told)
    raise Disagreement("the loss is not the sum of D(q(z | x) || N(0, I)) - log p(x | z)", **told)


def _slips(way: Way, given: Inputs) -> Slips:
    """What known mistakes give."""
    likelihood, divergence = (part.sum(1) for part in _split(way, given))
    return {**_wrong_signs(likelihood, divergence), **_wrong_means(likelihood, divergence), **_wrong_terms(way, given)}


def _wrong_signs(likelihood: Tensor, divergence: Tensor) -> Slips:
    fit, kl = likelihood.sum(), divergence.sum()
    return {
        "elbo-not-negated": (fit - kl, "this is the ELBO, which grows as the model learns; the loss is its negative"),
        "likelihood-sign": (fit + kl, "the log-likelihood has the wrong sign: the loss is D - log p"),
        "kl-sign": (-fit - kl, "the divergence has the wrong sign: the loss is D - log p"),
        "kl-missing": (-fit, "the divergence from the prior is missing"),
        "likelihood-missing": (kl, "the log-likelihood is missing"),
    }


def _wrong_means(likelihood: Tensor, divergence: Tensor) -> Slips:
    fit, kl = likelihood.sum(), divergence.sum()
    by_pixel, by_latent = fit / len(likelihood) / PIXELS, kl / len(likelihood) / LATENT
    return {
        "mean-over-batch": (
            (divergence - likelihood).mean(),
            "this is the mean over the batch; the loss is their sum (the training loop divides by the number of images)",
        ),
        "mean-cross-entropy": (
            kl - by_pixel,
            "the log-likelihood is averaged over the pixels; sum it over pixels and batch (reduction='sum')",
        ),
        "kl-averaged": (
            divergence.mean() - fit,
            "the divergence is averaged over the batch, the log-likelihood summed",
        ),
        "likelihood-averaged": (
            kl - likelihood.mean(),
            "the log-likelihood is averaged over the batch, the divergence is not",
        ),
        "kl-mean-over-everything": (by_latent - fit, "the divergence is averaged; sum it over dimensions and batch"),
        "mean-over-everything": (by_latent - by_pixel, "both terms are averaged; sum them"),
    }


def _wrong_terms(way: Way, given: Inputs) -> Slips:
    recon, x, mu, logvar = (value.flatten(1).double() for value in given.values())
    zero, one = torch.zeros_like(mu), torch.ones_like(mu)
    fit, kl = (part.sum() for part in _split(way, given))
    return {
        "kl-swapped": (
            way.divergence(zero, zero, mu, logvar).sum() - fit,
            "this is D(prior || q); D(q || prior) is wanted",
        ),
        "prior-logvar-one": (
            way.divergence(mu, logvar, zero, one).sum() - fit,
            "the prior has variance 1, so its log-variance is 0, not 1",
        ),
        "mu-logvar-swapped": (way.divergence(logvar, mu, zero, zero).sum() - fit, "mu and logvar are swapped"),
        "swapped-arguments": (kl - way.likelihood(x, recon).sum(), "recon_x and x are swapped: the means come first"),
        "squared-error": (
            kl + ((recon - x) ** 2).sum(),
            "pixels are Bernoulli variables: no squared error, but -log p(x | z)",
        ),
    }


def _script(reference: Subject) -> str:
    """A small case with the right answer beside it."""
    recon, x = torch.full((2, PIXELS), 0.4), torch.full((2, 1, 28, 28), 0.7)
    mu, logvar = torch.full((2, LATENT), 0.5), torch.full((2, LATENT), -1.0)
    given = {"recon": recon, "x": x, "mu": mu, "logvar": logvar}
    right = _loss(Way(bernoulli_terms, kl_terms), given).item()
    lines = [
        "recon, x = torch.full((2, 784), 0.4), torch.full((2, 1, 28, 28), 0.7)",
        "mu, logvar = torch.full((2, 20), 0.5), torch.full((2, 20), -1.0)",
    ]
    return f"{script(by_hand(reference, 'negative_elbo', given), lines)}  # {right:.2f} is right"
