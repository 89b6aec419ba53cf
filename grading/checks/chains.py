"""The whole reverse process of a trainer: which steps it takes, in which order, and what it hands back.

The process is asked with known steps in place of its own, x' = scale_t x + shift_t without noise, so that the images must be
those steps applied one after the other. Ho et al. 2020 (arXiv:2006.11239), algorithm 2; time is counted from 0.

Judged by docs/right.md#noise, #sizes.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, close, numbers, one_of, parts, shown, tensor
from grading.checks.noise import standard_normal, wrong_start
from grading.checks.sizes import in_turn, of_shape, of_steps
from grading.subjects import Subject

Shape = tuple[int, int, int, int]
SIZES: tuple[tuple[int, Shape], ...] = ((8, (6, 1, 8, 8)), (1000, (16, 1, 32, 32)))  # ours, and the course's settings
LAW_STEPS = 1000
LAW_MEAN, LAW_SPREAD = 0.5, 0.25  # of the data whose exact noise estimate stands in for the network


def reverse_chain(student: Subject, reference: Subject, rng: Generator) -> None:
    """sample starts from standard normal x_T and takes every reverse step once, from the last t down to 0.

    -> images [n_samples, C, H, W], without gradients. Code that writes the steps out instead of calling p_sample is judged
    by the law of its images (`_follows_the_data`).
    """
    in_turn(*(partial(_judge_chain, student, rng, *sizes) for sizes in SIZES))


def _judge_chain(student: Subject, rng: Generator, steps: int, shape: Shape) -> None:
    scales, shifts = _steps(rng, steps)
    trace = _trace(student, scales, shifts, shape)
    of_shape(trace["images"], shape, "what sample returns")
    of_steps(len(numbers(trace["timesteps"], "the steps")), steps, "sample takes")
    images = tensor(trace["images"], "what sample returns", shape)
    _judge_seeds(trace)
    if trace["requires_grad"]:
        raise Disagreement("sample should run without gradients (torch.no_grad)", bug="with-gradient", share=0.5)
    if not trace["timesteps"]:
        _follows_the_data(student)
        return
    first = judge_start(trace["first"], shape)
    judge_order(trace["timesteps"], list(range(steps - 1, -1, -1)))
    states = states_of(first, scales, shifts)
    slips = {
        "start-returned": Slip(states[0], "the noise it started from is returned"),
        "last-step-missing": Slip(states[-2], "the result of the last step, t = 0, is not returned", 0.5),
    }
    one_of(images, [states[-1]], "what sample returns", slips)
    if torch.equal(first, tensor(_trace(student, scales, shifts, shape)["first"], "x_T", shape)):
        raise Disagreement("two calls give the same images: x_T must be drawn anew", bug="fixed-start", share=0.5)


def intermediate_samples(student: Subject, reference: Subject, rng: Generator) -> None:
    """generate_intermediate_samples keeps x_T, and the images after each of the steps asked for.

    -> a list of arrays [n_samples, 1, S, S]: x_T first, then one for every step (counted from 1) in steps_to_show.
    """
    in_turn(*(partial(_judge_kept, student, rng, *sizes) for sizes in SIZES))


def _judge_kept(student: Subject, rng: Generator, steps: int, shape: Shape) -> None:
    scales, shifts = _steps(rng, steps)
    wanted = [3, 4, steps]
    answer = student.intermediate_images(scales=scales, shifts=shifts, shape=list(shape), steps_to_show=wanted)
    trace = parts(answer, images=list, timesteps=list, first=Tensor, asked_network=int, requires_grad=bool)
    images = trace["images"]
    of_steps(len(numbers(trace["timesteps"], "the steps")), steps, "generate_intermediate_samples takes")
    of_shape(trace["first"], shape, "x_T")
    if len(images) != 1 + len(wanted):
        _not_by_t(trace, wanted, scales, shifts)
        raise Disagreement(
            "one array is to be kept at the start, and one after each step asked for",
            bug="wrong-number-kept",
            expected=f"{1 + len(wanted)} arrays for steps_to_show = {wanted}",
            actual=f"{len(images)}",
        )
    if not trace["timesteps"] and not trace["asked_network"]:
        raise Disagreement(
            "no reverse step is taken: the images must come from p_sample, not from the forward process",
            bug="no-reverse-step",
        )
    if not trace["timesteps"]:
        _judge_kept_shapes(images, shape)
        return  # steps written out: the order cannot be seen, and the law of sample has been judged
    first = judge_start(trace["first"], shape)
    judge_order(trace["timesteps"], list(range(steps - 1, -1, -1)))
    states = states_of(first, scales, shifts)
    for image, step in zip(images, [0, *wanted], strict=True):
        slips = {
            "one-step-early": Slip(states[max(step - 1, 0)], "the images before the step are kept, not those after it")
        }
        slips["noise-kept"] = Slip(states[0], "what is kept is still the noise x_T")
        one_of(image, [states[step]], f"the images after step {step}", slips)
    _judge_seeds(trace)
    if trace["requires_grad"]:
        raise Disagreement("the images carry gradients: detach them", bug="with-gradient", share=0.5)


def _judge_seeds(trace: dict[str, Any]) -> None:
    if trace.get("reseeded"):
        raise Disagreement(
            "p_sample is asked with set_seed=True, although set_seed was not: every step then adds the same noise",
            bug="noise-reseeded",
            share=0.5,
        )


def _not_by_t(trace: dict[str, Any], wanted: list[int], scales: Tensor, shifts: Tensor) -> None:
    """Raises Disagreement where the images were kept when t, which falls, was among the steps asked for."""
    steps = len(scales)
    hits = [t for t in range(steps - 1, -1, -1) if t in wanted]
    kept = trace["images"][-len(hits) :]
    if trace["first"] is None or trace["timesteps"] != list(range(steps - 1, -1, -1)) or len(kept) != len(hits):
        return
    states = states_of(trace["first"], scales, shifts)
    for early in (0, 1):  # after the step, or before it
        pairs = zip(kept, (states[steps - t - early] for t in hits), strict=True)
        if all(isinstance(image, Tensor) and close(image.double(), state) for image, state in pairs):
            raise Disagreement(
                "images are kept where t is among steps_to_show; it is the steps that are meant, counted from 1 as they are "
                "taken, while t falls",
                bug="shown-by-t",
                expected=f"after the steps {', '.join(map(str, wanted))}",
                actual=f"at t = {', '.join(map(str, hits))}",
            )


def _steps(rng: Generator, steps: int) -> tuple[Tensor, Tensor]:
    """Scales and shifts [T], all different, that lead any start into (0, 1): clamping the end to that changes nothing."""
    scales = 0.35 + 0.3 * torch.rand(steps, generator=rng)
    ends = 0.4 + 0.2 * torch.rand(steps, generator=rng)
    return scales, ends * (1 - scales)


def states_of(first: Tensor, scales: Tensor, shifts: Tensor) -> list[Tensor]:
    """x_T and the images after each step, T + 1 in all, in float64."""
    states = [first.double()]
    for t in range(len(scales) - 1, -1, -1):
        states.append(scales[t].double() * states[-1] + shifts[t].double())
    return states


def _trace(student: Subject, scales: Tensor, shifts: Tensor, shape: Shape) -> dict[str, Any]:
    answer = student.reverse_chain(scales=scales, shifts=shifts, shape=list(shape))
    return parts(answer, images=object, timesteps=list, first=Tensor, requires_grad=bool, asked_network=int)


def judge_start(first: object, shape: Iterable[int]) -> Tensor:
    """x_T of that shape, in float64. Raises Disagreement unless it is standard normal."""
    found = tensor(first, "x_T", shape)
    if not standard_normal(found):
        raise wrong_start(found)
    return found


def judge_order(found: list[Any], wanted: list[int]) -> None:
    """Raises Disagreement unless the steps are taken from T - 1 down to 0, each once, all images together."""
    if found == wanted:
        return
    told = {"expected": ", ".join(map(str, wanted)), "actual": shown(", ".join(map(str, found)))}
    known = {
        "ascending-t": (wanted[::-1], "t must fall, from the last step to 0: generation starts from noise"),
        "t-plus-one": (
            [t + 1 for t in wanted],
            "t is off by one: steps count from 0, so the first one taken is n_steps - 1",
        ),
        "last-step-missing": (wanted[:-1], "the last step, t = 0, is missing"),
        "first-step-missing": (wanted[1:], "the first step, t = n_steps - 1, is missing"),
        "one-step-only": (found[:1], "only one step is taken"),
    }
    for bug, (steps, message) in known.items():
        if found == steps:
            raise Disagreement(message, bug=bug, **told)
    raise Disagreement("the steps should be taken from n_steps - 1 down to 0, each once", bug="wrong-steps", **told)


def _judge_kept_shapes(images: list[Any], shape: Shape) -> None:
    for image in images:
        tensor(image, "each of the arrays kept", shape)


def _follows_the_data(student: Subject) -> None:
    """Steps that are written out: with the exact noise estimate for data N(0.5, 0.25^2), images must follow that law.

    After 1,000 steps of the usual schedule the mean is within 0.02 and the deviation within 0.02 of it (bias and five
    standard errors of 6,144 pixels together stay below 0.016).
    """
    asked = student.chain_of_data(mean=LAW_MEAN, spread=LAW_SPREAD, n_steps=LAW_STEPS, shape=[96, 1, 8, 8])
    answer = parts(asked, images=object, asked_network=int)
    if not answer["asked_network"]:
        raise Disagreement("neither p_sample nor the network is ever asked", bug="network-not-asked")
    images = tensor(answer["images"], "what sample returns", (96, 1, 8, 8))
    mean, spread = images.mean().item(), images.std().item()
    if not (abs(mean - LAW_MEAN) < 0.02 and abs(spread - LAW_SPREAD) < 0.02):
        raise Disagreement(
            "with an exact noise estimate the images do not follow the data",
            bug="wrong-law",
            expected=f"mean {LAW_MEAN}, standard deviation {LAW_SPREAD}",
            actual=f"mean {mean:.3f}, standard deviation {spread:.3f}",
        )
