"""The whole way back from noise to images in [0, 1], and where it starts. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239), algorithm 2. Functions that these build on are replaced by known ones: p_sample by
x' = scale_t x + shift_t, p_sample_loop by x' = x / 2 + 1 / 4. Code that writes its steps out is judged by what it makes of a
known model.

Judged by docs/right.md#sizes, #noise, #ranges.
"""

from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.chains import judge_order, judge_start, states_of
from grading.checks.compare import HALF, NEARLY, Disagreement, Slip, numbers, one_of, parts, tensor
from grading.checks.cosine import cosine_alphas
from grading.checks.posterior import Step
from grading.checks.sizes import in_turn, of_shape, of_steps
from grading.subjects import Subject

CHANNELS = 3
SIZES = ((8, 5), (50, 32))  # steps, and the side of an image: ours, and the handout's


def reverse_chain(student: Subject, reference: Subject, rng: Generator) -> None:
    """p_sample_loop takes every step from T - 1 down to 0, and brings the images from [-1, 1] to [0, 1] at the end.

    x_T [B, C, S, S] -> images like it. Bringing them to [-1, 1] first changes nothing where p_sample has done so.
    """
    in_turn(*(partial(_judge_chain, student, rng, *sizes) for sizes in SIZES))


def _judge_chain(student: Subject, rng: Generator, steps: int, side: int) -> None:
    scales = 0.5 + 0.3 * torch.rand(steps, generator=rng)
    shifts = 0.2 * torch.rand(steps, generator=rng) - 0.25
    start = torch.randn(6, CHANNELS, side, side, generator=rng)
    answer = student.reverse_images(images=start, scales=scales, shifts=shifts)
    kinds: dict[str, Any] = {
        "images": object,
        "requires_grad": bool,
        "steps": list,
        "times": list,
        "network_asked": int,
    }
    trace = parts(answer, alphas=Tensor, **kinds)
    of_steps(len(numbers(trace["steps"], "the steps")), steps, "p_sample_loop takes")
    images = tensor(trace["images"], "what p_sample_loop returns", start.shape)
    if not trace["steps"]:
        _judge_written_out(trace, images, start, steps)
        return
    judge_order(trace["steps"], list(range(steps - 1, -1, -1)))
    judge_order(
        [round(t) for t in numbers(trace["times"], "the times that the model is asked about")],
        list(range(steps - 1, -1, -1)),
    )
    states = states_of(start, scales, shifts)
    one_of(images, _unnormalised(states[-1]), "what p_sample_loop returns", _slips(states, scales, shifts))
    if trace["requires_grad"]:
        raise Disagreement("the images carry gradients: use torch.no_grad", bug="with-gradient", share=NEARLY)


def _unnormalised(x: Tensor) -> list[Tensor]:
    """From [-1, 1] to [0, 1], with and without the clamp."""
    return [((x + 1) / 2).clamp(0, 1), (x + 1) / 2]


def _slips(states: list[Tensor], scales: Tensor, shifts: Tensor) -> dict[str, Slip]:
    last, inside, clamped = states[-1], states[0], states[0]
    for t in range(len(scales) - 1, -1, -1):
        inside = (scales[t].double() * inside + shifts[t].double() + 1) / 2
        clamped = (scales[t].double() * clamped + shifts[t].double()).clamp(0, 1)
    unit = "the images are brought to [0, 1] before they are unnormalised: all that is below 0 is lost"
    return {
        "not-unnormalised": Slip(last, "the images are still in [-1, 1]: return (x + 1) / 2", HALF),
        "only-clamped": Slip(last.clamp(-1, 1), "the images are still in [-1, 1]: return (x + 1) / 2", HALF),
        "clamped-to-unit": Slip((last.clamp(0, 1) + 1) / 2, unit),
        "cut-to-unit": Slip(last.clamp(0, 1), "the images are cut to [0, 1]; they are to be moved there: (x + 1) / 2"),
        "unnormalised-inside": Slip(inside, "the images are unnormalised after every step; do so once, after the last"),
        "unnormalised-inside-too": Slip(
            (inside + 1) / 2, "the images are unnormalised after every step; do so once, after the last"
        ),
        "normalised-instead": Slip(
            2 * last - 1, "this is 2 x - 1, the way from [0, 1] to [-1, 1]; the way back is (x + 1) / 2"
        ),
        "start-returned": Slip((states[0] + 1) / 2, "the noise it started from is returned"),
        "last-step-dropped": Slip((states[-2] + 1) / 2, "the result of the last step, t = 0, is not returned", HALF),
    }


