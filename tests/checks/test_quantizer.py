"""The judge's own mathematics of vector quantization, and what its checks say about quantizers of this process."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy import stats
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from grading.checks import quantizer, quantizer_losses, quantizer_model, quantizer_usage
from grading.checks.compare import Disagreement
from grading.checks.quantizer_cases import Case, cases, drawn, pixels, readings, rows, squared_distances
from grading.checks.quantizer_losses import _both_terms
from grading.checks.quantizer_usage import _entropy
from grading.errors import BadAnswer, Crashed, NotMeasured, SubmissionError
from grading.sandbox.inside.loading import load_module

PROBES = load_module("probes to quantize with", Path(__file__).parents[2] / "rubrics" / "cmu18786_hw5" / "probes.py")
CHECKS: dict[str, Callable[..., None]] = {
    "nearest_code": quantizer.nearest_code,
    "straight_through": quantizer.straight_through,
    "losses": quantizer_losses.losses,
    "perplexity": quantizer_usage.perplexity,
    "model": quantizer_model.model,
}
QUIET = settings(max_examples=30, derandomize=True, database=None, deadline=None)
SOME = drawn(Generator().manual_seed(0), (2, 3, 4, 5), 7)


# ---------------------------------------------------------------- the mathematics


@QUIET
@given(cases())
def test_vectors_are_the_channels_of_a_pixel(case: Case) -> None:
    assert torch.equal(pixels(rows(case.inputs), case.inputs), case.inputs)
    assert torch.equal(rows(case.inputs)[1], case.inputs[0, :, :, :].flatten(1)[:, 1])


@QUIET
@given(cases())
def test_distances_are_those_of_the_definition(case: Case) -> None:
    z, e = case.vectors(), case.codes.double()
    by_hand = torch.stack([torch.stack([((a - b) ** 2).sum() for b in e]) for a in z])
    assert torch.allclose(squared_distances(z, e), by_hand, atol=1e-9)


@QUIET
@given(cases())
def test_terms_are_those_of_autograd(case: Case) -> None:
    found = _both_terms(next(readings({"quantized": None}, case)), case)
    z, e = case.inputs.double().requires_grad_(), case.codes.double().requires_grad_()
    q = pixels(e[case.distances().argmin(1)], z)
    codebook, commitment = F.mse_loss(q, z.detach()), F.mse_loss(q.detach(), z)
    assert torch.allclose(found.value, codebook) and torch.allclose(found.value, commitment)
    assert torch.allclose(found.codes, torch.autograd.grad(codebook, e)[0])
    assert torch.allclose(found.inputs, torch.autograd.grad(commitment, z)[0])


@pytest.mark.parametrize("p", [[1.0, 0.0, 0.0], [0.25] * 4, [0.5, 0.3, 0.2]])
def test_entropy_is_that_of_scipy(p: list[float]) -> None:
    assert _entropy(torch.tensor(p).double()).item() == pytest.approx(stats.entropy(np.array(p)), abs=1e-7)


def test_readings_follow_the_choice_that_was_made() -> None:
    """A quantizer that takes the farthest codes is read as it chose, behind the nearest ones."""
    farthest = SOME.distances().argmax(1)
    made = pixels(SOME.codes[farthest], SOME.inputs).contiguous()
    nearest, own, *more = readings({"quantized": made}, SOME)
    assert torch.equal(nearest.chosen, SOME.distances().argmin(1)) and torch.equal(own.chosen, farthest)
    assert not more and own.usage().sum().item() == pytest.approx(1)


# ---------------------------------------------------------------- quantizers, right and wrong


class Quantizer(nn.Module):
    """A right one, of parts that can be exchanged."""

    def __init__(self, num_embeddings: int, embedding_dim: int, commitment_cost: float) -> None:
        super().__init__()
        self.codes, self.cost = nn.Parameter(torch.randn(num_embeddings, embedding_dim)), commitment_cost

    def choose(self, z: Tensor) -> Tensor:
        return torch.cdist(z, self.codes).argmin(1)

    def terms(self, q: Tensor, z: Tensor) -> Tensor:
        return F.mse_loss(q, z.detach()) + self.cost * F.mse_loss(q.detach(), z)

    def through(self, q: Tensor, z: Tensor) -> Tensor:
        return z + (q - z).detach()

    def used(self, p: Tensor) -> Any:
        return (-(p * (p + 1e-10).log()).sum()).exp()

    def returned(self, loss: Tensor, quantized: Tensor, perplexity: Tensor) -> Any:
        return loss, quantized, perplexity

    def forward(self, inputs: Tensor) -> Any:
        z = inputs.permute(0, 2, 3, 1)
        chosen = self.choose(z.flatten(0, 2))
        q = self.codes[chosen].view_as(z)
        p = torch.bincount(chosen, minlength=len(self.codes)) / len(chosen)
        return self.returned(self.terms(q, z), self.through(q, z).permute(0, 3, 1, 2), self.used(p))


class Model(nn.Module):
    """A small one, of parts that can be exchanged."""

    Quantizer: type[nn.Module]

    def __init__(
        self, num_hiddens: int, layers: int, hidden: int, num_embeddings: int, width: int, cost: float
    ) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, width, 4, 4), nn.ConvTranspose2d(width, 3, 4, 4)
        self.quantizer = self.made(num_embeddings, width, cost)

    def made(self, count: int, width: int, cost: float) -> nn.Module:
        return self.Quantizer(count, width, cost)

    def forward(self, x: Tensor) -> Any:
        loss, quantized, perplexity = self.quantizer(self.down(x))
        return loss, self.up(quantized), perplexity


class Asked:
    """A subject that answers with classes of this process."""

    def __init__(self, parts: dict[str, Any], model: dict[str, Any]) -> None:
        cls = type("VectorQuantizer", (Quantizer,), parts)
        models = type("Model", (Model,), {"Quantizer": cls, **model})
        self._code = SimpleNamespace(VQ_VAE_Notebook=SimpleNamespace(VectorQuantizer=cls, Model=models))

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        def ask(seed: str | None = None, **args: Any) -> Any:
            torch.manual_seed(0)
            try:
                return getattr(PROBES, probe)(self._code, **args)
            except Exception as error:
                raise Crashed(str(error)) from error

        return ask


def judged(check: str, model: dict[str, Any] | None = None, **parts: Any) -> None:
    student: Any = Asked(parts, model or {})
    CHECKS[check](student, student, Generator().manual_seed(0))


def verdict(check: str, model: dict[str, Any] | None = None, **parts: Any) -> Any:
    with pytest.raises(Disagreement) as caught:
        judged(check, model, **parts)
    return caught.value.verdict


@pytest.mark.parametrize("check", CHECKS)
def test_a_right_quantizer_is_right(check: str) -> None:
    judged(check)


FAR = {"choose": lambda self, z: torch.cdist(z, self.codes).argmax(1)}
LEAKY = {"through": lambda self, q, z: z + q - z.detach()}
STUCK = {"through": lambda self, q, z: q}
SWAPPED = {"terms": lambda self, q, z: F.mse_loss(q.detach(), z) + self.cost * F.mse_loss(q, z.detach())}
NATS = {"used": lambda self, p: -(p * (p + 1e-10).log()).sum()}


@pytest.mark.parametrize(
    ("own", "bug", "parts"),
    [
        ("nearest_code", "farthest-code", FAR),
        ("straight_through", "no-straight-through", STUCK),
        ("straight_through", "codebook-gets-gradient", LEAKY),
        ("losses", "terms-swapped", SWAPPED),
        ("perplexity", "no-exp", NATS),
    ],
)
def test_one_mistake_costs_one_row(own: str, bug: str, parts: dict[str, Any]) -> None:
    assert verdict(own, **parts).bug == bug
    for check in CHECKS.keys() - {own}:
        judged(check, **parts)


def through_z(self: Any, x: Tensor) -> Any:
    z = self.down(x)
    loss, _, perplexity = self.quantizer(z)
    return loss, self.up(z), perplexity


def without_codes(self: Any, x: Tensor) -> Any:
    return torch.tensor(0.0), self.up(self.down(x)), torch.tensor(1.0)


def no_perplexity(self: Any, x: Tensor) -> Any:
    loss, quantized, _ = self.quantizer(self.down(x))
    return loss, self.up(quantized)


@pytest.mark.parametrize(
    ("bug", "model"),
    [
        ("decodes-z", {"forward": through_z}),
        ("quantizer-not-asked", {"forward": without_codes}),
        ("not-the-quantizers-perplexity", {"forward": no_perplexity}),
        ("other-sizes", {"made": lambda self, count, width, cost: self.Quantizer(count, width, 0.25)}),
        ("decoder-ignores-codes", {"forward": lambda self, x: (*self.quantizer(self.down(x))[::2], 0 * x)}),
        ("encoder-ignores-x", {"forward": lambda self, x: Model.forward(self, 0 * x)}),
    ],
)
def test_models_that_are_wrong(bug: str, model: dict[str, Any]) -> None:
    assert verdict("model", model).bug == bug


NOTHING: dict[str, Callable[..., Any]] = {
    "nothing": lambda *given: None,
    "its input": lambda inputs: inputs,
    "zeros": lambda inputs: (torch.tensor(0.0), torch.zeros_like(inputs), torch.tensor(0.0)),
    "nan": lambda inputs: (torch.tensor(torch.nan), inputs * torch.nan, torch.tensor(torch.nan)),
    "complex numbers": lambda inputs: (torch.tensor(0j), inputs + 0j, torch.tensor(1j)),
    "noise": lambda inputs: (torch.rand(()), torch.randn_like(inputs), torch.rand(())),
    "an empty tuple": lambda inputs: (),
}


@pytest.mark.parametrize("answer", NOTHING)
@pytest.mark.parametrize("check", ["nearest_code", "straight_through", "losses", "perplexity"])
def test_an_answer_without_work_earns_nothing(check: str, answer: str) -> None:
    if (check, answer) == ("straight_through", "its input"):
        return  # its gradient is right, and what it is right for has a row of its own
    wrong = NOTHING[answer]
    assert verdict(check, forward=lambda self, inputs: wrong(inputs)).share == 0


def test_ties_are_forgiven() -> None:
    """A codebook in which the last of the nearest codes is taken rather than the first."""

    def last(self: Any, z: Tensor) -> Tensor:
        return len(self.codes) - 1 - torch.cdist(z, self.codes).flip(1).argmin(1)

    for check in CHECKS:
        judged(check, choose=last)


# ---------------------------------------------------------------- what is told, and what is left to people


def test_the_script_shows_what_was_said() -> None:
    told = verdict("nearest_code", **FAR)
    scope: dict[str, Any] = {
        "VectorQuantizer": type("Far", (Quantizer,), FAR),
        "print": lambda value: scope.update(v=value),
    }
    exec(told.reproduce, scope)
    numbers = ", ".join(f"{number:.6g}" for number in scope["v"].flatten()[:6].tolist())
    assert told.actual.startswith(f"[{numbers}") and told.expected != told.actual
    assert len(told.reproduce.splitlines()) <= 7


def test_the_script_shows_gradients() -> None:
    told = verdict("straight_through", **STUCK)
    scope: dict[str, Any] = {
        "VectorQuantizer": type("Stuck", (Quantizer,), STUCK),
        "print": lambda value: scope.update(v=value),
    }
    exec(told.reproduce, scope)
    assert scope["v"] is None


@pytest.mark.parametrize("share", [0.75, 0.5])
def test_other_reductions_keep_a_part(share: float) -> None:
    def terms(self: Any, q: Tensor, z: Tensor) -> Tensor:
        scale = z.shape[-1] if share == 0.75 else z.numel()
        return scale * Quantizer.terms(self, q, z)

    assert verdict("losses", terms=terms).share == share


def test_a_class_left_without_commitment_is_for_a_human() -> None:
    with pytest.raises(NotMeasured, match="no commitment term"):
        judged("losses", terms=lambda self, q, z: F.mse_loss(q, z.detach()))


def averaged(self: Any, inputs: Tensor) -> Any:
    answers = Quantizer.forward(self, inputs)
    if self.training:
        self.codes.data.mul_(0.9)
    return answers


def test_running_averages_are_for_a_human_and_their_absence_is_not() -> None:
    commitment = {"terms": lambda self, q, z: self.cost * F.mse_loss(q.detach(), z)}
    assert verdict("losses", **commitment).bug == "no-codebook-term"
    with pytest.raises(NotMeasured, match="running averages"):
        judged("losses", forward=averaged, **commitment)


def test_a_model_without_a_quantizer_of_that_class_is_for_a_human() -> None:
    with pytest.raises(NotMeasured):
        judged("model", {"Quantizer": Quantizer})


def test_codes_used_without_the_quantizers_forward_are_for_a_human() -> None:
    def forward(self: Any, x: Tensor) -> Any:
        loss, quantized, perplexity = Quantizer.forward(self.quantizer, self.down(x))
        return loss, self.up(quantized), perplexity

    with pytest.raises(NotMeasured):
        judged("model", {"forward": forward})


class Meddling:
    """A subject whose answers are not those of the probes."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        return lambda **args: self.answer


