"""What happens in one training step of an AC-GAN, as a probe watches it: what the discriminator is shown, what moves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, all_parts, parts, shown, tensor
from grading.errors import BadAnswer
from grading.subjects import Subject

BATCH, SIDE, CLASSES = 6, 32, 10
TINY = 1e-12
ALIKE = 0.9  # correlation of an image with itself under noise, or in another range
Pull = tuple[Tensor, Tensor, Tensor | None]  # gradients at validity [B] and scores [B, 10], and the classes wanted


@dataclass(frozen=True, eq=False)
class Call:
    """The discriminator asked once."""

    images: str  # "real", "fake", "both" in one batch, or "other"
    real: int  # how many of them are real; they come first or, with a minus, last
    open: bool  # whether a gradient goes back into the images
    wanted: Tensor | None  # the classes the generator was asked for, of fakes
    scores: str = ""  # what the class scores are: "probabilities", "logarithms" or "scores"


@dataclass(frozen=True, eq=False)
class Move:
    """An optimiser's step."""

    discriminator: bool  # whether it holds the discriminator's parameters
    generator: bool
    arrived: tuple[
        tuple[Tensor, ...], ...
    ]  # for each call so far: the gradients at validity and scores since the last step
    before: tuple[float, ...]  # for each call: how large the generator's gradients were when the first of that arrived


@dataclass(frozen=True, eq=False)
class Story:
    """Everything that happened in one call of train_step."""

    y: Tensor
    calls: tuple[Call, ...]
    moves: tuple[Move, ...]
    moved: dict[str, bool]
    returned: list[Any]
    latents: tuple[Tensor, ...]  # z [B, latent_dim] by which the generator was asked, each time

    def shows_real(self) -> bool:
        """Whether the batch itself is recognised somewhere; turned over or cut out, it is not."""
        return any(call.images in ("real", "both") for call in self.calls)


def batch(rng: Generator) -> tuple[Tensor, Tensor]:
    """Images [6, 3, 32, 32] in [0, 1] that are nothing but noise, and their classes [6]."""
    return torch.rand(BATCH, 3, SIDE, SIDE, generator=rng), torch.tensor([3, 0, 9, 5, 1, 7])


def told(student: Subject, rng: Generator) -> Story:
    """Asks train_step about a batch, twice."""
    x, y = batch(rng)
    kinds = {"events": list, "made": list, "moved": dict, "returned": list, "x": Tensor, "y": Tensor}
    answer = all_parts(student.acgan_step(x=x, y=y, seed="a"), **kinds)
    x, y = _repeated(x, y, answer)
    made = [parts(each, images=Tensor, classes=Tensor, z=Tensor) for each in answer["made"]]
    if any(each["images"] is None for each in made):
        raise BadAnswer("what the generator makes should be images")
    try:
        asked = [event for event in answer["events"] if event["event"] == "call"]
        calls = [replace(_call(event, x, made), scores=str(event["scores"])) for event in asked]
        moves = [_move(event) for event in answer["events"] if event["event"] == "step"]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise BadAnswer("what train_step did is not told as it should be") from error
    moved = {name: value is True for name, value in answer["moved"].items()}
    latents = tuple(each["z"] for each in made if each["z"] is not None)
    return Story(y, tuple(calls), tuple(moves), moved, answer["returned"], latents)


