"""What a conditional generator draws, beside what real images look like: shown, and worth nothing."""

from dataclasses import replace

import torch
from torch import Tensor

from grading.assets.networks import in_batches
from grading.checks.compare import tensor
from grading.metrics.generation import named_as_asked
from grading.metrics.likeness import distances, unique
from grading.metrics.pictures import by_class
from grading.metrics.sampling import in_looks
from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.subjects import Submission

LOOK, QUICK_LOOK = (500,), (100,)  # images
PER_CLASS, SHOWN = 5, 2  # of each class: in a chunk, in the picture
BELOW = -0.1  # where pixels are as low as this, they are in [-1, 1]


def shown(student: Submission, setting: Setting) -> Evidence:
    """Images of the classes asked for: how the judge classifier names them, their distance from real ones, repetitions."""
    assets = setting.assets

    def draw(chunk: int) -> tuple[Tensor, Tensor]:
        labels = torch.arange(len(assets.facts["classes"])).repeat_interleave(PER_CLASS)
        answer = student.ask("generated", {"labels": labels}, seed=f"chunk {chunk}", seconds=setting.seconds)
        return tensor(answer, "what the generator gives", (len(labels), *assets.images.shape[1:])).float(), labels

    sample = in_looks(draw, lambda images, labels: False, QUICK_LOOK if setting.quick else LOOK, setting.seconds)
    sample = replace(sample, images=in_unit_range(sample.images))
    predicted = in_batches(assets.classifier, sample.images).argmax(1)
    found = (named_as_asked(sample, predicted), *distances(sample.images, setting), unique(sample))
    return Evidence(found, (by_class(sample.images, sample.labels, predicted, assets.facts["classes"], SHOWN),))


def in_unit_range(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [0, 1], or in [-1, 1] where some number is well below 0, in [0, 1]."""
    return (((images + 1) / 2) if images.min() < BELOW else images).clamp(0, 1)
