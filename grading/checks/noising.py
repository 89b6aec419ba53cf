"""Images with Gaussian noise, clipped to [0, 1]: what a notebook's training loop hands to a denoising autoencoder.

Judged by law: at a pixel of value x, clip(x + sigma e, 0, 1) is 0 with probability Phi(-x / sigma), 1 with
Phi((x - 1) / sigma), and Gaussian between the two. Vincent et al. 2008 for the idea.

Judged by docs/right.md#noise, #training-loops.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from grading.checks import denoising_loop as loop
from grading.checks.compare import HALF, Disagreement, close, pieces, tensor
from grading.checks.noise import SHARED, shared
from grading.errors import NotMeasured
from grading.subjects import Subject

SIGMA, LEVELS, COUNT = 0.5, (0.0, 0.5, 1.0), 48
SIGMAS = 5.0  # of an empirical distribution function, at any point
NORMAL = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))


def clipped_noise(student: Subject, reference: Subject, rng: Generator) -> None:
    """Gaussian noise of standard deviation 0.5 is added to the images, and the result clipped to [0, 1].

    images [N, 1, 28, 28] in [0, 1] -> the same shape. Where the notebook does it in several places and not alike, or where
    none is found, the row is left to a human.
    """
    images = torch.tensor(LEVELS).repeat_interleave(COUNT // len(LEVELS)).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    images = images.contiguous()
    turns = loop.turns(student, images, "a")
    if len(turns) == 1:
        loop.judge_shown(turns[0], images)
    shown = _of_turns(turns, images)
    again = dict(_of_turns(loop.turns(student, images, "b"), images)) if shown else {}
    if len(shown) == 1 and _is_right(*shown[0], again):
        loop.judge_target(turns[0], images)
        return
    found = [*shown, *_found(student.noisy_images(images=images, seed="a"), images)]
    again |= dict(_found(student.noisy_images(images=images, seed="b"), images))
    wrong: dict[str, Disagreement] = {}
    for source, value in found:
        try:
            _right(source, value, again.get(source))
        except Disagreement as error:
            wrong[source] = error
    if not found:
        raise NotMeasured("no place was found where the notebook adds noise to images")
    first = next(iter(wrong), "")
    if first and len(wrong) < len(found):
        raise NotMeasured(
            f"noise is added in {len(found)} places, and not alike; which trains is for a human to see. One of them, "
            f"`{first}`: {wrong[first].verdict.message}"
        )
    if first and wrong[first].verdict.bug == "noise-not-clipped" and student.clips_somewhere():
        raise NotMeasured(
            f"`{first}` does not clip what it adds noise to, but something is clipped elsewhere: see whether it is that"
        )
    if first:
        raise wrong[first]


def _of_turns(turns: Sequence[loop.Turn], images: Tensor) -> Sequence[tuple[str, Tensor]]:
    """What training loops show the model, by their text, where that is no longer the images themselves."""
    noisy = [each for each in turns if not close(each.asked, images.double())]
    return _found([[each.text, each.asked] for each in noisy], images)


def _is_right(source: str, value: Tensor, again: Mapping[str, Tensor]) -> bool:
    try:
        _right(source, value, again.get(source))
    except Disagreement:
        return False
    return True


def _found(answer: object, images: Tensor) -> Sequence[tuple[str, Tensor]]:
    """Places that give images, by their text; one that gives the noise alone is none."""
    found = pieces(answer, images.numel())
    rows = [(source, tensor(value, "the noisy image").reshape(len(LEVELS), -1)) for source, value in found]
    return [(source, value) for source, value in rows if (value[-1].mean() - value[0].mean()).abs() > 0.1]


def _right(source: str, value: Tensor, again: Tensor | None) -> None:
    """Raises Disagreement unless these noisy images [3, N], one row per level, follow the law."""
    told = {"expected": "torch.clip(x + 0.5 * torch.randn_like(x), 0, 1)", "actual": source}
    if again is not None and torch.equal(value, again):
        raise Disagreement("the noise is the same every time: draw it anew for every batch", bug="noise-fixed", **told)
    if value.min() < 0 or value.max() > 1:
        bug, message = "noise-not-clipped", f"the noisy image goes from {value.min():.3g} to {value.max():.3g}: clip it"
        raise Disagreement(f"{message} to [0, 1]", bug=bug, share=HALF, **told)
    if all(_follows(row, level) for row, level in zip(value, LEVELS, strict=True)):
        return
    bug, message = _shared(value)
    if bug:
        raise Disagreement(message, bug=bug, **told)
    middle = value[1]
    inside = ((middle > 0) & (middle < 1)).double().mean().clamp(1e-4, 1 - 1e-4)
    sigma = 0.5 / NORMAL.icdf((1 + inside) / 2).item()
    if (value[0] == 0).all():
        raise Disagreement("black pixels stay black: noise is added, not multiplied", bug="noise-multiplied", **told)
    if abs(sigma - SIGMA) > 0.02 and _follows(middle, 0.5, sigma):
        raise Disagreement(
            f"the standard deviation of the noise is about {sigma:.2g}; 0.5 is asked for", bug="noise-factor", **told
        )
    raise Disagreement(
        "what is added is not Gaussian noise of standard deviation 0.5", bug="noise-not-gaussian", **told
    )


def _shared(value: Tensor) -> tuple[str, str]:
    """The bug of noise [3, N], one row per level, that images or pixels share: going by those of the middle level."""
    images = value[1].view(COUNT // len(LEVELS), -1)
    bug = shared((images - images.mean()) / images.std().clamp_min(1e-6))
    return bug, SHARED.get(bug, "")


def _follows(values: Tensor, level: float, sigma: float = SIGMA) -> bool:
    """Whether values follow clip(level + sigma e, 0, 1), going by their distribution function at eleven points."""
    points = torch.linspace(0.0, 0.99, 12, dtype=torch.float64)
    right = NORMAL.cdf((points - level) / sigma)
    seen = torch.stack([(values <= point).double().mean() for point in points])
    bound = SIGMAS * (right * (1 - right) / len(values)).sqrt() + 1e-3
    return bool(((seen - right).abs() <= bound).all())
