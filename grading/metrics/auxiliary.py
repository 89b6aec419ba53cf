"""How often a discriminator names the class of test images: the auxiliary classifier of an AC-GAN (arXiv:1610.09585)."""

from dataclasses import replace

import torch
from torch import Tensor

from grading.assets import Assets
from grading.checks.compare import Disagreement, tensor
from grading.credit import decided, wilson
from grading.errors import Crashed
from grading.metrics.accuracy import accuracy as share_named
from grading.metrics.accuracy import of_a_test_set, per_class
from grading.metrics.intervals import point
from grading.metrics.moving import moved
from grading.metrics.replays import Heard, replayed, told, weights_of
from grading.metrics.sampling import LOOK_Z
from grading.metrics.setting import Setting
from grading.metrics.test_set import Selection, few, in_two_looks
from grading.records import Evidence, Measurement
from grading.seeds import generator
from grading.subjects import Submission

WAYS = ("in [0, 1]", "in [-1, 1]", "of mean 0 and variance 1")  # how pixels may be brought to a network
TIE = -1  # what is predicted where all classes have the same score
DISCRIMINATOR = "discriminator."  # how the names of its weights begin
ASKED_AGAIN, CHANGED, SOME = 50, 1e-3, 5  # images; what rounding does not do to a probability; how many may change


def accuracy(student: Submission, setting: Setting) -> Evidence:
    """The share of test images whose class the discriminator names; the labels stay with the judge.

    How it wants its pixels is the student's to choose, so each way is tried on a few hundred images first.
    """
    network = Heard(student, "class_scores", setting.seed)
    found = {way: _tried(network, setting, way) for way in WAYS}
    way = max(WAYS, key=lambda each: found[each])
    steady = _each_by_itself(network, setting, way)
    network = Heard(student, "class_scores", setting.seed)

    def hits(seen: Selection) -> Tensor:
        return _hits(network, setting, seen, way)

    def enough(right: Tensor) -> bool:
        return setting.ramp is None or decided(setting.ramp, *wilson(int(right.sum()), len(right), LOOK_Z))

    look = in_two_looks(setting, hits, enough)
    others = ", ".join(f"{other}: {100 * found[other]:.0f} %" for other in WAYS if other != way)
    asked = f"asked with pixels {way}, {100 * found[way]:.0f} % of the first few hundred ({others})"
    note = "; ".join([look.seen.told, per_class(look.found, look.seen.labels), asked, *steady])
    title = "accuracy of the auxiliary classifier on test images"
    share = share_named(int(look.found.sum()), len(look.found), note, look.cut_short, title)
    lost = _moved(network, setting, way)
    follows = told([replayed(student, network, _discriminator(student, setting))])
    return Evidence((of_a_test_set(share, look.seen.left_out), lost, *follows))


def _discriminator(student: Submission, setting: Setting) -> dict[str, Tensor]:
    """Its weights, by their names within it."""
    every = weights_of(student, setting.sampling.file)
    return {name.removeprefix(DISCRIMINATOR): value for name, value in every.items() if name.startswith(DISCRIMINATOR)}


def _moved(network: Heard, setting: Setting, way: str) -> Measurement:
    """How much rarer images are named right when they are mirrored and shifted: to a lookup those are new."""
    seen = few(setting)
    changed = replace(seen, images=moved(seen.images, generator(setting.seed, "moved"), mirrored=True))
    before, after = (_hits(network, setting, each, way).double().mean().item() for each in (seen, changed))
    title = "share named right that is lost when images are mirrored and shifted a little"
    return point("lost", title, before - after, len(changed.images), "%")


def _tried(network: Heard, setting: Setting, way: str) -> float:
    """The share named on a few hundred images; 0 where the network cannot be asked like that."""
    try:
        return _hits(network, setting, few(setting), way).double().mean().item()
    except (Crashed, Disagreement):
        return 0.0


def _hits(network: Heard, setting: Setting, seen: Selection, way: str) -> Tensor:
    """Which of the images are named right: truth values [N]. Where all scores are the same, none is."""
    scores = torch.cat([_scores(network, _brought(x, way, setting.assets)) for x, _ in seen.batches()])
    predicted = torch.where(scores.amax(1) > scores.amin(1), scores.argmax(1), TIE)
    return predicted == seen.labels


def _brought(images: Tensor, way: str, assets: Assets) -> Tensor:
    """Images in [0, 1], as a discriminator may have been trained on them."""
    if way == WAYS[0]:
        return images
    if way == WAYS[1]:
        return 2 * images - 1
    pixels = assets.images.transpose(0, 1).flatten(1)
    mean, deviation = (each.view(1, -1, 1, 1) for each in (pixels.mean(1), pixels.std(1)))
    return (images - mean) / deviation


def _scores(network: Heard, x: Tensor) -> Tensor:
    """Logits, probabilities or their logarithms [B, 10]. A logarithm of 0 is welcome; other numbers must be finite."""
    answer = network(x, x=x)
    if isinstance(answer, Tensor) and answer.is_floating_point():
        finite = answer[answer.isfinite()]
        answer = answer.masked_fill(answer.isneginf(), finite.min().item() - 1 if len(finite) else 0.0)
    return tensor(answer, "the class scores", (len(x), 10))


def _each_by_itself(network: Heard, setting: Setting, way: str) -> list[str]:
    """Raises Disagreement where what is said of an image depends on the images beside it; else what there is to note.

    A network that says something else of the very same batch is noisy (dropout that is never switched off), which it may.
    """
    images = setting.assets.images
    chosen = _brought(images[:ASKED_AGAIN], way, setting.assets)
    dark = _brought(images[images.flatten(1).mean(1).argsort()[:ASKED_AGAIN]], way, setting.assets)
    first, again = (_scores(network, chosen).softmax(1) for _ in range(2))
    among = _scores(network, torch.cat([chosen.flip(0), dark]))[: len(chosen)].flip(0).softmax(1)
    if _changed(first, again) > SOME:
        return ["its scores of the same images differ from one time to the next, as with dropout that is never off"]
    if (changed := _changed(first, among)) > SOME:
        raise Disagreement(
            f"what is said of {changed} of {len(chosen)} images depends on the images they are shown with, in evaluation "
            "mode too: statistics of the batch should not be used when testing",
            bug="batch-dependent",
        )
    return []


def _changed(first: Tensor, second: Tensor) -> int:
    """For how many images [B, 10] another probability is given. Of probabilities, softmax makes others, just as telling."""
    return int(((first - second).abs().amax(1) > CHANGED).sum())
