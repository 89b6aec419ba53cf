"""A generator and a discriminator that also tells the class: Odena, Olah & Shlens 2017 (arXiv:1610.09585).

Networks are asked untrained, their architecture is the student's.

Judged by docs/right.md#ranges, #modes-and-layers, #shapes-and-types.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, all_parts, parts, shown, tensor
from grading.checks.latents import judge_draws, without_the_highest
from grading.errors import NotMeasured
from grading.subjects import Subject

SIDE, COUNT, CLASSES, ALIKE = 32, 6, 10, 1e-6


def generator(student: Subject, reference: Subject, rng: Generator) -> None:
    """Generator turns z [B, latent_dim] and classes y [B] into images [B, 3, 32, 32] in [0, 1] or [-1, 1]; both matter."""
    width = student.generator_latent(seed="a")
    if not isinstance(width, int) or not 0 < width <= 4096:
        raise NotMeasured("how long the generator's z is could not be told")
    z, y = torch.randn(COUNT, width, generator=rng), torch.tensor([0, 3, 9, 3, 7, 1])
    images = _images(student, z, y)
    if images.min() < -1.001 or images.max() > 1.001:
        raise Disagreement(
            "generated images should lie in [0, 1], or in [-1, 1] where denormalize undoes that: end with sigmoid or tanh",
            bug="generated-range",
            actual=f"from {images.min():.3g} to {images.max():.3g}",
        )
    if (images - _images(student, -z, y)).abs().max() < ALIKE:
        raise Disagreement("the images do not depend on z", bug="generator-ignores-z")
    if (images - _images(student, z, y.flip(0))).abs().max() < ALIKE:
        raise Disagreement(
            "the images do not depend on y: the class must go into the generator, embedded or one-hot",
            bug="generator-ignores-y",
            expected="other images for other classes",
            actual="the same numbers",
        )
    without_the_highest(lambda: _images(student, z[:2], y[:2]), "the generator")


def _images(student: Subject, z: Tensor, y: Tensor) -> Tensor:
    return tensor(student.generator_pass(z=z, y=y), "what the generator gives", (len(z), 3, SIDE, SIDE))


def discriminator(student: Subject, reference: Subject, rng: Generator) -> None:
    """Discriminator returns (validity, class scores) of images: one number each, [B] or [B, 1], and ten, [B, 10]."""
    x = torch.rand(COUNT, 3, SIDE, SIDE, generator=rng)
    validity, scores = _two(student, x)
    if validity.numel() == COUNT * CLASSES and scores.numel() == COUNT:
        raise Disagreement(
            "the two have changed places: test() unpacks (validity, class scores)",
            share=HALF,
            bug="scores-first",
            expected="(validity, class scores)",
            actual="(class scores, validity)",
        )
    if validity.numel() != COUNT:
        raise Disagreement(
            "the validity should be one number an image",
            bug="validity-shape",
            expected=f"[{COUNT}] or [{COUNT}, 1]",
            actual=str(list(validity.shape)),
        )
    if scores.numel() != COUNT * CLASSES or scores.shape[:2] != (COUNT, CLASSES):
        raise Disagreement(
            "the class scores should be ten numbers an image",
            bug="scores-shape",
            expected=f"[{COUNT}, {CLASSES}]",
            actual=str(list(scores.shape)),
        )
    for what, value in (("validity", validity), ("class scores", scores)):
        if (value - value[:1]).abs().max() < ALIKE:
            raise Disagreement(f"the {what} do not depend on the images", bug=f"{what.split()[0]}-ignores-x")
    _not_over_the_batch(scores.reshape(COUNT, CLASSES))


def _two(student: Subject, x: Tensor) -> tuple[Tensor, Tensor]:
    answer = all_parts(student.discriminator_pass(x=x, seed="a"), returned=list, is_pair=bool)
    if not answer["is_pair"] or len(answer["returned"]) != 2:
        raise Disagreement(
            "Discriminator.forward should return two things: (validity, class scores)",
            bug="not-two-outputs",
            expected="a tuple of 2",
            actual=f"{len(answer['returned'])} values" if answer["is_pair"] else "one value",
        )
    return tensor(answer["returned"][0], "the validity"), tensor(answer["returned"][1], "the class scores")


def _not_over_the_batch(scores: Tensor) -> None:
    """Probabilities add up to 1 over the classes, not over the images."""
    bounded = scores.min() >= 0 and scores.max() <= 1
    if bounded and (scores.sum(0) - 1).abs().max() < 1e-4 and (scores.sum(1) - 1).abs().max() > 1e-3:
        raise Disagreement(
            "softmax runs over the batch: the classes are dimension 1",
            bug="softmax-over-batch",
            expected="every row adds up to 1",
            actual=f"the rows add up to {shown(scores.sum(1))}",
        )


def preview(student: Subject, reference: Subject, rng: Generator) -> None:
    """random_z and random_y are drawn once: 20 latent vectors from N(0, 1), and 20 classes from 0 to 9."""
    answer = parts(student.preview(seed="a"), latent=int, in_loop=list)
    z, y = answer.get("z"), answer.get("y")
    if z is None or y is None:
        raise NotMeasured("random_z and random_y could not be made out of the script: look at what is drawn from")
    found, classes = tensor(z, "random_z"), tensor(y, "random_y").flatten()
    width = answer["latent"] or 0
    rows = len(found) if found.ndim and found.numel() else 0
    if not rows or found.numel() != len(classes) * width or rows != len(classes):
        raise Disagreement(
            "random_z should be one latent vector for each class in random_y",
            bug="preview-shape",
            expected=f"[20, {width}] and [20]",
            actual=f"{list(found.shape)} and {list(classes.shape)}",
        )
    _judge_preview(found.reshape(len(classes), -1), classes)
    if answer["in_loop"]:
        raise Disagreement(
            "random_z and random_y are drawn anew in a loop: drawn once, the pictures of all epochs can be compared",
            share=HALF,
            bug="preview-redrawn",
        )


def _judge_preview(z: Tensor, y: Tensor) -> None:
    if y.min() < 0 or y.max() >= CLASSES or not torch.equal(y, y.round()):
        raise Disagreement("random_y should be classes from 0 to 9", bug="preview-classes", actual=shown(y))
    judge_draws(z.flatten(1) if z.ndim > 1 else z.unsqueeze(0))
    if len(z) > 1 and (z - z[:1]).abs().max() < ALIKE:
        raise Disagreement("all latent vectors are the same", share=NEARLY, bug="preview-one-z")
