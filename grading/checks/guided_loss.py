"""The training loss of guided diffusion, around a network that is known and takes down what it is asked.

Ho & Salimans 2022 (arXiv:2207.12598), equation 5.

Judged by docs/right.md#reductions, #sizes, #one-mistake-once.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import Disagreement, Slip, close, parts, reductions, shown, tensor, which
from grading.checks.denoising_loss import error_slips
from grading.checks.guidance import BELOW, alphas, sigmas
from grading.checks.guided_network import NOTHING, estimate, known_network
from grading.checks.sizes import in_turn, of_steps
from grading.checks.stand_ins import affine, shaken
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

IMAGES, CALLS, LEVELS = 240, 60, 10  # LEVELS: as many steps, or tenths of many steps, are counted
SIZES = (10, 1000)  # steps: ours, and the course's
FORWARD = BELOW | {"log_snr": [3.0, -0.6], "forward_sample": [0.05, 0.6, 0.03, 0.5]}
UNEVEN = 50.0  # chi-square of ten counts, nine degrees of freedom: 1e-7 false alarms


class _Asked:
    """One batch, and what it is asked with."""

    def __init__(self, student: Subject, rng: Generator, steps: int) -> None:
        self.student, self.steps, self.network = student, steps, known_network(rng)
        known = shaken(FORWARD, rng)
        start, slope = known["log_snr"]
        self.known = known | {"log_snr": [start, slope * SIZES[0] / steps]}
        self.x = torch.rand(IMAGES, 1, 2, 3, generator=rng)
        self.noise, self.labels = torch.randn(self.x.shape, generator=rng), torch.arange(IMAGES) % NOTHING

    def trace(self, labels: Tensor | None, noise: Tensor | None, replaced: bool) -> dict[str, Any]:
        """The loss, what the network was asked last, and the gradient that reached it."""
        stand_ins = self.known if replaced else {}
        answer = self.student.guided_loss(
            x0=self.x, labels=labels, noise=noise, n_steps=self.steps, network=self.network, stand_ins=stand_ins
        )
        return parts(answer, loss=object, asked_z=Tensor, asked_labels=Tensor, gradient=Tensor)


def squared_error(student: Subject, reference: Subject, rng: Generator) -> None:
    """The loss is ||eps_theta(z_lambda, labels) - noise||^2, summed over an image and averaged over the batch.

    x0, noise [B, C, H, W], labels [B] or None -> a scalar (equation 5). Every image has a t of its own, uniform on
    0 … n_steps - 1: no step may be missing among 240 draws (1e-10 false alarms) and the counts must be even (1e-7).
    """
    in_turn(*(partial(_judge, student, rng, steps) for steps in SIZES))


def _judge(student: Subject, rng: Generator, steps: int) -> None:
    asked = _Asked(student, rng, steps)
    _judge_labels(asked)
    for labels in (asked.labels, None):
        trace, t = _recognised(asked, labels)
        _judge_steps(t, steps)
        _judge_value(asked, trace, partial(_Asked, student, rng, steps), labels)
        _judge_gradient(asked, trace)
    drawn = tensor(asked.trace(asked.labels, None, True)["loss"], "the loss without given noise")
    again = tensor(asked.trace(asked.labels, None, True)["loss"], "the loss without given noise")
    if torch.equal(drawn, again):
        raise Disagreement("two calls give the same loss: t and noise must be drawn anew", bug="fixed-draws", share=0.5)


def _judge_labels(asked: _Asked) -> None:
    """What reaches the network must be the labels, in every call; None is None (or the label that stands for it)."""
    found = asked.student.guided_loss_labels(
        x0=asked.x, labels=asked.labels, n_steps=asked.steps, network=asked.network, calls=CALLS, stand_ins=asked.known
    )
    if found is None:
        raise Disagreement("loss never asks the network", bug="network-not-asked")
    seen = tensor(found, "the labels that reach the network", (CALLS, IMAGES))
    none = (seen == NOTHING).all(1)
    if none.all():
        raise Disagreement("the labels never reach the network: eps_model(z, labels)", bug="labels-not-passed")
    told = {"expected": shown(asked.labels), "actual": shown(seen[~none][0])}
    if not torch.equal(seen[~none], asked.labels.double().expand_as(seen)[~none]):
        raise Disagreement(
            "the labels are changed before they reach the network; dropping them is the trainer's part, with None",
            bug="labels-overwritten",
            share=0.5,
            **told,
        )
    if none.any():
        message = f"the labels were dropped in {int(none.sum())} of {CALLS} calls; that is the trainer's part"
        raise Disagreement(message, bug="labels-dropped", share=0.5, **told)


def _recognised(asked: _Asked, labels: Tensor | None) -> tuple[dict[str, Any], Tensor]:
    """The trace whose z are right at some step each, and these steps; raises Disagreement where there is none."""
    try:
        trace = asked.trace(labels, asked.noise, False)
        t = _steps_of(trace["asked_z"], _true_states(asked))
        if (
            t is not None and len(t.unique()) > 1
        ):  # at t = 0 alone z is x0: with stand-ins it is seen which of the two it is
            return trace, t
    except (NotDone, Crashed):  # what it builds on may be to blame
        pass
    try:
        trace = asked.trace(labels, asked.noise, True)
    except Crashed as error:
        if labels is not None:
            raise
        message = f"loss fails where labels is None, as in a batch that is trained without them: {error}"
        raise Disagreement(message, bug="fails-without-labels", share=0.5) from None
    if (t := _steps_of(trace["asked_z"], _known_states(asked))) is not None:
        return trace, t
    z = tensor(trace["asked_z"], "what the network is asked", asked.x.shape)
    _judge_size(asked, z)
    raise _wrong_state(asked, z)


def _true_states(asked: _Asked) -> Iterator[Tensor]:
    """z at every step, [T, B, ...], for both readings of u."""
    for most in (asked.steps, asked.steps - 1):
        lam = vp.log_snr(torch.arange(asked.steps) / most).view(-1, 1, 1, 1, 1)
        yield vp.alpha(lam) * asked.x.double() + vp.sigma(lam) * asked.noise.double()


def _known_states(asked: _Asked) -> Iterator[Tensor]:
    """z at every step where the methods loss builds on are stand-ins, whichever of them it calls."""
    x, noise, lam = asked.x.double(), asked.noise.double(), _known_levels(asked)
    yield affine(asked.known["forward_sample"], x, lam, noise)
    for alpha, sigma in product(alphas(lam, asked.known), sigmas(lam, asked.known)):
        yield alpha * x + sigma * noise


def _known_levels(asked: _Asked) -> Tensor:
    return affine(asked.known["log_snr"], torch.arange(asked.steps)).view(-1, 1, 1, 1, 1)


def _judge_size(asked: _Asked, z: Tensor) -> None:
    """Raises OtherSizes where z is q_sample's at steps that a process of so few does not have."""
    one, x, lam, noise = asked.known["forward_sample"]
    start, slope = asked.known["log_snr"]
    levels = (z.double() - one - x * asked.x.double() - noise * asked.noise.double()) / lam
    t = ((levels - start) / slope).flatten(1)
    whole = t.mean(1).round()
    if (t - whole.unsqueeze(1)).abs().max() < 0.1 and whole.min() >= 0:
        of_steps(int(whole.max()) + 1, asked.steps, "t is drawn from")


