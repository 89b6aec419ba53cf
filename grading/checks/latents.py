"""What a generative model's decoder is handed, and mistakes that several kinds of models share (docs/right.md)."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, shown, tensor
from grading.checks.noise import explained, shared, standard_normal, uniform
from grading.errors import Crashed

DRAWS = 400  # of one class, so that what the class adds to z is the same in all
VARIES = 1e-3


def judge_latents(handed: Sequence[Any] | None) -> None:
    """Raises Disagreement where what the first layer is handed, [N, ...] in each of two calls, is not drawn from N(0, I).

    Beside z there may be the class, which does not vary; z may have been moved or stretched by it. So what varies is judged:
    whether it is one number; whether it is uniform; and, where all of it varies alike, by how much. What is handed in
    another form is not judged (docs/right.md#noise).
    """
    if handed is None or len(handed) != 2:
        return
    found = tensor(handed[0], "what the first layer is handed")
    if found.ndim < 2 or len(found) != DRAWS or not 0 < found.numel() <= 10**6:
        return
    found = found.flatten(1)
    z = found[:, found.std(0) > VARIES]
    if z.shape[1] < 2:
        return
    _judge_sharing(z)
    centred = z - z.mean(0)
    ordinary, deviations = centred / centred.std(0), centred.std(0)
    if any(uniform((each - each.min()) / (each.max() - each.min())) for each in (ordinary, z)):
        raise _not_normal("z is uniform: it is to be drawn from N(0, I), randn and not rand", z)
    error = 6 * deviations.mean().item() / (2 * DRAWS) ** 0.5
    alike = (deviations - deviations.mean()).abs().max() < error
    if alike and standard_normal(centred / deviations.mean()) and (deviations.mean() - 1).abs() > error:
        told = f"z is drawn with a standard deviation of {deviations.mean():.3g}; N(0, I) has 1"
        raise _not_normal(told, z)


def _judge_sharing(z: Tensor) -> None:
    """Whether all numbers of an image are the same noise."""
    ordinary = (z - z.mean(0)) / z.std(0)
    if shared(ordinary) == "one-number-per-image":
        raise _not_normal("one number is drawn per image, and is all of its z: draw each number of z by itself", z)


def _not_normal(message: str, z: Tensor) -> Disagreement:
    return Disagreement(
        message,
        bug="z-not-normal",
        expected="independent draws of mean 0 and standard deviation 1",
        actual=f"mean {z.mean():.3f}, standard deviation {z.std():.3f}",
    )


def judge_draws(z: Tensor) -> None:
    """Raises Disagreement unless z [N, Z], seen by itself, is drawn from N(0, I)."""
    if not standard_normal(z):
        _, message = explained(z)
        raise _not_normal(message or "z should be drawn from a Gaussian of mean 0 and standard deviation 1", z)


def judge_rectified(**latents: Tensor) -> None:
    """Raises Disagreement where mu or logvar has gone through a ReLU: no number below 0, and some that are exactly 0.

    A flaw of the model rather than a wrong formula, so it costs the same small share everywhere
    (docs/right.md#modes-and-layers). Bounds that are no ReLU, such as softplus of logvar, are right.
    """
    for name, value in latents.items():
        if value.min() == 0 and (value == 0).double().mean() > 0.1:
            meaning = "a mean that cannot be negative" if name == "mu" else "a variance that cannot be below 1"
            raise Disagreement(
                f"{name} is never negative, and often exactly 0: a ReLU behind its layer makes {meaning}",
                bug="relu-on-latent",
                share=NEARLY,
                expected="numbers of both signs",
                actual=shown(value),
            )


def without_the_highest(ask: Callable[[], object], what: str) -> None:
    """Raises Disagreement where what has worked for all ten classes fails for a batch without the highest of them."""
    try:
        ask()
    except Crashed as error:
        raise Disagreement(
            f"{what} works only for batches in which the highest class occurs: say how many classes there are, "
            "F.one_hot(y, num_classes=10)",
            bug="classes-counted",
            share=HALF,
            actual=str(error)[:200],
        ) from None
