"""What the checks of likelihoods, divergences and log_mean_exp say about answers that are not even close, in this process."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from grading.checks import divergence, likelihood, logarithms
from grading.checks.batches import FORMS, Batch
from grading.checks.compare import Disagreement
from grading.checks.divergence import _right_law
from grading.errors import Crashed
from grading.sandbox.inside.loading import load_module

PROBES = load_module("probes to test with", Path(__file__).parents[2] / "rubrics" / "ift6135_a3" / "probes.py")
CHECKS: dict[str, Callable[..., None]] = {
    "log_likelihood_bernoulli": likelihood.bernoulli,
    "log_likelihood_normal": likelihood.normal,
    "log_mean_exp": logarithms.log_mean_exp,
    "kl_gaussian_gaussian_analytic": divergence.analytic,
    "kl_gaussian_gaussian_mc": divergence.monte_carlo,
}


class Answering:
    """A subject that answers with functions of this process."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._code = SimpleNamespace(q1_vae=SimpleNamespace(**functions))

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        def ask(**args: Any) -> Any:
            try:
                return getattr(PROBES, probe)(self._code, **args)
            except Exception as error:
                raise Crashed(str(error)) from error

        return ask


def verdict(name: str, function: Callable[..., Any]) -> Disagreement:
    with pytest.raises(Disagreement) as caught:
        judged(name, function)
    return caught.value


def judged(name: str, function: Callable[..., Any]) -> None:
    student = Answering(**{name: function})
    CHECKS[name](student, student, Generator().manual_seed(0))


NOTHING = {
    "zeros": lambda first: torch.zeros(len(first)),
    "nan": lambda first: torch.full((len(first),), torch.nan),
    "inf": lambda first: torch.full((len(first),), torch.inf),
    "a table": lambda first: torch.zeros(len(first), len(first)),
    "a column": lambda first: torch.zeros(len(first), 1),
    "one number": lambda first: torch.tensor(0.0),
    "nothing": lambda first: None,
    "words": lambda first: "0.5",
    "a list": lambda first: [0.0] * len(first),
    "no numbers": lambda first: torch.zeros(0),
    "complex numbers": lambda first: torch.zeros(len(first), dtype=torch.complex64),
    "its input": lambda first: first,
    "noise": lambda first: torch.randn(len(first)),
}


@pytest.mark.parametrize("answer", NOTHING)
@pytest.mark.parametrize("name", CHECKS)
def test_an_answer_without_work_earns_nothing(name: str, answer: str) -> None:
    wrong = NOTHING[answer]
    assert verdict(name, lambda first, *rest, **more: wrong(first)).verdict.share == 0


def kl(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    terms = logvar_p - logvar_q + (logvar_q - logvar_p).exp() + (mu_q - mu_p) ** 2 * (-logvar_p).exp() - 1
    return 0.5 * terms.flatten(1).sum(1)


def test_the_script_has_at_most_six_lines_and_shows_what_was_said() -> None:
    told = verdict("kl_gaussian_gaussian_analytic", lambda *a: kl(*a) + 0.5 * a[0].flatten(1).shape[1]).verdict
    lines = told.reproduce.splitlines()
    assert told.bug == "missing-one" and len(lines) <= 6
    scope: dict[str, Any] = {"kl_gaussian_gaussian_analytic": kl, "print": lambda value: scope.update(shown=value)}
    exec("\n".join(line for line in lines if not line.startswith("from")), scope)
    assert f"{scope['shown'][0].item():.6g}" in told.expected


def test_a_failing_input_is_the_smallest() -> None:
    def overflowing(y: Tensor) -> Tensor:
        return y.exp().mean(1).log()

    told = verdict("log_mean_exp", overflowing).verdict
    assert told.bug == "overflow" and "torch.tensor([[" in told.reproduce
    assert told.expected.endswith("of shape [1]")


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_is_what_its_script_makes(form: str) -> None:
    batch = Batch({"mu": ((0.5, 0.25), (0.75, 0.1)), "z": ((1.0, 2.0), (3.0, 4.0))}, form)
    scope: dict[str, Any] = {"torch": torch}
    exec("\n".join(batch.written()), scope)
    for name, value in batch.tensors().items():
        assert torch.equal(scope[name], value) and scope[name].dtype == value.dtype
        scope[name].view(2, -1)


def refuses(*wanted: str) -> Callable[..., Tensor]:
    def likelihood_of(mu: Tensor, target: Tensor) -> Tensor:
        if "float64" in wanted and mu.dtype != torch.float32:
            raise TypeError("float32 only")
        if "strides" in wanted and not mu.is_contiguous():
            raise RuntimeError("view size is not compatible")
        if "grey" in wanted and not ((target == 0) | (target == 1)).all():
            raise ValueError("not within the support")
        return -F.binary_cross_entropy(mu, target, reduction="none").flatten(1).sum(1)

    return likelihood_of


@pytest.mark.parametrize("what", ["float64", "strides", "grey"])
def test_code_may_refuse_what_nobody_promised_it_would_take(what: str) -> None:
    judged("log_likelihood_bernoulli", refuses(what))


def test_code_may_not_refuse_images() -> None:
    def flat(mu: Tensor, target: Tensor) -> Tensor:
        if mu.ndim > 2:
            raise RuntimeError("rows only")
        return refuses()(mu, target)

    assert "rows only" in verdict("log_likelihood_bernoulli", flat).verdict.message


def estimate(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, num_samples: int) -> Tensor:
    mu_q, logvar_q, mu_p, logvar_p = (value.unsqueeze(1) for value in (mu_q, logvar_q, mu_p, logvar_p))
    noise = torch.randn(len(mu_q), num_samples, mu_q.shape[-1])
    z = mu_q + (logvar_q / 2).exp() * noise
    log_ratio = logvar_p - logvar_q - noise**2 + (z - mu_p) ** 2 * (-logvar_p).exp()
    return 0.5 * log_ratio.sum(2).mean(1)


def test_right_estimates_are_not_accused() -> None:
    """Single rounds; the check allows for one that fails."""
    torch.manual_seed(0)
    student = Answering(kl_gaussian_gaussian_mc=estimate)
    for _ in range(50):
        _right_law(student, "")


@pytest.mark.parametrize("off", [0.7, 1.25])
def test_noise_of_another_size_is_seen(off: float) -> None:
    def scaled(mu_q: Tensor, logvar_q: Tensor, *rest: Any, **more: Any) -> Tensor:
        return (estimate(mu_q, logvar_q, *rest, **more) - kl(mu_q, logvar_q, *rest)) * off + kl(mu_q, logvar_q, *rest)

    torch.manual_seed(0)
    told = verdict("kl_gaussian_gaussian_mc", scaled).verdict
    assert told.bug == "wrong-variance" and told.share == 0.5