def _judge_written_out(trace: dict[str, Any], images: Tensor, start: Tensor, steps: int) -> None:
    """Steps that are written out: without noise, around a known model, the whole way can be followed."""
    if not trace["network_asked"]:
        raise Disagreement("neither p_sample nor the model is ever asked", bug="network-not-asked")
    own = trace["alphas"]
    ways = [cosine_alphas(steps), *([own.flatten().double()] if own is not None and own.numel() == steps else [])]
    ends = [_walked(start.double(), alphas) for alphas in ways]
    one_of(images, [each for end in ends for each in _unnormalised(end)], "what p_sample_loop returns")


def _walked(x: Tensor, alphas: Tensor) -> Tensor:
    """The means of all steps, one after the other, with the model 0.3 x + 0.1 cos t."""
    bars = alphas.cumprod(0)
    for t in range(len(alphas) - 1, -1, -1):
        step = Step(alphas[t], bars[t], bars[t - 1] if t else torch.ones((), dtype=torch.float64))
        estimate = 0.3 * x + 0.1 * torch.cos(torch.tensor(float(t), dtype=torch.float64))
        x = step.mean(step.x_0(x, estimate).clamp(-1, 1), x)
    return x


def generation(student: Subject, reference: Subject, rng: Generator) -> None:
    """sample starts from standard normal noise, with the model in evaluation mode, and returns the images of p_sample_loop.

    batch_size -> images [B, C, S, S] in [0, 1].
    """
    in_turn(*(partial(_judge_generation, student, *sizes) for sizes in SIZES))


def _judge_generation(student: Subject, steps: int, side: int) -> None:
    shape = (64, CHANNELS, side, side)
    first, second = (_generated(student, steps, side) for _ in range(2))
    of_shape(first["images"], shape, "what sample returns")
    images = tensor(first["images"], "what sample returns", shape)
    start = judge_start(first["start"], images.shape)
    if first["called_loop"]:
        _judge_loops_answer(images, start)
    elif first["network_asked"] != steps or images.min() < -1e-4 or images.max() > 1 + 1e-4:
        raise Disagreement(
            "sample takes all T steps, and its images lie in [0, 1]",
            bug="wrong-sample",
            actual=f"{first['network_asked']} steps, from {images.min():.3g} to {images.max():.3g}",
        )
    if torch.equal(images, tensor(second["images"], "what sample returns", shape)):
        raise Disagreement("two calls give the same images: x_T must be drawn anew", bug="fixed-start", share=HALF)
    if first["requires_grad"]:
        raise Disagreement("sample should run without gradients (torch.no_grad)", bug="with-gradient", share=NEARLY)
    if first["in_training_mode"]:
        raise Disagreement(
            "the model is not put into evaluation mode: call self.model.eval() first", bug="eval-missing", share=NEARLY
        )


def _generated(student: Subject, steps: int, side: int) -> dict[str, Any]:
    answer = student.generated(count=64, image_size=side, channels=CHANNELS, n_steps=steps)
    told: dict[str, Any] = {"requires_grad": bool, "called_loop": bool, "network_asked": int, "in_training_mode": bool}
    trace = parts(answer, images=object, start=Tensor, **told)
    if trace["start"] is None:
        raise Disagreement("neither p_sample_loop nor the model is ever asked", bug="network-not-asked")
    return trace


def _judge_loops_answer(images: Tensor, start: Tensor) -> None:
    right = 0.5 * start + 0.25
    slips = {
        "start-returned": Slip(start, "the noise it started from is returned"),
        "unnormalised-twice": Slip((right + 1) / 2, "p_sample_loop has brought the images to [0, 1] already", HALF),
    }
    one_of(images, [right, right.clamp(0, 1)], "what sample returns", slips)
