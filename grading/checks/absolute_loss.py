"""The L1 loss of a denoising diffusion model, and the random steps that it is taken at. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239), algorithm 1, with the absolute error. Functions that these build on are replaced by known
ones (`known_jump` in the probes), so that a mistake in them costs nothing here; code that writes them out is right too.

Judged by docs/right.md#reductions, #noise, #shapes-and-types.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, close, parts, scalar, shown, tensor, which
from grading.checks.cosine import jump_slips, jumps
from grading.checks.noise import instead_of
from grading.checks.steps import STEPS
from grading.subjects import Subject

STAND_IN = 0.625  # what the known function answers that stands in for p_losses
CALLS = 4


def noise_distance(student: Subject, reference: Subject, rng: Generator) -> None:
    """p_losses is the mean absolute difference between the noise and what the model takes for it in x_t.

    x_0, noise [B, C, S, S], t [B] -> a scalar; one number per image, or per pixel, is right too, since the trainer averages.
    """
    x, noise = (torch.randn(5, 3, 4, 4, generator=rng) for _ in range(2))
    t = torch.tensor([0, 7, 20, 33, STEPS - 2])
    asked = student.absolute_loss(images=x, t=t, noise=noise, n_steps=STEPS)
    trace = parts(asked, loss=object, alphas=Tensor, asked_x=Tensor, asked_t=Tensor, estimate=Tensor, gradient=Tensor)
    if trace["estimate"] is None:
        raise Disagreement("the model is never asked for its estimate of the noise", bug="network-not-asked")
    _judge_question(trace, x, t, noise)
    estimate = tensor(trace["estimate"], "the estimate", x.shape)
    _judge_distance(tensor(trace["loss"], "the loss"), estimate, noise.double(), x.double(), trace)
    if trace["gradient"] is None or not tensor(trace["gradient"], "the gradient").abs().sum() > 0:
        raise Disagreement("the loss sends no gradient to the model: nothing is learned from it", bug="no-gradient")


def _judge_question(trace: dict[str, Any], x: Tensor, t: Tensor, noise: Tensor) -> None:
    """What the model is asked: x_t and t."""
    told = tensor(trace["asked_t"], "the t that reaches the model", t.shape)
    if not torch.equal(told, t.double()):
        raise Disagreement(
            "the model is told another t than it should be",
            bug="network-other-t",
            expected=shown(t),
            actual=shown(told),
        )
    found = tensor(trace["asked_x"], "the image that reaches the model", x.shape)
    stood_in = 0.5 * x.double() + 0.25 * noise.double()
    if any(close(found, right) for right in (stood_in, *jumps(trace["alphas"], x, t, noise))):
        return
    if close(found, x):
        raise Disagreement(
            "the model is asked about the image as it comes: p_losses is given x_0, and makes x_t of it by q_sample",
            bug="image-not-noised",
            share=HALF,
        )
    bug, message = instead_of(noise, (found - 0.5 * x.double()) / 0.25)
    if bug == "given-noise-ignored":
        raise Disagreement("q_sample is not given the noise that the loss compares with", bug="noise-not-passed")
    if bug != "other-noise":
        raise Disagreement(f"{message}, where q_sample is asked", bug=bug)
    for bug, slip in jump_slips(trace["alphas"], x, t, noise).items():
        if close(found, slip.answer):
            raise Disagreement(slip.message, bug=bug, share=slip.share)
    raise Disagreement(
        "the model is not asked about x_t", bug="other-image", expected=shown(stood_in), actual=shown(found)
    )


def _judge_distance(loss: Tensor, estimate: Tensor, noise: Tensor, x: Tensor, trace: dict[str, Any]) -> None:
    difference = (estimate - noise).abs()
    right = (difference.mean(), difference.flatten(1).mean(1), difference)
    if any(loss.shape == each.shape and close(loss, each) for each in right) or close(loss.flatten(), right[0].view(1)):
        return
    told = {"expected": f"{right[0].item():.6g}", "actual": shown(loss)}
    near, noisy = difference.clamp_max(1), tensor(trace["asked_x"], "x_t")
    slips = {
        "l2-loss": (
            (difference**2).mean(),
            "this is the squared error; the handout's loss is the absolute one, L1",
            HALF,
        ),
        "huber-loss": (
            torch.where(difference < 1, 0.5 * near**2, difference - 0.5).mean(),
            "this is the smooth L1 (Huber) loss; the handout's is plain L1",
            HALF,
        ),
        "summed": (difference.sum(), "the absolute differences are summed; take their mean", HALF),
        "summed-per-image": (difference.flatten(1).sum(1).mean(), "summed over pixels; take their mean", HALF),
        "loss-against-image": (
            (estimate - x).abs().mean(),
            "the estimate is compared with x_0, not with the noise",
            0.0,
        ),
        "loss-against-noisy": (
            (estimate - noisy).abs().mean(),
            "the estimate is compared with x_t, not the noise",
            0.0,
        ),
        "signed": ((estimate - noise).mean(), "the absolute value is missing", 0.0),
        "signed-the-other-way": ((noise - estimate).mean(), "the absolute value is missing", 0.0),
    }
    bug = which(loss, {name: answer for name, (answer, _, _) in slips.items()})
    if bug:
        raise Disagreement(slips[bug][1], bug=bug, share=slips[bug][2], **told)
    raise Disagreement("the loss is not the mean of |noise - estimate|", **told)


def training_loss(student: Subject, reference: Subject, rng: Generator) -> None:
    """forward draws one t per image from 0 … T - 1 and hands x_0, t and the given noise to p_losses.

    x_0, noise [B, C, S, S] -> what p_losses answers.
    """
    x, noise = (torch.randn(512, 1, 2, 2, generator=rng) for _ in range(2))
    traces = [_trace(student, x, noise) for _ in range(CALLS)]
    for trace in traces:
        _judge_call(trace, x, noise)
    steps = [tensor(trace["handed_t"] if trace["handed_t"] is not None else trace["asked_t"], "t") for trace in traces]
    _judge_steps([t.flatten() for t in steps], len(x))


def _trace(student: Subject, x: Tensor, noise: Tensor) -> dict[str, Any]:
    kinds: dict[str, Any] = dict.fromkeys(("alphas", "handed_x", "handed_t", "asked_x", "asked_t", "estimate"), Tensor)
    answer = student.training_loss(images=x, noise=noise, n_steps=STEPS)
    return parts(answer, loss=object, handed_noise=object, **kinds)


def _judge_call(trace: dict[str, Any], x: Tensor, noise: Tensor) -> None:
    if trace["handed_t"] is None:
        _judge_written_out(trace, x, noise)
        return
    stood_in = 0.5 * x.double() + 0.25 * noise.double()
    given = tensor(trace["handed_x"], "the images that p_losses is given", x.shape)
    _judge_noise(trace["handed_noise"], noise)
    if not close(given, x) and not close(given, stood_in):
        raise Disagreement(
            "p_losses is not given the images x_0", bug="other-image", expected=shown(x), actual=shown(given)
        )
    if scalar(tensor(trace["loss"], "the loss").mean(), "the loss") != STAND_IN:
        raise Disagreement("what p_losses answers is not what forward returns", bug="loss-not-returned")


def _judge_noise(found: Any, noise: Tensor) -> None:
    if isinstance(found, Tensor) and found.shape == noise.shape and close(found, noise):
        return
    bug, message = "given-noise-ignored", "the noise that forward is given is not handed on to p_losses"
    if isinstance(found, Tensor):
        bug, message = instead_of(noise, tensor(found, "the noise that p_losses is given", noise.shape))
    raise Disagreement(
        message,
        bug=bug,
        share=HALF if bug in ("given-noise-ignored", "noise-of-other-images") else 0.0,
        expected=shown(noise),
        actual=shown(found) if isinstance(found, Tensor) else "none is handed on",
    )


def _judge_written_out(trace: dict[str, Any], x: Tensor, noise: Tensor) -> None:
    """forward that writes p_losses out: what it asks the model, and what it makes of the answer."""
    if trace["asked_t"] is None:
        raise Disagreement("forward neither calls p_losses nor asks the model", bug="network-not-asked")
    t = tensor(trace["asked_t"], "t", (len(x),)).long().clamp(0, STEPS - 1)
    _judge_question(trace, x, t, noise)
    _judge_distance(
        tensor(trace["loss"], "the loss"),
        tensor(trace["estimate"], "the estimate", x.shape),
        noise.double(),
        x.double(),
        trace,
    )


def _judge_steps(draws: list[Tensor], count: int) -> None:
    """Each of the 50 steps comes up in 2,048 draws but for a chance of 5e-17."""
    for t in draws:
        if t.numel() != count or len(t.unique()) == 1:
            raise Disagreement(
                "every image of the batch gets the same t: draw one t per image",
                bug="one-t-for-all",
                share=NEARLY,
                expected=f"{count} independent draws of t",
                actual=f"t = {t[0].item():g} for all of them" if len(t) == count else f"{len(t)} of them",
            )
    if torch.equal(draws[0], draws[1]):
        raise Disagreement("the same steps are used in every call: draw them at random", bug="fixed-t")
    seen = torch.cat(draws).unique()
    missing = sorted(set(range(STEPS)) - {int(t) for t in seen.tolist()})
    told = {"expected": f"0 … {STEPS - 1}", "actual": f"{seen.min().item():g} … {seen.max().item():g}"}
    if seen.min() < 0 or seen.max() > STEPS - 1:
        raise Disagreement("t runs beyond the tables: steps count from 0 to T - 1", bug="step-out-of-range", **told)
    if missing:
        known = {0: "first-step-skipped", STEPS - 1: "last-step-skipped"}
        bug = known.get(missing[0], "steps-skipped") if len(missing) == 1 else "steps-skipped"
        which_ones = ", ".join(map(str, missing[:5]))
        raise Disagreement(f"t is never {which_ones}: steps count from 0 to T - 1", bug=bug, share=NEARLY, **told)
