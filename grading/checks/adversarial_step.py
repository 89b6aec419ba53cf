"""One training step of an AC-GAN: Odena, Olah & Shlens 2017 (arXiv:1610.09585), section 4; Goodfellow et al. 2014.

train_step runs as it stands; every pass of the discriminator is watched, and every gradient that arrives there. Any loss is
right that pulls the right way: cross-entropy, least squares (Mao et al. 2017) and hinge alike.

Judged by docs/right.md#reductions, #noise, #several-mistakes.
"""

from torch import Generator, Tensor

from grading.checks.adversarial_scores import judge_accuracy, judge_scores
from grading.checks.adversarial_story import (
    TINY,
    Move,
    Pull,
    Story,
    completed,
    discriminator_moves,
    of_classes,
    pulls,
    told,
)
from grading.checks.compare import HALF, NEARLY, Disagreement, tensor
from grading.checks.noise import shared
from grading.subjects import Subject


def losses(student: Subject, reference: Subject, rng: Generator) -> None:
    """The discriminator learns to tell real from fake and the class of real images; the generator learns to pass, by class.

    Judged by the gradients that reach validity and class scores when each of the two is about to move.
    """
    story = completed(told(student, rng))
    _judge_discriminator(story)
    _judge_generator(story)
    _judge_draws(story)
    judge_scores(story)


def updates(student: Subject, reference: Subject, rng: Generator) -> None:
    """optimizer_D moves the discriminator alone, by detached fakes, and optimizer_G the generator; three numbers come back.

    x [B, 3, 32, 32], y [B] -> (loss_g, loss_d, acc_d), for a last batch that is smaller too.
    """
    story = told(student, rng)
    _judge_holders(story)
    for name in ("discriminator", "generator"):
        if not story.moved.get(name):
            raise Disagreement(f"train_step does not move the {name}", bug=f"{name}-not-moved")
    _judge_detached(story)
    if len(story.returned) != 3 or any(
        tensor(value, "what train_step returns").numel() != 1 for value in story.returned
    ):
        raise Disagreement(
            "train_step should return three numbers: (loss_g, loss_d, acc_d)", share=HALF, bug="not-three-values"
        )
    judge_accuracy(student, rng)


def _judge_discriminator(story: Story) -> None:
    moves = discriminator_moves(story)
    if not moves:
        raise Disagreement(
            "no optimiser moves by real images: the discriminator has to learn from them", bug="no-real-images"
        )
    real = [pull for move in moves if (pull := pulls(story, move, "real"))]
    if real[0][0].abs().sum() <= TINY:
        raise Disagreement("the validity of real images is not learned from", bug="no-validity-real")
    if _sense(story) > 0 and not _passing(story):
        raise Disagreement(
            "the discriminator learns that real images are fake: the targets have changed places", bug="targets-swapped"
        )
    fake = [pull for move in story.moves[: _last(story, moves) + 1] if (pull := pulls(story, move, "fake"))]
    if not any(_is_telling(story, pull) for pull in fake):
        raise Disagreement(
            "the discriminator does not learn that generated images are fake",
            bug="no-fake-images" if not fake else "fakes-taken-for-real",
        )
    _judge_classes(real, story.y)


def _sense(story: Story) -> float:
    """The way that real images' validity is pulled: down the gradient, so -1 where real is the larger number."""
    real = [pull for move in discriminator_moves(story) if (pull := pulls(story, move, "real"))]
    return 1.0 if real and real[0][0].mean() > TINY else -1.0


def _last(story: Story, moves: list[Move]) -> int:
    return max(number for number, move in enumerate(story.moves) if move in moves) if moves else 0


def _judge_classes(real: list[Pull], y: Tensor) -> None:
    """The auxiliary loss on real images: descent raises the score of the right class above the others."""
    scores = [pull[1] for pull in real if pull[1].abs().sum() > TINY]
    if not scores:
        raise Disagreement(
            "the classes of real images are not learned: the auxiliary loss is missing from the discriminator's",
            bug="no-auxiliary-loss",
        )
    right, others = of_classes(scores[0], y)
    if (right < others).double().mean() < 1:
        raise Disagreement(
            "the auxiliary loss does not pull towards the classes y of the real images", bug="auxiliary-targets"
        )


def _passing(story: Story) -> list[Pull]:
    """What pulls generated images to where real ones are pulled, as an optimiser moves by nothing else."""
    moves = [move for move in story.moves if pulls(story, move, "real") is None]
    found = [pull for move in moves if (pull := pulls(story, move, "fake"))]
    return [pull for pull in found if not _is_telling(story, pull)]


