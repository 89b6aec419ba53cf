"""The whole reverse process of guided diffusion: from noise to images of given classes.

Ho & Salimans 2022 (arXiv:2207.12598), algorithm 2. The process is asked with stand-ins in place of its own methods, of which
none draws anything, so that every state the network is asked about follows from the one before.

Judged by docs/right.md#noise, #sizes, #one-mistake-once.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import Disagreement, parts, shown, tensor
from grading.checks.guidance import BELOW
from grading.checks.guided_network import NOTHING, known_network
from grading.checks.guided_samplers import GUIDANCE, OTHER_GUIDANCE, SLIPS, STEPS, Sampler, near, right_samplers
from grading.checks.guided_steps import DEFAULT_V
from grading.checks.noise import standard_normal, wrong_start
from grading.checks.sizes import in_turn, of_shape, of_steps
from grading.checks.stand_ins import Coefficients, shaken
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

Shape = tuple[int, int, int, int]
SIZES: tuple[tuple[int, Shape], ...] = (  # ours, and what the course's settings say of steps and of images
    (STEPS, (16, 1, 8, 8)),
    (STEPS, (16, 1, 32, 32)),
    (1000, (16, 1, 8, 8)),
)
CHAIN = BELOW | {
    "log_snr": [2.8, -0.5],  # |lambda| < 4 at every step, and at t = -1 as well
    "reverse_sample": [0.05, 0.5, 0.1, -0.08, 0.3],  # 1, z, lambda, lambda', x
}


def images(student: Subject, reference: Subject, rng: Generator) -> None:
    """sample walks from noise to images with eps = (1 + w) eps(z, labels) - w eps(z, None), and returns the last x.

    labels [n_samples] or None, w -> [n_samples, C, H, W], without gradients (algorithm 2, equation 6). DDIM's step in place
    of p_sample is right too. x_T must look standard normal in one of two calls (false alarms: 1.2e-6 each).
    """
    in_turn(*(partial(_judge, student, rng, *sizes) for sizes in SIZES))


def _judge(student: Subject, rng: Generator, steps: int, shape: Shape) -> None:
    asked = _Asked(student, rng, steps, shape)
    trace = asked.trace(asked.labels, asked.known, "a")
    _judge_labels(trace, asked.labels)
    states, found = asked.states(trace), tensor(trace["images"], "what sample returns")
    sampler = next((right for right in asked.right() if right.explains(states)), None)
    if sampler is None and not _right_by_itself(asked):
        raise _named(asked, states)
    if sampler is not None:
        _judge_number(states, steps)
        _judge_end(asked, sampler, states[-1], found)
    if trace["requires_grad"]:
        raise Disagreement("sample should run without gradients (torch.no_grad)", bug="with-gradient", share=0.5)
    _judge_draws(asked, trace)


class _Asked:
    """The sampler's inputs, and the network and the stand-ins it meets."""

    def __init__(self, student: Subject, rng: Generator, steps: int, shape: Shape) -> None:
        self.student, self.network, known = student, known_network(rng), shaken(CHAIN, rng)
        self.steps, self.shape = steps, shape
        one, z, lam, lam_prim, x = known["reverse_sample"]
        start, slope = known["log_snr"]
        if steps > STEPS:  # many steps must neither lead out of |lambda| < 4 nor make anything grow
            x = x / 30
            known = known | {"log_snr": [start, slope * STEPS / steps], "reverse_sample": [one, z, lam, lam_prim, x]}
        # For code that writes p_sample out: the same mean, and no variance, so that no noise is added.
        self.known = known | {"reverse_mean": [one, z, x, lam, lam_prim], "reverse_variance": [0.0] * 4}
        self.labels = torch.randperm(shape[0], generator=rng) % NOTHING

    def trace(self, labels: Tensor | None, stand_ins: Coefficients, seed: str) -> dict[str, Any]:
        """The images, and what the network was asked."""
        answer = self.student.guided_chain(
            labels=labels,
            guidance=GUIDANCE,
            n_steps=self.steps,
            shape=list(self.shape),
            network=self.network,
            settings_guidance=OTHER_GUIDANCE,
            stand_ins=dict(stand_ins),
            seed=seed,
        )
        trace = parts(answer, images=object, requires_grad=bool, asked_z=Tensor, asked_labels=Tensor)
        if trace["asked_z"] is None:
            raise Disagreement("sample never asks the network", bug="network-not-asked")
        labels = tensor(trace["asked_labels"], "the labels that reach the network")
        if not labels.numel() or not labels.ndim or not trace["asked_z"].ndim:
            raise Disagreement("the network should be asked about images [N, C, H, W], each with a label [N]")
        of_steps(len(self.states(trace)), self.steps, "sample takes")
        wanted = (len(labels), *self.shape[1:])
        of_shape(trace["asked_z"], wanted, "the state the network is asked about")
        tensor(trace["asked_z"], "the state the network is asked about", wanted)
        return trace

    def right(self) -> Iterator[Sampler]:
        """Samplers that are right."""
        return right_samplers(self.known, self.network, self.labels, self.steps)

    def states(self, trace: dict[str, Any]) -> list[Tensor]:
        """The states the network was asked about, each once: both estimates are asked for at the same one."""
        batches = list(trace["asked_z"].split(self.shape[0]))
        pairs = zip([None, *batches], batches, strict=False)
        return [now for before, now in pairs if before is None or not torch.equal(before, now)]


