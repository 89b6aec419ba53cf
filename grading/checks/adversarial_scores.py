"""The class scores of an AC-GAN's discriminator in a training step: what the auxiliary loss takes of them, and acc_d."""

import torch
from torch import Generator, Tensor

from grading.checks.adversarial_story import BATCH, CLASSES, Story, batch, discriminator_moves, of_classes, pulls
from grading.checks.compare import HALF, NEARLY, Disagreement, which
from grading.subjects import Subject


def judge_scores(story: Story) -> None:
    """What the auxiliary loss takes fits what the discriminator gives: logits for cross-entropy, logarithms for NLLLoss.

    Where no class is above another, cross-entropy pulls each of nine others by 1/9 of what it pulls the right one; NLLLoss
    pulls none of them, and the right one by 1, or by 10 where it gets the logarithm of a probability.
    """
    pull = next((pull for move in discriminator_moves(story) if (pull := pulls(story, move, "real"))), None)
    kinds = {call.scores for call in story.calls}
    if pull is None or len(kinds) != 1:
        return
    right, each = of_classes(pull[1], story.y)
    others = each.mean()
    alone, [kind] = abs(others) < 0.02 * right.mean().abs(), kinds
    if kind == "scores" and alone:
        raise Disagreement(
            "NLLLoss is given raw scores, so the loss falls without end: it takes log_softmax, or use CrossEntropyLoss",
            bug="nll-of-scores",
            share=HALF,
        )
    if kind == "probabilities" and alone and right.mean().abs() * len(right) < 1.5:
        message = "NLLLoss is given probabilities; it takes their logarithms: log_softmax in place of softmax"
        raise Disagreement(message, bug="nll-of-probabilities", share=HALF)
    if kind == "probabilities" and not alone and _cross_entropy(right, others):
        message = (
            "right, but the classes learn slowly: CrossEntropyLoss takes logits, and is given probabilities here, so that "
            "softmax is taken twice"
        )
        raise Disagreement(message, bug="softmax-twice", share=1.0)


def _cross_entropy(right: Tensor, others: Tensor) -> bool:
    return bool((others / right.mean() + 1 / (CLASSES - 1)).abs() < 0.02)


def judge_accuracy(student: Subject, rng: Generator) -> None:
    """acc_d is of the real images, or of real ones and fakes together, a share or in percent; not of fakes alone.

    A discriminator that is right about four of six real images and one of six fakes tells which.
    """
    x, y = batch(rng)
    answer = student.acgan_accuracy(x=x, y=y, seed="a")
    if not isinstance(answer, dict) or not isinstance(answer.get("accuracy"), Tensor):
        return
    told = which(
        answer["accuracy"].flatten()[:1], {"fakes": torch.tensor([1 / BATCH]), "%": torch.tensor([100 / BATCH])}
    )
    if told:
        raise Disagreement(
            "acc_d is the share of fakes whose class the discriminator tells; it should be that of the real images",
            share=NEARLY,
            bug="accuracy-of-fakes",
            expected="4 of 6, of the real images",
            actual="1 of 6, of the fakes",
        )