def _steps_of(z: Tensor | None, states: Iterator[Tensor]) -> Tensor | None:
    """The step that every image of z [B, ...] is at, by the first of the states [T, B, ...] that explains them all."""
    for state in states:
        if z is not None and z.shape == state.shape[1:]:
            nearest = (state - z.double()).flatten(2).abs().amax(2).min(0)
            if nearest.values.max() < 1e-3:
                return nearest.indices
    return None


def _wrong_state(asked: _Asked, z: Tensor) -> Disagreement:
    """What is wrong with what the network is asked."""
    x, lam, known = asked.x.double(), _known_levels(asked), asked.known["forward_sample"]
    noise, plain = asked.noise.double(), "the network should be asked with z = q_sample(x0, get_lambda(t), noise): "
    swapped = affine(known, noise, lam, x)
    steps = torch.arange(asked.steps, dtype=torch.float64).view(-1, 1, 1, 1, 1)
    slips = {
        "image-for-state": (x.unsqueeze(0), plain + "yours is x0, without noise"),
        "noise-for-state": (noise.unsqueeze(0), plain + "yours is the noise alone"),
        "image-and-noise-swapped": (swapped, plain + "you swap x0 and noise"),
        "t-for-lambda": (affine(known, x, steps, noise), plain + "you give it t instead of lambda"),
    }
    told = {"expected": "z at one of the steps, for every image", "actual": shown(z)}
    for bug, (wrong, message) in slips.items():
        if _steps_of(z, iter([wrong])) is not None:
            return Disagreement(message, bug=bug, **told)
    again = asked.trace(asked.labels, asked.noise, True)["asked_z"]
    unused = (torch.stack([z, tensor(again, "z", z.shape)]) - known[1] * x) / known[3]
    drawn = not torch.equal(z, again) if isinstance(again, Tensor) and again.shape == z.shape else False
    if drawn and torch.corrcoef(torch.stack([unused[0].flatten(), noise.flatten()]))[0, 1].abs() < 0.5:
        return Disagreement(plain + "yours does not hold the noise that was given", bug="noise-drawn-again", **told)
    return Disagreement(plain + "yours is not that at any step", **told)