@pytest.mark.parametrize("answer", [None, 3.0, {}, {"quantized": 1}])
@pytest.mark.parametrize("check", CHECKS)
def test_answers_that_no_probe_gives_are_the_submissions_fault(check: str, answer: Any) -> None:
    student: Any = Meddling(answer)
    reference: Any = Asked({}, {})
    with pytest.raises(SubmissionError):
        CHECKS[check](student, reference, Generator().manual_seed(0))


QUESTIONS = {
    "quantize": {"inputs": SOME.inputs, "codes": SOME.codes, "cost": 0.25, "cotangent": SOME.inputs},
    "vq_model": {"x": torch.zeros(2, 3, 32, 32), "scale": 1.0, "cost": 0.4},
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_part_that_is_missing_is_not_the_graders_fault(check: str) -> None:
    asked, reference = "vq_model" if check == "model" else "quantize", Asked({}, {})
    whole = getattr(reference, asked)(**QUESTIONS[asked])
    for part in whole:
        student: Any = Meddling({**whole, part: None})
        with pytest.raises((SubmissionError, NotMeasured)):  # its inputs are not those asked about, so nothing is right
            CHECKS[check](student, reference, Generator().manual_seed(0))


def test_numbers_without_their_gradients_are_no_answer() -> None:
    whole = Asked({}, {}).quantize(**QUESTIONS["quantize"])
    student: Any = Meddling({**whole, "numbers": [1.0, 2.0]})
    with pytest.raises(BadAnswer):
        CHECKS["losses"](student, Asked({}, {}), Generator().manual_seed(0))
