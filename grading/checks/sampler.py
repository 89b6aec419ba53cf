"""Samplers of diffusion models, judged by law.

The network is replaced by the exact noise estimate for data N(m_y, s^2), which is linear in x. A sampler is then a chain
of linear steps, and what it makes of N(0, I) can be written down: a multiple of m_y and a variance. Every choice of
noise a handout leaves open has its own pair of numbers, and so has every known mistake.

Judged by docs/right.md#noise, #sizes.
"""

import math
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, close, images_like, numbers, parts, shown, table, tensor
from grading.checks.noise import standard_normal, wrong_start
from grading.checks.sampler_laws import MEANS, SPREAD, Law, Schedule, right_laws, slips
from grading.checks.sampler_noises import judge_noises, judge_only_noise
from grading.checks.sampler_steps import distance, unit, walked
from grading.checks.sizes import in_turn, of_steps
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

SHAPE = (1, 28, 28)
LINKED = 0.1  # correlation of one state with the next
COARSE = {"num_steps": 8, "beta_start": 0.05, "beta_end": 0.35}
WIDE = 2.0  # the spread of data by which mistakes are told apart
FINE = {"num_steps": 200, "beta_start": 0.0005, "beta_end": 0.1}


def ancestral_sampler(student: Subject, reference: Subject, rng: Generator) -> None:
    """generate_sample walks from x_T ~ N(0, I) back to x_0 with t falling, and follows the law of the data.

    Ho et al. 2020, algorithm 2. Judged with a known noise estimate; the noise scale may be beta_t or the posterior's, its
    root may be there or not, and a deterministic sampler (DDIM) or a last step with noise are right as well.
    """
    most = _own_steps(student)
    usual = {"num_steps": most, "beta_start": 0.0001, "beta_end": 0.02}
    in_turn(*(partial(_judge_walk, student, sizes) for sizes in (COARSE, usual)))


def _own_steps(student: Subject) -> int:
    """How many steps the submission's own schedule has; the course's 1,000 where that cannot be told."""
    try:
        own = student.schedule()
    except (Crashed, NotDone):  # it has a row of its own
        return 1000
    betas = own.get("betas") if isinstance(own, dict) else None
    return len(betas) if isinstance(betas, Tensor) and betas.ndim and 1 < len(betas) <= 1000 else 1000


def _judge_walk(student: Subject, sizes: dict[str, Any]) -> None:
    labels = torch.arange(10).repeat_interleave(2)
    trace = _trace(student, labels, sizes, "a")
    before_last = _judge_course(trace, labels)
    _judge_law(student, trace, before_last, labels)
    _judge_links(trace)
    judge_noises(trace, labels)
    _judge_end(tensor(trace["images"], "the images"), labels)
    other = _trace(student, labels, sizes, "b")
    if torch.equal(trace["images"], other["images"]):
        raise Disagreement("two calls give the same images: x_T must be drawn anew", bug="fixed-start")


def _judge_law(student: Subject, trace: dict[str, Any], before_last: Tensor, labels: Tensor) -> None:
    """Raises Disagreement where the walk leads elsewhere than right walks do, with the mistake that leads there."""
    schedule = Schedule(trace["alpha_bars"])
    right = right_laws(schedule)
    if any(_follows(before_last, labels, law) for law in right.values()):
        return
    bug, message = _named(student, labels)
    if not bug and _right_in_the_limit(student, labels):
        return
    if bug and len(trace["timesteps"]) < len(trace["alpha_bars"]) // 2:
        _judge_links(trace)  # a walk that is none may end by chance where a mistake leads
    if not bug:
        judge_noises(trace, labels)
    if bug == "no-noise":
        judge_only_noise(trace, before_last, labels)
    found, nearest = _measured(before_last, labels), right["beta"]
    raise Disagreement(
        message or "the images do not follow the law of the data when the noise estimate is exact",
        bug=bug,
        expected=f"before the last step {nearest.multiple:.3f} of the class mean, spread {nearest.spread:.3f}",
        actual=f"{found.multiple:.3f} of the class mean, spread {found.spread:.3f}",
    )


def _named(student: Subject, labels: Tensor) -> tuple[str, str]:
    """The mistake by which every step of a walk is taken, and what to say of it; two empty strings for none that is known.

    Data of a wide spread are walked to, since near narrow ones several mistakes take nearly the same steps.
    """
    try:
        trace = _trace(student, labels, COARSE, "named", WIDE)
    except Disagreement:
        return "", ""
    schedule, states = Schedule(trace["alpha_bars"], WIDE), walked(trace)
    if states is None:
        return "", ""
    centres = MEANS.double()[labels].view(-1, 1, 1, 1)
    known = slips(schedule)
    far = {bug: distance(states, centres, schedule, step) for bug, (step, _) in known.items()}
    nearest = min(far, key=far.__getitem__)
    return (nearest, known[nearest][1]) if math.isfinite(far[nearest]) else ("", "")


