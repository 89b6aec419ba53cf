"""Whether images come from the part of a model that a handout trains: its other weights may be anything at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grading.checks.compare import Disagreement
from grading.errors import AnswerError
from grading.metrics.replays import Heard, Replay, replayed, told, weights_of
from grading.metrics.setting import Setting
from grading.records import Measurement
from grading.seeds import generator
from grading.subjects import Submission

MATTERS = 1e-5  # how far the part's answer moves, of its deviation, where a weight that counts is drawn anew
IMAGES = 20


@dataclass(frozen=True)
class Part:
    """The part of a model that images should come from, and its weights by their names in the file."""

    unused: Sequence[str]  # the weights that it does not use
    tables: Sequence[str]  # those that it takes rows out of, by labels or steps
    proofs: Sequence[Measurement]  # whether its answers are what its weights compute


def within(student: Submission, setting: Setting) -> Part:
    """What there is to know of the part.

    The part is asked by the first probe of `within` in the rubric that can be: with images of noise and classes.
    """
    weights, proofs = weights_of(student, setting.sampling.file), list[Replay]()
    for probe in setting.sampling.within:
        proof = _proof(student, setting, probe, weights)
        if proof.holds:
            unused = [name for name in weights if proof.matters.get(name, 0.0) <= MATTERS]
            return Part(unused, proof.tables, told([proof]))
        proofs.append(proof)
    return Part([], [], told(proofs))


def _proof(student: Submission, setting: Setting, probe: str, weights: dict[str, torch.Tensor]) -> Replay:
    rng = generator(setting.seed, "within")
    heard = Heard(student, probe, setting.seed, seconds=setting.seconds)
    sides = setting.assets.images.shape[1:]
    try:
        x = torch.rand(IMAGES, *sides, generator=rng)
        heard(x, x=x, y=torch.randperm(IMAGES, generator=rng) % 10)
    except (AnswerError, Disagreement) as error:
        return Replay(str(error)[:300])
    return replayed(student, heard, weights, "moved")
