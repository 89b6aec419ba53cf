"""One step of training by a joint loss: squared error, 1 - SSIM and cross-entropy, and a weighted divergence.

train_step is asked as it stands, with a model whose answers are known. Wang et al. 2004 for SSIM.

Judged by docs/right.md#reductions, #several-mistakes, #one-mistake-once.
"""

from dataclasses import replace
from itertools import product

from torch import Generator

from grading.checks.compare import HALF, Disagreement
from grading.checks.joint_case import WEIGHT, Step, asked, bce_slips, l2_slips, ssim_slips
from grading.errors import NotMeasured
from grading.subjects import Subject

RTOL = 1e-4
NOT_JOINT = "the loss is not MSE + (1 - SSIM) + BCE and a weighted divergence"


def train_step(student: Subject, reference: Subject, rng: Generator) -> None:
    """train_step makes one step of the optimizer by the sum of its parts, and returns (loss, l2, bce, ssim, kldiv).

    x [B, 3, 32, 32], y [B]; loss = l2 + bce + (1 - SSIM) + kldiv. What the parts are is a row of its own.
    """
    for model in ("vae", "cvae"):
        step = asked(student, model, rng)
        _judge_order(step)
        _judge_weight(step)
        _judge_sum(step)
        _judge_update(step)


def joint_loss(student: Subject, reference: Subject, rng: Generator) -> None:
    """The reconstruction loss is MSE + (1 - SSIM in windows of 11) + BCE(xg, x), each averaged over pixels.

    Judged by the values that train_step returns and by their sum, which is minimised.
    """
    try:
        _judge_losses(asked(student, "vae", rng))
    except Disagreement as first:
        if first.verdict.bug and not _again(student, rng, first.verdict.bug):
            first.verdict = replace(first.verdict, bug="", message=NOT_JOINT)
        raise


def _again(student: Subject, rng: Generator, bug: str) -> bool:
    """Whether another batch shows the same mistake: among few numbers, one is soon explained by something."""
    try:
        _judge_losses(asked(student, "vae", rng))
    except Disagreement as second:
        return second.verdict.bug == bug
    return False


def _judge_losses(step: Step) -> None:
    """Raises Disagreement unless this step is by the joint loss."""
    found, right = sorted(step.values[1:]), step.right()
    for name, slips in (("l2", l2_slips(step)), ("bce", bce_slips(step))):
        if not any(_near(value, right[name]) for value in step.values):
            _tell(name, right[name], slips, step.values)
    similar = step.likenesses()
    if not any(_near(value, wanted) for value in found for each in similar for wanted in (each, 1 - each)):
        _judge_repeated(step, right)
        _tell("ssim", 1 - similar[0], ssim_slips(step), step.values)
    _judge_joint(step, similar)


def _near(found: float, right: float, rtol: float = RTOL) -> bool:
    return abs(found - right) <= rtol * max(abs(right), 0.01)


def _judge_order(step: Step) -> None:
    """Raises Disagreement where values that are right stand in other places."""
    right, similar = step.right(), step.likenesses()
    wanted = [
        max(step.values),
        right["l2"],
        right["bce"],
        *[next((v for v in step.values if any(_near(v, w) for s in similar for w in (s, 1 - s))), 0.0)],
        step.weight() * right["kldiv"],
    ]
    known = [value for value in wanted[1:] if any(_near(value, found) for found in step.values)]
    if len(known) == 4 and not all(
        _near(found, right) for found, right in zip(step.values[1:], wanted[1:], strict=True)
    ):
        raise Disagreement(
            "the five values are there, but in another order than the loop unpacks: (loss, l2, bce, ssim, kldiv)",
            share=HALF,
            bug="values-in-another-order",
            expected=_listed(wanted),
            actual=_listed(step.values),
        )


def _judge_weight(step: Step) -> None:
    """A divergence that counts for nothing may be one that its author annealed by a way of his own, from 0 on."""
    if not step.weighted and (not step.gradients or step.gradients[0][1].abs() < 1e-8):
        raise NotMeasured(
            "what stands before the divergence could not be set, and is 0 in the first epoch: look whether loss has it"
        )


def _judge_sum(step: Step) -> None:
    """The first value is the sum of the others, whatever they are; ssim may be told as SSIM or as 1 - SSIM."""
    loss, l2, bce, likeness, kldiv = step.values
    sums = [l2 + bce + each + kl for each, kl in product((likeness, 1 - likeness), (kldiv, WEIGHT * kldiv))]
    if any(_near(loss, each, 1e-3) for each in sums):
        return
    slips = {
        "kldiv-not-in-loss": [l2 + bce + each for each in (likeness, 1 - likeness)],
        "kldiv-twice": [l2 + bce + each + 2 * kldiv for each in (likeness, 1 - likeness)],
    }
    for bug, wrong in slips.items():
        if any(_near(loss, each, 1e-3) for each in wrong):
            raise Disagreement(
                "loss is not l2 + bce + (1 - SSIM) + kldiv: the divergence is "
                f"{'missing' if bug == 'kldiv-not-in-loss' else 'in it twice'}",
                bug=bug,
                expected=f"{sums[0]:.5f}",
                actual=f"{loss:.5f}",
            )
    raise Disagreement(
        "loss is not the sum of the four parts that are returned beside it",
        bug="loss-is-no-sum",
        expected=f"{sums[0]:.5f}",
        actual=f"{loss:.5f}",
    )