def _trace(
    student: Subject, labels: Tensor, sizes: dict[str, Any], seed: str, spread: float = SPREAD
) -> dict[str, Any]:
    asked = student.sampling_trace(labels=labels, means=MEANS, spread=spread, seed=seed, **sizes)
    seen = {"labels": Tensor, "first": Tensor, "last": Tensor, "alpha_bars": Tensor}
    trace = parts(asked, images=Tensor, requires_grad=bool, timesteps=list, states=object, **seen)
    tensor(trace["images"], "the generated images", (len(labels), *SHAPE))
    if trace["requires_grad"]:
        raise Disagreement(
            "generate_sample should run without gradients: decorate it with @torch.no_grad()", bug="with-gradient"
        )
    trace["alpha_bars"] = table(trace["alpha_bars"], "alpha_bars")
    return trace


def _judge_course(trace: dict[str, Any], labels: Tensor) -> Tensor:
    """The order of the steps and the labels; returns the state before the last step."""
    steps = numbers(trace["timesteps"], "the steps that the network is asked about")
    of_steps(len(steps), len(trace["alpha_bars"]), "generate_sample takes")
    if not steps:
        raise Disagreement("generate_sample never asks the network", bug="network-not-asked")
    if len(steps) > 1 and all(later > earlier for earlier, later in pairwise(steps)):
        raise Disagreement(
            "t must fall, from the last step to 0: generation starts from noise",
            bug="ascending-t",
            expected=f"{len(trace['alpha_bars']) - 1}, …, 1, 0",
            actual=", ".join(f"{t:g}" for t in steps[:3]) + f", …, {steps[-1]:g}",
        )
    asked = tensor(trace["labels"], "the labels that reach the network")
    if not torch.equal(asked, labels.double()):
        raise Disagreement(
            "the network is asked with other labels than generate_sample was",
            bug="wrong-labels",
            actual=shown(asked, 12),
        )
    first = tensor(trace["first"], "x_T")
    if not standard_normal(first):
        raise wrong_start(first)
    return images_like(trace["last"], "the state before the last step", len(labels))


def _measured(images: Tensor, labels: Tensor) -> Law:
    """The law that images [B, 1, 28, 28] of these labels follow, by least squares on the class means."""
    centres = MEANS.double()[labels].view(-1, 1, 1, 1).expand_as(images)
    multiple = ((images * centres).sum() / (centres**2).sum()).item()
    return Law(multiple, (images - multiple * centres).var().item())


def _follows(images: Tensor, labels: Tensor, law: Law) -> bool:
    """Whether both numbers lie within 5 standard errors of the law's."""
    if not torch.isfinite(images).all():
        return False
    found, n = _measured(images, labels), images.numel()
    centres = MEANS.double()[labels]
    error = (law.variance / (28 * 28 * (centres**2).sum().item())) ** 0.5
    spread, wanted = found.spread, law.spread
    right_spread: bool = abs(spread - wanted) <= 5 * wanted / (2 * n) ** 0.5 + 1e-4
    return right_spread and abs(found.multiple - law.multiple) <= 5 * error + 1e-3


def _right_in_the_limit(student: Subject, labels: Tensor) -> bool:
    """Whether many small steps lead to the data's law, roughly: any consistent sampler passes, whatever its steps."""
    try:
        found = _measured(_judge_course(_trace(student, labels, FINE, "fine"), labels), labels)
    except Disagreement:  # it does not even stay finite; what is wrong is told from the coarse walk
        return False
    return abs(found.multiple - 1) < 0.03 and abs(found.spread / SPREAD - 1) < 0.07


def _judge_links(trace: dict[str, Any]) -> None:
    """Every state comes from the one before, and the images from the last.

    Looked at in the second half of the walk: at its beginning a schedule may throw nearly everything away. There right
    walks are correlated to 0.68 and more from one state to the next; drawn by themselves they would be to 0.008.
    """
    states = walked(trace)
    if states is None:
        return
    walk = [*states, tensor(trace["images"], "the images")]
    walk = walk[len(walk) // 2 - 1 :]
    for before, after in pairwise(image - image.flatten(1).mean(1).view(-1, 1, 1, 1) for image in walk):
        pair = torch.stack([unit(before), unit(after)])
        if torch.corrcoef(pair)[0, 1].item() < LINKED:
            raise Disagreement(
                "x_{t-1} has nothing to do with x_t: every step starts from the image that the last one led to",
                bug="broken-walk",
            )


def _judge_end(images: Tensor, labels: Tensor) -> None:
    """The images themselves may be brought to [0, 1], all alike or each by its own extremes; they must show the class."""
    low, high = images.flatten(1).amin(1), images.flatten(1).amax(1)
    if close(low, low[:1].expand_as(low)) and close(high, high[:1].expand_as(high)):
        return  # every image stretched to the same extremes: nothing more can be told
    means = torch.stack([images.flatten(1).mean(1), MEANS.double()[labels]])
    if torch.corrcoef(means)[0, 1].item() < 0.95:
        raise Disagreement("what is returned is not where the walk led", bug="wrong-end", actual=shown(means[0], 10))
