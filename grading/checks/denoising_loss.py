"""The simplified loss of a denoising diffusion model: what reaches the network, and what is made of its answer.

Ho et al. 2020 (arXiv:2006.11239), equation 14 and algorithm 1; time is counted from 0.

Judged by docs/right.md#reductions, #sizes, #one-mistake-once.
"""

from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, close, one_of, parts, shown, tensor, which
from grading.checks.noise import instead_of
from grading.checks.sizes import in_turn, of_steps
from grading.checks.steps import true_forward
from grading.subjects import Subject

SHAPE = (256, 1, 4, 4)
SIZES = (10, 1000)  # steps: ours, and the course's
REDUCED = {
    "mean-for-sum": "the squared error is to be summed over an image and averaged over the batch; yours is averaged over "
    "the pixels too, and so too small by the number of pixels",
    "sum-over-batch": "the loss is summed over the batch; it should be averaged",
    "one-per-image": "the loss should be one number: the mean over the batch",
}


def squared_error(student: Subject, reference: Subject, rng: Generator) -> None:
    """The loss is |eps - eps_theta(x_t, t)|^2, summed over an image and averaged over the batch, with one t per image.

    x0, eps [B, C, H, W] -> a scalar. Another reduction keeps half. With 256 images and 10 steps, some step is never drawn
    in 2e-11 of all runs.
    """
    in_turn(*(partial(_judge, student, rng, steps) for steps in SIZES))


def _judge(student: Subject, rng: Generator, steps: int) -> None:
    x0, noise = torch.randn(SHAPE, generator=rng), torch.randn(SHAPE, generator=rng)
    trace = _trace(student, x0, noise, steps)
    _judge_steps(student, trace, x0, noise, steps)
    _judge_noisy(trace, x0, noise)
    _judge_value(student, trace, x0, noise, steps)
    _judge_gradient(trace)
    _judge_own_noise(student, x0, steps)


def _trace(student: Subject, x0: Tensor, noise: Tensor | None, steps: int) -> dict[str, Any]:
    seen = dict.fromkeys(("asked_x", "asked_t", "estimate", "jumped_t", "jumped_noise", "betas", "gradient"), Tensor)
    trace = parts(student.denoising_loss(x0=x0, noise=noise, n_steps=steps), loss=object, **seen)
    if trace["estimate"] is None:
        raise Disagreement("loss never asks the network", bug="network-not-asked")
    return trace


def _judge_steps(student: Subject, trace: dict[str, Any], x0: Tensor, noise: Tensor, steps: int) -> None:
    t = tensor(trace["asked_t"], "the t that reaches the network", (len(x0),))
    if len(t.unique()) == 1:
        raise Disagreement(
            "every image of the batch gets the same t: draw one t per image",
            bug="one-t-for-all",
            expected=f"{len(x0)} independent draws of t",
            actual=f"t = {t[0].item():g} for all {len(x0)}",
        )
    of_steps(int(t.max()) + 1, steps, "t is drawn from")
    if not _from_all(t, steps):
        raise Disagreement(
            "t should be drawn from all the steps, 0 to n_steps - 1",
            bug="steps-left-out",
            expected=f"0 to {steps - 1}",
            actual=f"{sorted(set(t.tolist()))}",
            share=0.5,
        )
    if torch.equal(t, tensor(_trace(student, x0, noise, steps)["asked_t"], "t", (len(x0),))):
        raise Disagreement("the same steps are used in every call: draw them at random", bug="fixed-t", share=0.5)


def _from_all(t: Tensor, steps: int) -> bool:
    """Whether every step is among t [256]; of many, whether both ends and enough of them are (4e-6 false alarms)."""
    if steps <= 10:
        return sorted(set(t.tolist())) == list(range(steps))
    return bool(0 <= t.min() < steps / 20 and steps - steps / 20 <= t.max() < steps) and len(t.unique()) > len(t) / 2


def _judge_noisy(trace: dict[str, Any], x0: Tensor, noise: Tensor) -> None:
    """The image that reaches the network: what q_sample gave (0.5 x_0 + 0.25 eps stands in for it), or x_t written out."""
    t = trace["asked_t"].long()
    if trace["jumped_t"] is not None and not torch.equal(trace["jumped_t"].long(), t):
        raise Disagreement("the network is told another t than the noise was added with", bug="network-other-t")
    mean, variance = true_forward(tensor(trace["betas"], "beta"), x0, t)
    x, eps = x0.double(), noise.double()
    slips = {
        "image-not-noisy": Slip(x, "the network is asked about x_0; it should be asked about x_t"),
        "noise-for-image": Slip(eps, "the network is asked about the noise; it should be asked about x_t"),
    }
    if trace["jumped_noise"] is not None and not close(trace["jumped_noise"], noise):
        if close(trace["jumped_noise"], x0):
            told = "q_sample is given x_0 in the place of the noise"
            raise Disagreement(told, bug="image-and-noise-swapped")
        bug, message = instead_of(noise, tensor(trace["jumped_noise"], "the noise that is added", x0.shape))
        raise Disagreement(message, bug=bug)
    allowed = [0.5 * x + 0.25 * eps, mean + variance.sqrt() * eps]
    one_of(trace["asked_x"], allowed, "the image that reaches the network", slips)