def _judge_update(step: Step) -> None:
    """The optimizer moves the model, by gradients of this batch alone, of the images and of the divergence."""
    if not step.gradients or not step.moved:
        raise Disagreement(
            "train_step moves no parameter: loss.backward() and optimizer.step() belong into it", bug="no-step"
        )
    first = step.gradients[0]
    for place, what in ((0, "the image"), (1, "mu"), (2, "log_var")):
        if first[place].abs() < 1e-8:
            raise Disagreement(
                f"no gradient of the loss reaches {what}: it is not learned from",
                bug="no-gradient",
                expected="the gradient of all four parts",
                actual=f"none of {what}",
            )
    if len(step.gradients) == 2 and (step.gradients[1][:3] - 2 * first[:3]).abs().max() < 0.02 * first[:3].abs().max():
        raise Disagreement(
            "gradients add up from step to step: call optimizer.zero_grad() before loss.backward()",
            bug="gradients-accumulate",
            expected="the same gradient for the same batch",
            actual="twice as much in the second step",
        )


def _tell(name: str, right: float, slips: dict[str, tuple[float, str]], values: list[float]) -> None:
    told = {"expected": f"{name} = {right:.5f}", "actual": f"among {_listed(values)}"}
    for bug, (wrong, message) in slips.items():
        if any(_near(value, wrong) for value in values):
            raise Disagreement(message, bug=bug.split(" ")[0], **told)
    raise Disagreement(
        f"none of the values that train_step returns is the {name} of the joint loss", bug=f"no-{name}", **told
    )


def _judge_repeated(step: Step, right: dict[str, float]) -> None:
    """Raises Disagreement where another part stands in the place of the similarity: it is there twice."""
    for name, what in (("l2", "the squared error"), ("bce", "the cross-entropy")):
        if sum(_near(value, right[name]) for value in step.values[1:4]) > 1:
            raise Disagreement(
                f"{what} is there twice, and the similarity is not: ssim is 1 - SSIM(xg, x)",
                bug=f"{name}-for-ssim",
                expected="l2, bce and 1 - SSIM",
                actual=_listed(step.values[1:4]),
            )


def _judge_joint(step: Step, similar: list[float]) -> None:
    """What is minimised, less the divergence, is the joint loss."""
    loss, right = step.values[0], step.right()
    rest = [loss - weight * right["kldiv"] for weight in (WEIGHT, 0.0, 1.0, 2 * WEIGHT, step.weight())]
    base = right["l2"] + right["bce"]
    if any(_near(each, base + 1 - s, 1e-3) for each in rest for s in similar):
        return
    told = {"expected": f"{base + 1 - similar[0]:.5f} and the divergence", "actual": f"{loss:.5f}"}
    if any(_near(loss - WEIGHT**2 * right["kldiv"], base + 1 - s, 1e-4) for s in similar):
        raise Disagreement(
            "the divergence has lambda twice: KLDivLoss multiplies by it already", bug="lambda-twice", **told
        )
    slips = {
        "ssim-not-subtracted": (
            [base + s for s in similar],
            "SSIM itself is added: it is 1 for equal images, so 1 - SSIM is to be minimised",
        ),
        "l2-for-ssim": ([base + right["l2"]], "the squared error is in the loss twice, and 1 - SSIM is not"),
        "bce-for-ssim": ([base + right["bce"]], "the cross-entropy is in the loss twice, and 1 - SSIM is not"),
        "l2-twice": ([base + right["l2"] + 1 - s for s in similar], "the squared error is in the loss twice"),
        "bce-twice": ([base + right["bce"] + 1 - s for s in similar], "the cross-entropy is in the loss twice"),
        "ssim-twice": ([base + 2 * (1 - s) for s in similar], "1 - SSIM is in the loss twice"),
        "mean-of-the-parts": (
            [(base + 1 - s) / 3 for s in similar],
            "the three parts are to be added; you average them",
        ),
        "ssim-missing": ([base], "1 - SSIM is missing from the loss"),
        "bce-missing": ([right["l2"] + 1 - s for s in similar], "the cross-entropy is missing from the loss"),
        "l2-missing": ([right["bce"] + 1 - s for s in similar], "the squared error is missing from the loss"),
    }
    for bug, (wrong, message) in slips.items():
        if any(_near(each, one, 1e-3) for each in rest for one in wrong):
            raise Disagreement(message, bug=bug, **told)
    raise Disagreement(NOT_JOINT, **told)


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.5f}" for value in values)
