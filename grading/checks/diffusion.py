"""Denoising diffusion models whose network is the student's own: its wiring, the loss, the loader.

Ho et al. 2020 (arXiv:2006.11239). The sampler has a file of its own, `sampler.py`.

Judged by docs/right.md#modes-and-layers, #noise, #reductions.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, parts, reductions, shown, table, tensor, which, within
from grading.checks.latents import without_the_highest
from grading.checks.loaders import judge_loader
from grading.checks.schedule import MOST_STEPS, steps_in_use
from grading.errors import NotMeasured
from grading.subjects import Subject

SHAPE = (1, 28, 28)


def noise_network(student: Subject, reference: Subject, rng: Generator) -> None:
    """The network estimates noise of the shape of x, and its estimate depends on x, on t and on the class.

    x [B, 1, 28, 28], timestep [B], y [B] -> [B, 1, 28, 28]. A network that wants timestep and y as [B, 1] is asked so.
    """
    steps = steps_in_use(student)
    x, y = torch.randn(4, *SHAPE, generator=rng), torch.tensor([0, 3, 5, 9])
    t = torch.tensor([1, steps // 3, steps // 2, steps - 1])

    def asked(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return tensor(student.noise_estimate(x=x, timestep=t, y=y, seed="a"), "the noise estimate", x.shape)

    first = asked(x, t, y)
    changes = {
        "no-time-input": (asked(x, t.flip(0), y), "the noise estimate does not depend on the time step"),
        "no-class-input": (asked(x, t, y.flip(0)), "the noise estimate does not depend on the class y"),
        "no-image-input": (asked(x.flip(0), t, y), "the noise estimate does not depend on x"),
    }
    for bug, (other, message) in changes.items():
        if (first - other).abs().max() <= 1e-6 * (1 + first.abs().max()):
            raise Disagreement(message, bug=bug, expected="another estimate", actual="the same numbers")
    without_the_highest(lambda: asked(x[:3], t[:3], y[:3]), "the network")


def noise_loss(student: Subject, reference: Subject, rng: Generator) -> None:
    """forward draws one t per image, adds noise, and compares the network's estimate with the noise it added.

    x [B, 1, 28, 28] in [-1, 1], y [B] -> a scalar (equation 14). Mean, sum, and sum per image are all right.
    """
    x, y = 2 * torch.rand(64, *SHAPE, generator=rng) - 1, torch.arange(64) % 10
    trace = _trace(student, x, y, "a")
    if trace["estimate"] is None:
        raise Disagreement("forward never asks the network", bug="network-not-asked")
    loss = tensor(trace["loss"], "the loss")
    if not trace["requires_grad"]:
        raise Disagreement("the loss has no gradient", bug="no-gradient")
    _judge_labels(trace, y)
    _judge_time_steps(student, trace, x, y)
    _judge_value(student, loss, trace, x, y)


def _trace(student: Subject, x: Tensor, y: Tensor, seed: str) -> dict[str, Any]:
    tensors = ("noisy", "timestep", "labels", "estimate", "added_noise", "added_timestep", "alpha_bars")
    kinds: dict[str, type] = dict.fromkeys(tensors, Tensor)
    return parts(student.loss_trace(x=x, y=y, seed=seed), loss=object, requires_grad=bool, **kinds)


def _judge_labels(trace: dict[str, Any], y: Tensor) -> None:
    labels = tensor(trace["labels"], "the labels that reach the network", y.shape)
    if not torch.equal(labels, y.double()):
        raise Disagreement(
            "the network is asked with other labels than the batch has", bug="wrong-labels", actual=shown(labels)
        )


def _judge_range(trace: dict[str, Any], student: Subject, x: Tensor, y: Tensor) -> None:
    """128 draws reach both ends of the steps (0.7^128 false alarms); seen where add_noise is told the steps."""
    other, bars = _trace(student, x, y, "b"), trace["alpha_bars"]
    if trace["added_timestep"] is None or other["added_timestep"] is None or bars is None or bars.numel() < 20:
        return
    t = torch.cat([each["added_timestep"].flatten().double() for each in (trace, other)])
    steps = bars.numel()
    if len(t) >= 128 and (t.max() < 0.7 * steps or t.min() > 0.3 * steps):
        raise Disagreement(
            "t should be drawn from all the steps of the schedule",
            bug="steps-left-out",
            share=0.5,
            expected=f"0 to {steps - 1}",
            actual=f"{t.min():g} to {t.max():g}, of {len(t)} draws",
        )


def _judge_time_steps(student: Subject, trace: dict[str, Any], x: Tensor, y: Tensor) -> None:
    t = tensor(trace["timestep"], "the time steps that reach the network", (len(x),))
    if len(t.unique()) == 1:
        raise Disagreement(
            "every image of the batch gets the same t: draw one t per image",
            bug="one-t-for-all",
            expected=f"{len(x)} independent draws of t",
            actual=f"t = {t[0].item():g} for all {len(x)}",
        )
    added = _told_to_add(trace, len(x))
    if added is not None and (t - added).abs().max() > 1e-6 and not _in_step(t, added):
        raise Disagreement(
            "the network is told another t than the noise was added with",
            bug="network-other-t",
            expected=shown(added),
            actual=shown(t),
        )
    again = tensor(_trace(student, x, y, "b")["timestep"], "the time steps", (len(x),))
    _judge_range(trace, student, x, y)
    if torch.equal(again, t):
        raise Disagreement("the same time steps are used in every call: draw them at random", bug="fixed-t")


def _told_to_add(trace: dict[str, Any], count: int) -> Tensor | None:
    """The steps that add_noise was told, one for each image; None where it was told another number of them."""
    added = trace["added_timestep"]
    if added is None or added.numel() != count:
        return None
    return tensor(added, "the time steps that add_noise is told").flatten()


def _in_step(t: Tensor, added: Tensor) -> bool:
    """Whether the network's t is the schedule's t in other units (divided by the number of steps, counted from 1)."""
    pair = torch.stack([added, torch.ones_like(added)], dim=1)
    solution = torch.linalg.lstsq(pair, t.unsqueeze(1)).solution
    return (
        bool((pair @ solution - t.unsqueeze(1)).abs().max() < 1e-3 * t.abs().max().clamp_min(1e-6))
        and solution[0].item() > 0
    )


def _judge_value(student: Subject, loss: Tensor, trace: dict[str, Any], x: Tensor, y: Tensor) -> None:
    estimate, noise = tensor(trace["estimate"], "the estimate", x.shape), _noise_added(trace, x)
    if noise is None:
        raise NotMeasured(
            "which noise forward adds could not be told: it does not call add_noise, there are no alpha_bars, and "
            "add_noise does not work"
        )
    difference = estimate - noise
    for allowed in (difference**2, (difference**2).flatten(1).sum(1).sqrt().view(-1, 1)):
        if which(loss, reductions(allowed.flatten(1).sum(1), x.numel()), rtol=1e-3):
            return
    told = {
        "expected": f"{(difference**2).mean().item():.6g} (the mean of the squared difference)",
        "actual": shown(loss),
    }
    if which(loss, reductions(difference.abs().flatten(1).sum(1), x.numel()), rtol=1e-3):
        raise Disagreement(
            "this is the absolute error; the loss is the squared error ||eps - eps_theta||^2",
            bug="l1-loss",
            share=0.5,
            **told,
        )
    _judge_slips(loss, trace, x, told)
    if _like_other_noise(trace) and _like_other_noise(_trace(student, x, y, "c")):
        raise Disagreement(
            "the estimate is compared with noise that was drawn again, not with the noise that was added",
            bug="noise-drawn-twice",
            **told,
        )
    raise Disagreement("the loss is not the squared difference between the estimate and the noise added", **told)


def _like_other_noise(trace: dict[str, Any]) -> bool:
    """Whether the loss is, within five standard errors, what comparing with noise of its own gives: E (eps_theta - eps')^2
    = eps_theta^2 + 1 with the variance 2 + 4 eps_theta^2, for every pixel."""
    squares = tensor(trace["estimate"], "the estimate") ** 2
    error = (2 + 4 * squares.mean().item()) ** 0.5 / squares.numel() ** 0.5
    return within(tensor(trace["loss"], "the loss").mean().item(), squares.mean().item() + 1, error)


def _judge_slips(loss: Tensor, trace: dict[str, Any], x: Tensor, told: dict[str, str]) -> None:
    """Raises Disagreement where the estimate is compared with something else than the noise."""
    estimate = tensor(trace["estimate"], "the estimate", x.shape)
    slips = {
        "loss-against-image": (
            ((estimate - x.double()) ** 2),
            "the estimate is compared with the image; it should be compared with the noise",
        ),
        "loss-against-noisy": (
            ((estimate - tensor(trace["noisy"], "x_t", x.shape)) ** 2),
            "the estimate is compared with the noisy image; it should be compared with the noise",
        ),
    }
    for bug, (wrong, message) in slips.items():
        if which(loss, reductions(wrong.flatten(1).sum(1), x.numel()), rtol=1e-3):
            raise Disagreement(message, bug=bug, **told)


def _noise_added(trace: dict[str, Any], x: Tensor) -> Tensor | None:
    """The noise in x_t: what add_noise returned, or what is left of x_t where forward adds the noise by itself."""
    if trace["added_noise"] is not None:
        return tensor(trace["added_noise"], "the noise", x.shape)
    if trace["alpha_bars"] is None:
        return None
    bars = table(trace["alpha_bars"], "alpha_bars")
    t = tensor(trace["timestep"], "t").round().long().clamp(0, len(bars) - 1)
    bar = bars[t].view(-1, 1, 1, 1)
    return (tensor(trace["noisy"], "x_t", x.shape) - bar.sqrt() * x.double()) / (1 - bar).sqrt()


def diffusion_loader(student: Subject, reference: Subject, rng: Generator) -> None:
    """load_diffusion_and_generate loads diffusion.pt and returns 50 images, five of each class, in at most 1,000 steps."""
    answer = student.diffusion_load_and_generate(seed="load")
    judge_loader(answer, "load_diffusion_and_generate")
    steps, calls = answer["timesteps"], answer["calls"]
    if steps > MOST_STEPS or calls > 2 * MOST_STEPS:
        raise Disagreement(
            "the handout allows at most 1,000 diffusion steps",
            bug="too-many-steps",
            expected=f"at most {MOST_STEPS} steps",
            actual=f"{steps} steps, {calls} calls of the network",
        )