def _repeated(x: Tensor, y: Tensor, answer: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The batch, over and over where train_step takes none so small, as a probe says that it was asked about it."""
    count, again = len(answer["x"]) if answer["x"].ndim else 0, torch.arange(0)
    if answer["x"].shape == (count, *x.shape[1:]) and count >= BATCH:
        again = torch.arange(count) % BATCH
    if not len(again) or not torch.equal(answer["x"], x[again]) or not torch.equal(answer["y"], y[again]):
        raise BadAnswer("train_step was asked about another batch")
    return x[again], y[again]


def _call(event: dict[str, Any], x: Tensor, made: Sequence[dict[str, Any]]) -> Call:
    """What the discriminator was shown: the batch, what a generator made, both at once, or something else."""
    images = tensor(event["x"], "what the discriminator is shown").float()
    fakes = [each for each in made if each["images"].shape[1:] == images.shape[1:]]
    for each in fakes:
        fake, wanted = each["images"].float(), each["classes"]
        if _same(images, fake):
            return Call("fake", 0, event["open"] is True, wanted)
        if len(images) == len(fake) + len(x):
            if _same(images[len(x) :], fake):
                return Call("both", len(x), event["open"] is True, wanted)
            if _same(images[: len(fake)], fake):
                return Call("both", -len(x), event["open"] is True, wanted)
    return Call("real" if _same(images, x) else "other", len(images), event["open"] is True, None)


def _same(one: Tensor, other: Tensor) -> bool:
    """Equal, but for a change of range or some noise on top."""
    if one.shape != other.shape or one.numel() < 2:  # a single number varies with nothing
        return torch.equal(one, other)
    pairs = torch.stack([one.flatten(), other.flatten()]).double()
    return bool(torch.corrcoef(pairs)[0, 1] > ALIKE) if pairs.std(1).min() > 1e-6 else bool((one == other).all())


def _move(event: dict[str, Any]) -> Move:
    holds, before = event["holds"], event["before"]
    if not isinstance(holds, dict) or not all(isinstance(each, float | int) for each in before):
        raise ValueError("an optimiser's step has parts of another kind")
    arrived = tuple(tuple(tensor(each, "a gradient") for each in call) for call in event["arrived"])
    if any(each.ndim == 0 for call in arrived if len(call) == 2 for each in call):
        raise Disagreement(
            "the validity should be one number an image, and the class scores ten",
            expected=f"[{BATCH}] or [{BATCH}, 1], and [{BATCH}, {CLASSES}]",
            actual="one number for all images",
        )
    return Move(holds["discriminator"] is True, holds["generator"] is True, arrived, tuple(map(float, before)))


def completed(story: Story) -> Story:
    """The story as it would be with an optimiser's step that is missing, so that this costs the row of the steps alone.

    What has arrived at the calls of the first train_step is told apart by its sense: real images, and fakes pulled the other
    way, or detached, are the discriminator's; the other fakes are the generator's.
    """
    if any(move.discriminator for move in story.moves) == any(move.generator for move in story.moves):
        return story
    arrived = [_arrived(story, number) for number in range(len(story.calls) // 2)]
    real = next(
        (each[0] for each, call in zip(arrived, story.calls, strict=False) if each and call.images != "fake"), None
    )
    if real is None:
        return story
    mine = [
        bool(each) and (call.images != "fake" or not call.open or bool(each[0].mean() * real.mean() < -TINY))
        for each, call in zip(arrived, story.calls, strict=False)
    ]
    shares = [
        tuple(each if own == kept else () for each, own in zip(arrived, mine, strict=True)) for kept in (True, False)
    ]
    nothing = (0.0,) * len(arrived)
    moves = (Move(True, False, shares[0], nothing), Move(False, True, shares[1], nothing))
    return replace(story, calls=story.calls[: len(arrived)], moves=moves)


def _arrived(story: Story, number: int) -> tuple[Tensor, ...]:
    """All that has arrived at one call's answers."""
    each = [
        move.arrived[number] for move in story.moves if number < len(move.arrived) and len(move.arrived[number]) == 2
    ]
    if len({tuple(gradient.shape for gradient in pair) for pair in each}) > 1:
        raise BadAnswer("the gradients at one answer of the discriminator have several shapes")
    return tuple(sum(parts[1:], parts[0]) for parts in zip(*each, strict=True))


def pulls(story: Story, move: Move, images: str) -> Pull | None:
    """The gradients at validity and scores of real or of fake images when an optimiser moves, and the classes wanted.

    None where none arrived: the discriminator was not asked about such images, or nothing was made of its answer.
    """
    found = None
    kinds = {images, "both", *({"other"} if images == "real" and not story.shows_real() else ())}
    for call, arrived in zip(story.calls, move.arrived, strict=False):
        if len(arrived) != 2 or call.images not in kinds:
            continue
        part = slice(None)
        if call.images == "both":
            first_real = call.real > 0
            cut = abs(call.real) if first_real else -abs(call.real)
            part = slice(None, cut) if first_real == (images == "real") else slice(cut, None)
        validity, scores = arrived[0][part].flatten(), arrived[1][part]
        if validity.abs().sum() + scores.abs().sum() > TINY:
            found = (validity, scores, story.y if images == "real" else call.wanted)
    return found


def of_classes(scores: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients [B] at the scores of these classes, and the means [B] of those at the nine others."""
    if scores.numel() != classes.numel() * CLASSES:
        raise Disagreement(
            "the class scores should be ten numbers an image",
            expected=f"[{classes.numel()}, {CLASSES}]",
            actual=str(list(scores.shape)),
        )
    wanted = tensor(classes, "the classes that the generator is asked for").flatten().long()
    if wanted.min() < 0 or wanted.max() >= CLASSES:
        raise Disagreement("the generator should be asked for classes from 0 to 9", actual=shown(classes))
    gradient = scores.reshape(-1, CLASSES)
    right = gradient.gather(1, wanted.unsqueeze(1)).squeeze(1)
    return right, (gradient.sum(1) - right) / (CLASSES - 1)


def discriminator_moves(story: Story) -> list[Move]:
    """Steps before which real images were learned from: those are the discriminator's."""
    return [move for move in story.moves if pulls(story, move, "real") is not None]
