"""Functions that load a model's weights and generate with it."""

from typing import Any

import torch
from torch import Tensor

from grading.checks.compare import Disagreement, all_parts, parts, shown, tensor

SHAPE = (1, 28, 28)
RETURNED = 0.3  # correlation of what a loader returns with what was generated


def judge_loader(answer: Any, name: str) -> Tensor:
    """Raises Disagreement unless a loader asked for the right labels and returned 50 images; returns the images."""
    counts = dict.fromkeys(("calls", "timesteps", "found", "known"), int)
    told = parts(answer, labels=Tensor, images=object, generated=object)
    all_parts(answer, **counts)
    labels = told["labels"]
    right = torch.arange(10).repeat_interleave(5)
    if labels is None:
        raise Disagreement(f"{name} never calls generate_sample")
    if not torch.equal(tensor(labels, "the labels").flatten(), right.double()):
        raise Disagreement(
            f"{name} asks for the wrong labels",
            bug="label-order",
            expected="[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, …, 9], 50 in all",
            actual=shown(labels, 12),
        )
    if told["known"] and not told["found"]:
        raise Disagreement(
            f"{name} generates with a model that has none of the weights in the file: load_state_dict them first",
            bug="weights-not-loaded",
        )
    images = tensor(answer["images"], f"what {name} returns", (50, *SHAPE))
    _judge_returned(images, told["generated"], name)
    return images


def _judge_returned(images: Tensor, generated: object, name: str) -> None:
    """What is returned is what was generated, brought to another range perhaps."""
    if not isinstance(generated, Tensor) or generated.numel() != images.numel():
        return
    pair = torch.stack([images.flatten().double(), generated.flatten().double()])
    if torch.isfinite(pair).all() and pair.std(1).min() > 0 and torch.corrcoef(pair)[0, 1].item() < RETURNED:
        raise Disagreement(f"{name} does not return what generate_sample gave it", bug="returns-other-images")