def _judge_generator(story: Story) -> None:
    """The generator's loss: fakes should pass for real, and for the classes that were asked for."""
    passing = _passing(story)
    if not passing:
        raise Disagreement(
            "no optimiser moves by a loss of the generator: generated images should pass for real ones",
            bug="no-generator-loss",
        )
    validity, scores, wanted = passing[0]
    if validity.abs().sum() <= TINY:
        raise Disagreement("the generator is not told whether its images pass for real", bug="no-generator-validity")
    if scores.abs().sum() <= TINY:
        raise Disagreement(
            "the generator is not told whether its images are of the classes asked for: the auxiliary loss is missing",
            share=HALF,
            bug="no-generator-auxiliary",
        )
    if wanted is not None:
        right, others = of_classes(scores, wanted)
        if (right < others).double().mean() < 1:
            raise Disagreement(
                "the generator's auxiliary loss does not pull towards the classes that its images were asked for",
                share=HALF,
                bug="generator-auxiliary-targets",
            )


def _judge_draws(story: Story) -> None:
    """Every image has a z of its own, and every number of z is drawn; of which law no handout says."""
    for z in story.latents:
        found = shared(tensor(z, "the generator's z")) if z.ndim > 1 and min(z.shape[:2]) > 1 else ""
        if found == "shared-noise":
            raise Disagreement("all images get the same z: draw one for each", bug="z-shared", share=HALF)
        if found == "one-number-per-image":
            raise Disagreement("all numbers of an image's z are one: draw each of them", bug="z-not-normal", share=HALF)


def _is_telling(story: Story, pull: Pull) -> bool:
    """Whether it pulls the validity of fakes away from where real images are pulled, as the discriminator's loss does."""
    return bool(_sense(story) * pull[0].mean() < -TINY)


def _judge_holders(story: Story) -> None:
    """Which optimiser holds whose parameters, going by what its step follows."""
    if story.moves and not any(move.discriminator for move in story.moves):
        raise Disagreement(
            "no optimiser that steps holds the discriminator's parameters: call optimizer_D.step() after the gradients of "
            "its loss, and make optimizer_D of discriminator.parameters()",
            bug="discriminator-not-moved",
            expected="optimizer_D.step()",
            actual="steps of an optimizer of generator.parameters() alone",
        )
    swapped = [move for move in discriminator_moves(story) if move.generator and not move.discriminator]
    if swapped:
        raise Disagreement(
            "the optimiser that steps after the discriminator's loss holds the generator's parameters: they are swapped",
            bug="optimizers-swapped",
            expected="optimizer_D = Adam(discriminator.parameters(), …)",
            actual="an optimizer of generator.parameters()",
        )
    if any(move.generator and move.discriminator for move in story.moves):
        raise Disagreement(
            "one optimiser holds the parameters of both networks: whoever wins, both move", bug="one-optimizer"
        )


def _judge_detached(story: Story) -> None:
    """Fakes that the discriminator learns from are detached, or do no harm all the same."""
    if any(_stale(story, move) for move in story.moves if move.generator):
        raise Disagreement(
            "the generator moves by more than its own loss: gradients of the discriminator's loss, or of an "
            "earlier step, are still there. Detach the fakes that the discriminator learns from, and call "
            "optimizer_G.zero_grad()",
            bug="generator-moves-by-other-losses",
        )
    telling = [
        number
        for number, call in enumerate(story.calls)
        if call.images in ("fake", "both") and call.open and _told_fake(story, number)
    ]
    if telling and _passing(story):
        raise Disagreement(
            "the discriminator's loss goes back into the generator: discriminator(images.detach()) spares that",
            share=NEARLY,
            bug="fakes-not-detached",
            expected="images.detach()",
            actual="images with their gradient",
        )


def _stale(story: Story, move: Move) -> bool:
    """Whether the generator has gradients from elsewhere when its loss arrives, or moves by a loss against its images."""
    fake = pulls(story, move, "fake")
    passing = fake is not None and not _is_telling(story, fake)
    calls = zip(story.calls, move.before, strict=False)
    old = any(before > TINY for call, before in calls if call.images == "fake")
    against = (
        fake is not None and not passing and bool(_passing(story))
    )  # without any, the row of the losses has said so
    return (passing and old) or against


def _told_fake(story: Story, number: int) -> bool:
    """Whether this call served to tell the discriminator that the images are fake."""
    for move in story.moves:
        if number < len(move.arrived) and len(move.arrived[number]) == 2:
            validity = move.arrived[number][0]
            cut = story.calls[number].real
            fakes = validity[cut:] if cut > 0 else validity[:cut] if cut < 0 else validity
            if _sense(story) * fakes.mean() < -TINY:
                return True
    return False