def _judge_labels(trace: dict[str, Any], labels: Tensor) -> None:
    """Every batch the network is asked about has the labels that were given, or none."""
    rows = trace["asked_labels"].flatten()
    if len(rows) % len(labels):
        raise Disagreement("the network is asked about another number of images than n_samples", bug="wrong-batch")
    batches = rows.view(-1, len(labels))
    own, none = (batches == labels).all(1), (batches == NOTHING).all(1)
    told = {"expected": shown(labels, len(labels))}
    if not own.any():
        raise Disagreement(
            "the network is never asked with the labels that sample was given",
            bug="labels-not-passed",
            actual=shown(batches[0], len(labels)),
            **told,
        )
    if (other := ~(own | none)).any():
        told = {"expected": "no labels (None)", "actual": f"labels {shown(batches[other][0], len(labels))}"}
        raise Disagreement(
            "the unconditional estimate is asked for with None in place of labels; yours has labels of its own",
            bug="unconditional-by-label",
            share=0.5,
            **told,
        )


def _judge_number(states: list[Tensor], steps: int) -> None:
    if len(states) != steps:
        raise Disagreement(
            "sample takes another number of steps than n_steps",
            bug="last-step-missing" if len(states) == steps - 1 else "wrong-number-of-steps",
            expected=f"the network is asked at {steps} states",
            actual=f"at {len(states)}",
        )


def _judge_end(asked: _Asked, sampler: Sampler, last: Tensor, found: Tensor) -> None:
    """Images are x of the last step. Bringing them to the range of pictures at the very end does no harm."""
    x, _ = sampler.denoised(asked.steps - 1, last)
    if any(near(found, right) for right in (x, x.clamp(0, 1), x.clamp(-1, 1))):
        return
    told = {"expected": f"x: {shown(x)}", "actual": shown(found)}
    if near(found, last.double()) or near(found, sampler.step(asked.steps - 1, last)):
        # At t = 0 there is next to no noise in z: z is as good an image, and keeps the marks. A step beyond t = 0 asks for
        # lambda at t = -1, which is nan in the true schedule: then z is not an image at all.
        usable = _finite_by_itself(asked)
        message = "z is returned; x of the last step, its estimate without noise, is asked for"
        if not usable:
            message += ". Yours is nan: the last step goes beyond t = 0"
        raise Disagreement(message, bug="returned-z", share=1.0 if usable else 0.0, **told)
    raise Disagreement("what is returned is not x of the last step", bug="wrong-end", **told)


def _finite_by_itself(asked: _Asked) -> bool:
    try:
        tensor(asked.trace(asked.labels, {}, "own")["images"], "the images")
    except Disagreement:
        return False
    except (NotDone, Crashed):  # another method's fault
        return True
    return True


def _judge_draws(asked: _Asked, trace: dict[str, Any]) -> None:
    """The noise it starts from, and the labels it draws where it is given none."""
    other = asked.trace(None, asked.known, "b")
    starts = [batch["asked_z"][: asked.shape[0]].double() for batch in (trace, other)]
    if torch.equal(*starts):
        raise Disagreement("two calls start from the same noise: it must be drawn anew", bug="fixed-start", share=0.5)
    if not any(standard_normal(z) for z in starts):
        raise wrong_start(starts[0], share=0.5)
    drawn = other["asked_labels"][other["asked_labels"] != NOTHING]
    if not len(drawn) or drawn.min() < 0 or drawn.max() > NOTHING or len(drawn.unique()) == 1:
        raise Disagreement(
            "where labels is None, sample should draw labels at random",
            bug="labels-not-drawn",
            share=0.5,
            actual=shown(drawn),
        )


def _right_by_itself(asked: _Asked) -> bool:
    """For code that writes its steps out: whether with the methods' own answers every step follows the right law.

    The step to t = 0 leaves a variance too small for float32, so it is left out.
    """
    try:
        trace = asked.trace(asked.labels, {}, "own")
        states, found = asked.states(trace), tensor(trace["images"], "what sample returns", asked.shape)
    except (NotDone, Crashed, Disagreement):
        return False
    if len(states) != asked.steps or any(len(z) != asked.shape[0] for z in states):
        return False
    true = replace(next(asked.right()), alpha=vp.alpha, sigma=vp.sigma)
    lam, noise = vp.log_snr(torch.arange(asked.steps - 1, -1, -1) / asked.steps), []
    for i, z in enumerate(states):
        _, eps = true.denoised(i, z)
        x = true.denoise(z.double(), eps, vp.alpha(lam[i]), vp.sigma(lam[i]))
        if i < asked.steps - 2:
            mean = vp.posterior_mean(z, x, lam[i], lam[i + 1])
            noise.append((states[i + 1] - mean) / vp.mixed_variance(lam[i], lam[i + 1], DEFAULT_V).sqrt())
    return standard_normal(torch.cat(noise)) and near(found, x)


def _named(asked: _Asked, states: list[Tensor]) -> Disagreement:
    """What is wrong with states that no right sampler visits."""
    one = next(asked.right())
    step = next((i for i in range(len(states) - 1) if not near(states[i + 1], one.step(i, states[i]))), 0)
    told = {
        "expected": f"z after step {step + 1}: {shown(one.step(step, states[step]))}",
        "actual": shown(states[step + 1]) if len(states) > 1 else "no second state",
    }
    if len(states) > 1:
        for bug, (change, message, share) in SLIPS.items():
            if any(replace(right, **change).explains(states) for right in asked.right()):
                return Disagreement(message, bug=bug, share=share, **told)
    return Disagreement("the states do not follow from one another as algorithm 2 has it", bug="", **told)
