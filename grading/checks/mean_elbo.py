"""The negative evidence lower bound per image, as one number for a batch (docs/right.md#reductions).

Cross-entropy summed over pixels plus divergence, averaged over the batch: Kingma & Welling 2014 (arXiv:1312.6114),
equation 7 and appendix B.

Judged by docs/right.md#reductions, #clamps, #several-mistakes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import Generator, Tensor

from grading.checks.compare import NEARLY, Disagreement, Slip, close, shown, tensor
from grading.checks.formula import by_hand, gradients_agree, leaves_inputs_alone, script
from grading.checks.mean_elbo_slips import NAMES, Case, slips, terms
from grading.checks.pairs import pairs
from grading.checks.search import on_the_smallest_input, smallest_failure
from grading.errors import Crashed
from grading.records import Verdict
from grading.subjects import Subject

USUAL_BATCHES = (16, 32, 50, 64, 100, 128, 200, 250, 256, 512, 1000, 1024)
RTOL = 1e-5  # of the sizes of all terms: float32 adds them up


def negative_elbo(student: Subject, reference: Subject, rng: Generator) -> None:
    """loss_function is the cross-entropy summed over pixels plus 1/2 sum(mu^2 + sigma^2 - 1 - ln sigma^2), averaged over N.

    x_hat, x [N, 1, H, W] in (0, 1), mu, logvar [N, Z] -> a scalar.
    """
    call = by_hand(reference, "mean_elbo", NAMES)
    _judge(student, [_drawn(rng, *sizes) for sizes in ((3, 4, 5), (1, 28, 15), (8, 2, 2))], _cases(), call)


def negative_elbo_of_digits(student: Subject, reference: Subject, rng: Generator) -> None:
    """loss_function is the cross-entropy summed over pixels plus 1/2 sum(mu^2 + sigma^2 - 1 - ln sigma^2), averaged over N.

    The same for images of 28 x 28 alone, which a loss function written into a notebook may count on.
    """
    call = by_hand(reference, "mean_elbo", NAMES)
    cases = [_drawn(rng, *sizes) for sizes in ((3, 28, 15), (1, 28, 15), (8, 28, 2))]
    try:
        _judge(student, cases, _flat_digits(), call)
    except (Disagreement, Crashed) as first:  # a notebook may have images as rows: docs/right.md#shapes-and-types
        try:
            _judge(_Rows(student), cases, _flat_digits(), call)
        except (Disagreement, Crashed):
            raise first from None


class _Rows:
    """The same subject, whose loss is handed images as rows."""

    def __init__(self, student: Subject) -> None:
        self._student = student

    def __getattr__(self, probe: str) -> Any:
        def ask(**given: Any) -> Any:
            if probe == "watched":
                given["inputs"] = {**given["inputs"], "flat": True}
            return getattr(self._student, probe)(**(given | ({"flat": True} if probe == "mean_elbo" else {})))

        return ask


def _judge(student: Subject, drawn: Sequence[Case], small_ones: SearchStrategy[Case], call: str) -> None:
    """Raises Disagreement unless the loss is right on those drawn and on small ones, and kind to its inputs."""
    for case in drawn:
        try:
            _right(student, case, call)
        except Disagreement as first:
            if not first.verdict.bug:
                first.verdict = _explained(student, case, drawn, first.verdict)
            raise on_the_smallest_input(first, small_ones, lambda small: _right(student, small, call)) from None
    smallest_failure(small_ones, lambda small: _right(student, small, call), 40)
    watched = student.watched(probe="mean_elbo", inputs=dict(case))
    leaves_inputs_alone(watched, case, _script(case, call))
    gradients_agree(watched, _gradients(case), "the loss", _script(case, call))


def _drawn(rng: Generator, count: int, side: int, latent: int) -> Case:
    x_hat, x = (0.05 + 0.9 * torch.rand(count, 1, side, side, generator=rng) for _ in range(2))
    mu, logvar = (torch.randn(count, latent, generator=rng) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    """Up to three images of up to 2 x 2 pixels, and up to three latent dimensions."""
    count, side, latent = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    pixels = st.lists(st.floats(0.0625, 0.9375, width=16), min_size=count * side**2, max_size=count * side**2)
    numbers = st.lists(st.floats(-3, 3, width=16), min_size=count * latent, max_size=count * latent)
    x_hat, x = (torch.tensor(draw(pixels)).view(count, 1, side, side) for _ in range(2))
    mu, logvar = (torch.tensor(draw(numbers)).view(count, latent) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


@st.composite
def _flat_digits(draw: st.DrawFn) -> Case:
    """Up to two images of one grey each, drawn again in another, and up to three latent dimensions."""
    count, latent = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    greys = st.lists(st.floats(0.0625, 0.9375, width=16), min_size=count, max_size=count)
    numbers = st.lists(st.floats(-3, 3, width=16), min_size=count * latent, max_size=count * latent)
    x_hat, x = (torch.tensor(draw(greys)).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous() for _ in range(2))
    mu, logvar = (torch.tensor(draw(numbers)).view(count, latent) for _ in range(2))
    return dict(zip(NAMES, (x_hat, x, mu, logvar), strict=True))


def _gradients(case: Case) -> dict[str, Tensor | None]:
    leaves = {name: value.double().requires_grad_() for name, value in case.items()}
    sum(part.mean() for part in terms(leaves)).backward()  # type: ignore[union-attr]
    return {name: leaves[name].grad for name in ("x_hat", "mu", "logvar")}


def _right(student: Subject, case: Case, call: str) -> None:
    """Raises Disagreement unless this is the loss."""
    recon, kl = terms(case)
    right = recon.mean() + kl.mean()
    found = tensor(student.mean_elbo(**case), "the loss")
    bound = RTOL * (1 + recon.abs().sum().item() + kl.abs().sum().item())
    told = {"expected": shown(right), "actual": shown(found), "reproduce": _script(case, call)}
    if found.numel() == 1 and close(found.flatten()[0], right, 0.0, bound):
        return
    _divided_by_a_constant(found, recon.sum() + kl.sum(), len(recon), told)
    if found.numel() != 1:
        raise Disagreement("the loss should be one number", **told)
    raise Disagreement("the loss is not the mean over the batch of cross-entropy plus divergence", **told)


def _explained(student: Subject, wrong: Case, drawn: Sequence[Case], verdict: Verdict) -> Verdict:
    """The verdict on a wrong answer with the known mistake, or the two, that explain every answer, where there are such.

    One number is soon explained by something; that of every case is not.
    """
    answers = [(case, found) for case in drawn if (found := _answer(student, case)) is not None]
    if _answer(student, wrong) is None:
        return verdict
    for known in (_one_slip, _two_slips):
        fits = [{bug: slip for bug, slip in known(case) if _is(found, slip.answer, case)} for case, found in answers]
        bug = next((bug for bug in fits[0] if all(bug in each for each in fits)), "")
        if bug:
            return replace(verdict, bug=bug, message=fits[0][bug].message, share=fits[0][bug].share)
    return verdict


def _answer(student: Subject, case: Case) -> Tensor | None:
    try:
        return tensor(student.mean_elbo(**case), "the loss")
    except (Crashed, Disagreement):
        return None


def _is(found: Tensor, expected: Tensor, case: Case) -> bool:
    """Whether these are the same numbers, but for what float32 loses."""
    bound = RTOL * (1 + sum(part.abs().sum().item() for part in terms(case)))
    return found.numel() == expected.numel() and close(found.flatten(), expected.flatten(), 0.0, bound)


def _one_slip(case: Case) -> Iterator[tuple[str, Slip]]:
    yield from slips(case).items()


def _two_slips(case: Case) -> Iterator[tuple[str, Slip]]:
    recon, kl = terms(case)
    single = {
        bug: (slip.answer.reshape(()), slip.message) for bug, slip in slips(case).items() if slip.answer.numel() == 1
    }
    for bug, answer, message in pairs(recon.mean() + kl.mean(), single):
        yield bug, Slip(answer, message)


def _divided_by_a_constant(found: Tensor, total: Tensor, count: int, told: Mapping[str, str]) -> None:
    """Right sums, over a usual size of batches: a global of the notebook, which is right there and nowhere else."""
    for size in USUAL_BATCHES:
        if (
            size != count
            and found.numel() == 1
            and close(found.flatten()[0] * size, total, 0.0, RTOL * total.abs().item())
        ):
            message = f"the sums are right, but are divided by {size} whatever the batch: divide by len(x)"
            raise Disagreement(message, bug="batch-size-global", share=NEARLY, **told)


def _script(case: Case, call: str) -> str:
    lines = [_written(name, value) for name, value in case.items()]
    if not all(lines):
        lines = [f"# {name}: {list(value.shape)}, drawn at random" for name, value in case.items()]
    return script(call, lines)


def _written(name: str, value: Tensor) -> str:
    """The line that makes a tensor; an empty string where it has too many numbers for one."""
    shape = ", ".join(map(str, value.shape))
    if value.ndim == 4 and value[0].numel() > 12 and (value == value[:, :, :1, :1]).all():
        greys = [round(number, 4) for number in value[:, 0, 0, 0].tolist()]
        return f"{name} = torch.tensor({greys}).view(-1, 1, 1, 1).expand({shape})"
    numbers = [round(number, 4) for number in value.flatten().tolist()]
    return f"{name} = torch.tensor({numbers}).view({shape})" if value.numel() <= 12 else ""
