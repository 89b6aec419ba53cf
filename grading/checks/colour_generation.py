"""What variational autoencoders of colour images generate: of z ~ N(0, 1), and of classes that are asked for.

Models are asked untrained.

Judged by docs/right.md#noise, #ranges, #one-mistake-once.
"""

import contextlib
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, all_parts, close, shown, tensor
from grading.checks.latents import DRAWS, VARIES, judge_draws, judge_latents, without_the_highest
from grading.checks.u_shape import ALIKE, SIDE, latent_width
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

CLASSES, COUNT = 10, 64


def generate(student: Subject, reference: Subject, rng: Generator) -> None:
    """VAE.generate(n) decodes z ~ N(0, 1) and returns (xg, None): xg [n, 3, 32, 32] in [0, 1], others in every call."""
    images, second, seen = _generated(student, "vae", None)
    _judge_draws(student, "vae", images, seen, rng)
    if second is not None:
        raise Disagreement(
            "generate of the VAE should return (xg, None)",
            share=NEARLY,
            bug="generate-tuple",
            expected="None",
            actual=shown(second),
        )


def conditional_generate(student: Subject, reference: Subject, rng: Generator) -> None:
    """CVAE.generate(n, y) returns (xg, y): images of the classes y [n], or of classes it draws itself."""
    wanted = torch.arange(COUNT) % CLASSES
    images, classes, seen = _generated(student, "cvae", wanted)
    _judge_draws(student, "cvae", images, seen, rng)
    if not close(_classes(classes), wanted.double()):
        raise Disagreement("generate should return the classes that it was given", bug="generate-classes")
    others = _generated(student, "cvae", (wanted + 1) % CLASSES)[0]
    if (images - others).abs().max() < ALIKE:
        raise Disagreement("generated images do not depend on y", bug="generate-ignores-y")
    drawn = _classes(_generated(student, "cvae", None)[1])
    if drawn.min() < 0 or drawn.max() >= CLASSES or not close(drawn, drawn.round()) or len(drawn.unique()) < 2:
        raise Disagreement(
            "where y is None, generate should draw a class for every image, from 0 to 9",
            share=HALF,
            bug="generate-classes",
            actual=shown(drawn),
        )
    _judge_classes(student)
    without_the_highest(lambda: _generated(student, "cvae", wanted % (CLASSES - 1)), "generate of the CVAE")


def _judge_classes(student: Subject) -> None:
    """Images generated of classes that generate draws itself are of the classes that it returns.

    With z = 0 an image depends on its class alone, so it is the one that is generated for that class when asked for.
    """
    images, returned, _ = _generated(student, "cvae", None, silent=True)
    told = _classes(returned).long()
    same, again = (_generated(student, "cvae", told, seed, silent=True)[0] for seed in ("a", "b"))
    alone = [_generated(student, "cvae", torch.full((COUNT,), each), silent=True)[0] for each in range(CLASSES)]
    if (same - again).abs().max() > ALIKE or any((each - each[:1]).abs().max() > ALIKE for each in alone):
        return  # something else is drawn, or images depend on one another
    apart = min((alone[i][0] - alone[j][0]).abs().max().item() for i in range(CLASSES) for j in range(i))
    wrong = ((images - same).flatten(1).abs().amax(1) > max(ALIKE, 0.1 * apart)).nonzero().flatten()
    if len(wrong) and apart > 10 * ALIKE:
        others = [(images[wrong[0]] - each[0]).abs().max().item() for each in alone]
        raise Disagreement(
            "where y is None, the images are of other classes than those that generate returns: draw the classes once",
            share=HALF,
            bug="generate-other-classes",
            expected=f"image {int(wrong[0])} of class {int(told[wrong[0]])}, as returned",
            actual=f"the image of class {others.index(min(others))}",
        )


def _classes(value: Any) -> Tensor:
    found = tensor(value, "the classes that generate returns")
    if found.ndim == 2 and found.shape[1] == CLASSES:  # one-hot
        found = found.argmax(1).double()
    return tensor(found.flatten(), "the classes that generate returns", (COUNT,))


def _generated(
    student: Subject, model: str, y: Tensor | None, seed: str = "a", count: int = COUNT, silent: bool = False
) -> tuple[Tensor, Any, Any]:
    """Images, the second thing that generate returns, and what the decoder was handed."""
    answer = all_parts(
        student.vae_generate(model=model, count=count, y=y, silent=silent, seed=seed), returned=list, is_pair=bool
    )
    found = answer["returned"]
    if not answer["is_pair"] or len(found) != 2:
        if len(found) == 1:
            tensor(found[0], "what generate returns", (count, 3, SIDE, SIDE))
        raise Disagreement(
            f"generate should return two things: (xg, {'None' if model == 'vae' else 'y'})",
            share=HALF if len(found) == 1 else 0.0,
            bug="generate-tuple",
        )
    return tensor(found[0], "xg", (count, 3, SIDE, SIDE)), found[1], answer.get("seen")


def _judge_draws(student: Subject, model: str, images: Tensor, seen: Any, rng: Generator) -> None:
    if images.min() < -1e-4 or images.max() > 1 + 1e-4:
        raise Disagreement("generated images should lie in [0, 1]", bug="generated-range")
    y = None if model == "vae" else torch.arange(COUNT) % CLASSES
    if (images - _generated(student, model, y, "b")[0]).abs().max() < ALIKE:
        raise Disagreement("two calls give the same images: z must be drawn anew from N(0, 1)", bug="generate-fixed")
    same_class = images if y is None else images[::CLASSES]
    if (same_class - same_class[:1]).abs().max() < ALIKE:
        raise Disagreement("all images of a call are the same: every image needs a z of its own", bug="generate-one-z")
    of_one_class = None if model == "vae" else torch.full((DRAWS,), CLASSES - 1)
    seen = _generated(student, model, of_one_class, "c", DRAWS)[2]
    if isinstance(seen, Tensor) and seen.ndim > 1 and len(seen) > 1:
        handed = tensor(seen, "what the decoder is handed").flatten(1)
        with contextlib.suppress(Crashed, NotDone):  # forward has a row of its own
            _judge_law(handed, latent_width(student, model, rng), model)


def _judge_law(handed: Tensor, width: int, model: str) -> None:
    """Raises Disagreement unless what the decoder is handed is drawn from N(0, 1).

    Beside z it may see the class, which is one for all here; where a layer of its own comes first, nothing can be told.
    """
    z = handed[:, handed.std(0) > VARIES]
    if model == "vae" and handed.shape[1] == width:
        judge_draws(handed)
    elif z.shape[1] == width:
        judge_latents([handed, handed])
