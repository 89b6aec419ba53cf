"""Whether weights hold images of the data set: a generator that hands those out has learned nothing."""

from collections.abc import Iterator, Mapping

import torch
from safetensors.torch import load_file
from torch import Tensor

from grading.assets import Assets
from grading.metrics.diversity import copying, nearest_training_distance
from grading.metrics.setting import Setting
from grading.records import Measurement
from grading.subjects import Submission

MOST, CHUNK = 10_000, 8192  # rows that are held against images, so that no buffer keeps the grader busy; at once
CONTRAST = 0.1  # standard deviation of the pixels; below it a row of weights is no picture
SCALES = ((1.0, 0.0), (0.5, 0.5), (1 / 255, 0.0))  # images kept in [0, 1], in [-1, 1] and in bytes


def stored(student: Submission, setting: Setting) -> list[Measurement]:
    """What the weights behind the images hold, where the rubric says which they are."""
    if not setting.sampling.file:
        return []
    weights = load_file(student.weights(setting.sampling.file).path)
    return [counted(stored_images(weights, setting.assets), sum(tensor.numel() for tensor in weights.values()))]


def counted(images: int, among: int) -> Measurement:
    """The measurement of so many stored images among so many numbers."""
    title = "images of the data set kept in the weights"
    return Measurement("stored", title, float(images), float(images), float(images), among)


def stored_images(weights: Mapping[str, Tensor], assets: Assets) -> int:
    """How many rows of the weights are images of the data set, kept as they are.

    A row counts that has the contrast of an image, lies where images lie, and is far nearer to a known image than real ones
    ever are to each other. Columns of an honest decoder's last layer keep 0.6 of the median distance and more, stored images
    0.01. Of more than MOST rows that may be images so many are looked at, drawn evenly, and what is found is scaled up.
    """
    real = assets.images.flatten(1)
    nearest, off = copying(assets.images, assets.training), float(_residual(real, assets.training).max())
    parts = [part for tensor in weights.values() for part in pictures(tensor, real.shape[1])]
    likely = [_likely(part, 1.5 * off, assets.training) for part in parts]
    share = min(1.0, MOST / max(1, sum(map(len, likely))))
    found = 0.0
    for part, indices in ((part, each) for part, each in zip(parts, likely, strict=True) if len(each)):
        rows = part[chosen := _some(indices, share)].float()
        kept = torch.zeros(len(rows), dtype=torch.bool)
        for factor, offset in SCALES:
            scaled = factor * rows + offset
            kept |= (scaled.std(1) > CONTRAST) & (_distance(scaled, real, assets.training) < nearest)
        found += int(kept.sum()) * len(indices) / max(1, len(chosen))
    return round(found)


def _likely(rows: Tensor, off: float, training: dict[str, Tensor]) -> Tensor:
    """The indices of the rows that have an image's contrast, kept in one way or another, near to where they lie."""
    found = []
    for number, part in enumerate(rows.split(CHUNK)):
        fits = torch.zeros(len(part), dtype=torch.bool)
        for factor, offset in SCALES:
            scaled = factor * part.float() + offset
            fits |= (scaled.std(1) > CONTRAST) & (_residual(scaled, training) < off)
        found.append(number * CHUNK + fits.nonzero().flatten())
    return torch.cat(found)


def _residual(rows: Tensor, training: dict[str, Tensor]) -> Tensor:
    """How far rows [N, D] are from the space of the leading pixel axes: [N]."""
    centred = rows - training["mean"]
    off = centred - (centred @ training["axes"]) @ training["axes"].T
    found: Tensor = torch.linalg.vector_norm(off, dim=1)
    return found


def _some(indices: Tensor, share: float) -> Tensor:
    """A share of them, drawn evenly; the same ones of as many."""
    kept = len(indices) if share == 1.0 else min(len(indices), max(1, round(share * len(indices))))
    return indices[torch.randperm(len(indices), generator=torch.Generator().manual_seed(0))[:kept]]


def _distance(rows: Tensor, held_out: Tensor, training: dict[str, Tensor]) -> Tensor:
    """From each row [N, D] to the nearest image, of those for training and of those held out."""
    among_others = torch.cat([torch.cdist(part, held_out).amin(1) for part in rows.split(256)])
    return torch.minimum(nearest_training_distance(rows, training), among_others)


def pictures(tensor: Tensor, pixels: int) -> Iterator[Tensor]:
    """What may be images of so many pixels in a tensor: its rows, and its columns where they are as long: [N, pixels]."""
    values = tensor if not tensor.is_complex() else torch.empty(0)
    if values.numel() and values.numel() % pixels == 0:
        yield values.reshape(-1, pixels)
        if values.dim() > 1 and values.shape[0] == pixels:
            yield values.reshape(pixels, -1).T