def _judge_steps(t: Tensor, steps: int) -> None:
    counts = torch.bincount(t * LEVELS // steps, minlength=LEVELS).double()
    told = {
        "expected": f"each tenth of 0 … {steps - 1} about {IMAGES // LEVELS} times",
        "actual": shown(counts, LEVELS),
    }
    if len(t.unique()) == 1:
        raise Disagreement("every image of a batch gets the same t: draw one per image", bug="one-t-for-all", **told)
    if (counts == 0).any() or ((counts - IMAGES / LEVELS) ** 2).sum() * LEVELS / IMAGES > UNEVEN:
        raise Disagreement("t is not uniform on 0 … n_steps - 1", bug="t-not-uniform", share=0.5, **told)


def _judge_value(asked: _Asked, trace: dict[str, Any], another: Callable[[], _Asked], labels: Tensor | None) -> None:
    loss, error = tensor(trace["loss"], "the loss"), _estimated(asked, trace) - asked.noise.double()
    right = (error**2).flatten(1).sum(1)
    if which(loss, {"": right.mean()} if loss.numel() == 1 else {}) or close(loss.flatten(), right.mean().view(1)):
        return
    told = {"expected": shown(right.mean()), "actual": shown(loss)}
    reduced = which(loss, reductions(right, error.numel()), rtol=1e-3)
    if reduced:
        bug = {"sum over everything": "sum-over-batch", "mean over everything": "mean-for-sum"}.get(
            reduced, "not-reduced"
        )
        message = (
            f"the error is right but reduced otherwise ({reduced}): sum over an image's numbers, then average the batch"
        )
        raise Disagreement(message, bug=bug, share=0.5, **told)
    known = _known(asked, trace)
    if known:  # one number is soon explained by something: another batch has to show the same
        other = another()
        again = _known(other, _recognised(other, labels)[0])
        for bug, slip in known.items():
            if bug in again:
                raise Disagreement(slip.message, bug=bug, share=slip.share, **told)
    raise Disagreement("the loss is not ||eps_theta(z, labels) - noise||^2", **told)


def _estimated(asked: _Asked, trace: dict[str, Any]) -> Tensor:
    """What the network answered."""
    labels = tensor(trace["asked_labels"], "the labels that reach the network", (IMAGES,)).long()
    if labels.min() < 0 or labels.max() > NOTHING:
        raise Disagreement("the labels that reach the network should be classes from 0 to 9", actual=shown(labels))
    return estimate(asked.network, trace["asked_z"], labels)


def _known(asked: _Asked, trace: dict[str, Any]) -> dict[str, Slip]:
    """The known mistakes that give this loss."""
    loss, z = tensor(trace["loss"], "the loss"), trace["asked_z"].double()
    slips = error_slips(_estimated(asked, trace), asked.noise.double(), asked.x.double(), z)
    return {
        bug: slip
        for bug, slip in slips.items()
        if which(loss, reductions(slip.answer.flatten(1).sum(1), asked.x.numel()))
    }


def _judge_gradient(asked: _Asked, trace: dict[str, Any]) -> None:
    """The network's one parameter scales its answer e: d/ds |s e - noise|^2 = 2 (e - noise) e at s = 1."""
    found = trace["gradient"]
    answer = _estimated(asked, trace)
    expected = (2 * (answer - asked.noise.double()) * answer).flatten(1).sum(1).mean().view(1)
    if found is None or not close(tensor(found, "the gradient", (1,)), expected, rtol=1e-3, atol=1e-4):
        actual = "none" if found is None else shown(found)
        raise Disagreement(
            "the gradient of the loss does not reach the network as it should",
            bug="no-gradient",
            expected=shown(expected),
            actual=actual,
        )