def _judge_value(student: Subject, trace: dict[str, Any], x0: Tensor, noise: Tensor, steps: int) -> None:
    loss, estimate = tensor(trace["loss"], "the loss"), tensor(trace["estimate"], "the estimate", x0.shape)
    errors = (estimate - noise.double()) ** 2
    wanted = errors.flatten(1).sum(1).mean()
    if which(loss, {"the loss": wanted}, atol=1e-5):
        return
    told = {"expected": f"{wanted.item():.6g} (sum over an image, mean over the batch)", "actual": shown(loss)}
    known = _known(trace, x0, noise)
    if known:  # one number is soon explained by something: another batch has to show the same
        other = 0.8 * x0.flip(0) + 0.1, 1.2 * noise.flip(0) - 0.2
        again = _known(_trace(student, *other, steps), *other)
        for bug, slip in known.items():
            if bug in again:
                raise Disagreement(slip.message, bug=bug, share=slip.share, **told)
    raise Disagreement("the loss is not the squared difference between the estimate and the noise added", **told)


def _known(trace: dict[str, Any], x0: Tensor, noise: Tensor) -> dict[str, Slip]:
    """The known mistakes that give this loss."""
    loss, estimate = tensor(trace["loss"], "the loss"), tensor(trace["estimate"], "the estimate", x0.shape)
    errors, noisy = (estimate - noise.double()) ** 2, tensor(trace["asked_x"], "x_t", x0.shape)
    reduced = {**REDUCED, "mean-for-sum": f"{REDUCED['mean-for-sum']} ({errors[0].numel()})"}
    found = {
        bug: Slip(errors, message, 0.5)
        for bug, message in reduced.items()
        if which(loss, {bug: _reductions(errors)[bug]})
    }
    for bug, slip in error_slips(estimate, noise.double(), x0.double(), noisy).items():
        if which(loss, _reductions(slip.answer) | {"as it should be": slip.answer.flatten(1).sum(1).mean()}):
            found.setdefault(bug, slip)
    return found


def error_slips(estimate: Tensor, noise: Tensor, image: Tensor, noisy: Tensor) -> dict[str, Slip]:
    """Other errors than the squared one of the estimate, [B, ...] each, to be summed over an image."""
    difference = estimate - noise
    huber = torch.where(difference.abs() < 1, 0.5 * difference**2, difference.abs() - 0.5)
    return {
        "l1-loss": Slip(difference.abs(), "this is the absolute error; the loss is the squared error"),
        "loss-against-image": Slip(
            (estimate - image) ** 2, "the estimate is compared with x_0; it should be with the noise"
        ),
        "loss-against-noisy": Slip(
            (estimate - noisy) ** 2, "the estimate is compared with x_t; it should be with the noise"
        ),
        "root-of-error": Slip(
            (difference**2).flatten(1).sum(1).sqrt().view(-1, 1), "this is the norm of the error, not its square"
        ),
        "halved": Slip(difference**2 / 2, "the squared error is halved", 0.5),
        "sign": Slip(-(difference**2), "the sign of the squared error is wrong: training would make it larger"),
        "not-squared": Slip(difference, "the difference is not squared"),
        "not-squared (the other way)": Slip(-difference, "the difference is not squared"),
        "noise-added": Slip((estimate + noise) ** 2, "the noise is to be taken from the estimate; you add them"),
        "difference-of-squares": Slip(
            noise**2 - estimate**2, "it is the difference that is squared; yours is a difference of squares"
        ),
        "difference-of-squares (the other way)": Slip(
            estimate**2 - noise**2, "it is the difference that is squared; yours is a difference of squares"
        ),
        "huber-loss": Slip(huber, "this is the smooth L1 (Huber) loss; the loss is the squared error"),
        "square-of-sum": Slip(
            (difference.flatten(1).sum(1) ** 2).view(-1, 1), "every difference is to be squared before they are summed"
        ),
    }


def _reductions(errors: Tensor) -> dict[str, Tensor]:
    return {"mean-for-sum": errors.mean(), "sum-over-batch": errors.sum(), "one-per-image": errors.flatten(1).sum(1)}


def _judge_gradient(trace: dict[str, Any]) -> None:
    gradient = trace["gradient"]
    if gradient is None or not torch.isfinite(gradient).all() or not gradient.double().abs().sum() > 0:
        raise Disagreement(
            "no gradient of the loss reaches the network, so it cannot learn", bug="no-gradient", share=0.5
        )


def _judge_own_noise(student: Subject, x0: Tensor, steps: int) -> None:
    """Without given noise, loss draws its own: standard normal, and the one it compares with."""
    trace = _trace(student, x0, None, steps)
    loss, noisy, estimate = (
        tensor(trace["loss"], "the loss"),
        tensor(trace["asked_x"], "x_t", x0.shape),
        trace["estimate"],
    )
    estimate = tensor(estimate, "the estimate", x0.shape)
    t = tensor(trace["asked_t"], "the t that reaches the network", (len(x0),))
    mean, variance = true_forward(tensor(trace["betas"], "beta"), x0, t.long())
    for noise in ((noisy - 0.5 * x0.double()) / 0.25, (noisy - mean) / variance.sqrt()):
        errors = (estimate - noise) ** 2
        if which(loss, {"the loss": errors.flatten(1).sum(1).mean()}, rtol=1e-3):
            return
    other = ((estimate**2 + 1).flatten(1).sum(1), (4 * estimate**2 + 2).flatten(1).sum(1))  # mean, variance: (e - n)^2
    if abs(loss.mean() - other[0].mean()) < 5 * (other[1].sum().sqrt() / len(x0)):
        raise Disagreement(
            "called without noise, the loss compares with other noise than it added", bug="noise-drawn-twice"
        )
    raise Disagreement("called without noise, the loss does not compare the estimate with the noise that it added")
