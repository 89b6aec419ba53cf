"""The judge's own formulas for likelihoods and divergences, against torch.distributions, scipy and quadrature."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats
from torch import Tensor
from torch.distributions import Bernoulli, Independent, MultivariateNormal, Normal, kl_divergence

from grading.checks.divergence import kl_terms
from grading.checks.likelihood import bernoulli_terms, normal_terms
from grading.checks.log_ratio import Pair, divergence, errors, fourth_cumulant, mean_under, variance
from grading.checks.logarithms import log_mean_exp_terms

QUIET = settings(max_examples=40, derandomize=True, database=None, deadline=None)


def tables(*columns: tuple[float, float]) -> st.SearchStrategy[list[Tensor]]:
    """One [B, D] tensor in float64 for every range."""
    sizes = st.tuples(st.integers(1, 4), st.integers(1, 5))
    return sizes.flatmap(lambda size: st.tuples(*(table(size, *column) for column in columns)).map(list))


def table(size: tuple[int, int], low: float, high: float) -> st.SearchStrategy[Tensor]:
    numbers = st.lists(st.floats(low, high), min_size=size[0] * size[1], max_size=size[0] * size[1])
    return numbers.map(lambda values: torch.tensor(values, dtype=torch.float64).view(size))


def kl(*arguments: Tensor) -> Tensor:
    return kl_terms(*arguments).sum(1)


MEAN, LOGVAR = (-1e3, 1e3), (-20.0, 20.0)


# ---------------------------------------------------------------- likelihoods


@QUIET
@given(tables((0.05, 0.95), (0.0, 1.0)))
def test_bernoulli_is_that_of_torch(drawn: list[Tensor]) -> None:
    mu, target = drawn[0], drawn[1].round()
    theirs = Independent(Bernoulli(mu), 1).log_prob(target)
    assert torch.allclose(bernoulli_terms(mu, target).sum(1), theirs, rtol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_bernoulli_sums_to_one_over_all_binary_vectors(width: int) -> None:
    targets = torch.tensor(list(itertools.product((0.0, 1.0), repeat=width)), dtype=torch.float64)
    mu = torch.linspace(0.1, 0.8, width, dtype=torch.float64).expand(len(targets), -1)
    assert bernoulli_terms(mu, targets).sum(1).exp().sum().item() == pytest.approx(1, rel=1e-12)


@QUIET
@given(tables((0.05, 0.95), (0.0, 1.0)))
def test_bernoulli_is_symmetric_under_exchange_of_black_and_white(drawn: list[Tensor]) -> None:
    mu, target = drawn
    assert torch.allclose(bernoulli_terms(mu, target).sum(1), bernoulli_terms(1 - mu, 1 - target).sum(1), rtol=1e-9)


@QUIET
@given(tables(MEAN, LOGVAR, MEAN))
def test_normal_is_that_of_torch_and_of_scipy(drawn: list[Tensor]) -> None:
    mu, logvar, z = drawn
    ours = normal_terms(mu, logvar, z).sum(1)
    assert torch.allclose(ours, Normal(mu, (logvar / 2).exp()).log_prob(z).sum(1), rtol=1e-9)
    theirs = stats.norm.logpdf(z.numpy(), mu.numpy(), np.exp(logvar.numpy() / 2)).sum(1)
    assert np.allclose(ours.numpy(), theirs, rtol=1e-9)


@pytest.mark.parametrize(("mu", "logvar"), [(0.0, 0.0), (1.5, -3.0), (-20.0, 4.0)])
def test_normal_integrates_to_one(mu: float, logvar: float) -> None:
    def density(z: float) -> float:
        return math.exp(normal_terms(*(torch.tensor([[v]], dtype=torch.float64) for v in (mu, logvar, z))).sum().item())

    sigma = math.exp(logvar / 2)
    assert integrate.quad(density, mu - 12 * sigma, mu + 12 * sigma, points=[mu])[0] == pytest.approx(1, rel=1e-9)


@QUIET
@given(tables((-5, 5), (-3, 3), (-5, 5)), st.floats(-100, 100))
def test_normal_does_not_change_when_everything_is_shifted(drawn: list[Tensor], shift: float) -> None:
    mu, logvar, z = drawn
    assert torch.allclose(
        normal_terms(mu, logvar, z).sum(1), normal_terms(mu + shift, logvar, z + shift).sum(1), atol=1e-6
    )


# ---------------------------------------------------------------- log_mean_exp


@QUIET
@given(tables((-1e4, 1e4)))
def test_log_mean_exp_is_that_of_scipy(drawn: list[Tensor]) -> None:
    (y,) = drawn
    theirs = special.logsumexp(y.numpy(), axis=1, b=1 / y.shape[1])
    assert np.allclose(log_mean_exp_terms(y).sum(1).numpy(), theirs, rtol=1e-12, atol=1e-12)


@QUIET
@given(tables((-50, 50)), st.floats(-1e4, 1e4))
def test_a_shift_of_log_mean_exp_comes_out_again(drawn: list[Tensor], shift: float) -> None:
    (y,) = drawn
    assert torch.allclose(log_mean_exp_terms(y + shift).sum(1), log_mean_exp_terms(y).sum(1) + shift, atol=1e-8)


@QUIET
@given(tables((-1e3, 1e3)))
def test_log_mean_exp_lies_between_the_mean_and_the_largest(drawn: list[Tensor]) -> None:
    (y,) = drawn
    found = log_mean_exp_terms(y).sum(1)
    assert (found >= y.mean(1) - 1e-9).all() and (found <= y.amax(1) + 1e-9).all()


# ---------------------------------------------------------------- the divergence


@QUIET
@given(tables(MEAN, LOGVAR, MEAN, LOGVAR))
def test_kl_is_that_of_torch(drawn: list[Tensor]) -> None:
    mu_q, logvar_q, mu_p, logvar_p = drawn
    theirs = kl_divergence(Normal(mu_q, (logvar_q / 2).exp()), Normal(mu_p, (logvar_p / 2).exp())).sum(1)
    assert torch.allclose(kl(*drawn), theirs, rtol=1e-6, atol=1e-9)


@QUIET
@given(tables((-5, 5), (-3, 3), (-5, 5), (-3, 3)))
def test_kl_is_that_of_full_covariances(drawn: list[Tensor]) -> None:
    q, p = (MultivariateNormal(drawn[i], torch.diag_embed(drawn[i + 1].exp())) for i in (0, 2))
    assert torch.allclose(kl(*drawn), kl_divergence(q, p), rtol=1e-6, atol=1e-9)


def test_kl_is_the_integral() -> None:
    for mu_q, logvar_q, mu_p, logvar_p in [(0.5, -1.0, -0.3, 0.4), (0.0, 1.0, 2.0, -0.5), (1.0, 0.0, 1.0, 0.0)]:
        q, p = stats.norm(mu_q, math.exp(logvar_q / 2)), stats.norm(mu_p, math.exp(logvar_p / 2))
        theirs = integrate.quad(lambda z, q=q, p=p: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), *q.interval(1 - 1e-15))[0]
        ours = kl(*(torch.tensor([[v]], dtype=torch.float64) for v in (mu_q, logvar_q, mu_p, logvar_p))).item()
        assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-10)


@QUIET
@given(tables(MEAN, LOGVAR, MEAN, LOGVAR))
def test_kl_is_not_negative_and_zero_where_q_is_p(drawn: list[Tensor]) -> None:
    mu_q, logvar_q, _, _ = drawn
    assert (kl(*drawn) >= -1e-9).all()
    assert kl(mu_q, logvar_q, mu_q, logvar_q).abs().max() == 0


@QUIET
@given(tables((-5, 5), (-3, 3)), st.floats(0.01, 1), st.booleans())
def test_kl_is_zero_only_where_q_is_p(drawn: list[Tensor], step: float, in_mean: bool) -> None:
    mu, logvar = drawn
    moved = (mu + step, logvar) if in_mean else (mu, logvar + step)
    assert (kl(mu, logvar, *moved) > 1e-6).all()


@QUIET
@given(tables((-5, 5), (-3, 3), (-5, 5), (-3, 3)), st.floats(-100, 100))
def test_kl_does_not_change_when_both_means_are_shifted(drawn: list[Tensor], shift: float) -> None:
    mu_q, logvar_q, mu_p, logvar_p = drawn
    assert torch.allclose(kl(*drawn), kl(mu_q + shift, logvar_q, mu_p + shift, logvar_p), atol=1e-6)


@QUIET
@given(tables((-5, 5), (-3, 3), (-5, 5), (-3, 3)))
def test_kl_adds_up_over_the_dimensions(drawn: list[Tensor]) -> None:
    single = sum(kl(*(value[:, [d]] for value in drawn)) for d in range(drawn[0].shape[1]))
    assert torch.allclose(kl(*drawn), single, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- the law of log q(z) - log p(z)

PAIR = Pair(*(torch.tensor(v, dtype=torch.float64) for v in ([0.6, -1.0], [-0.8, 0.5], [-0.3, 0.4], [0.3, -0.2])))


def moment(pair: Pair, dimension: int, order: int) -> float:
    """A central moment of log q(z) - log p(z) in one dimension, by quadrature."""
    q, p = (
        stats.norm(m[dimension].item(), math.exp(v[dimension].item() / 2))
        for m, v in ((pair.mu_q, pair.logvar_q), (pair.mu_p, pair.logvar_p))
    )
    ends = q.mean() - 12 * q.std(), q.mean() + 12 * q.std()
    ratio = lambda z: q.logpdf(z) - p.logpdf(z)  # noqa: E731
    mean = integrate.quad(lambda z: q.pdf(z) * ratio(z), *ends)[0]
    if order == 1:
        return mean
    return integrate.quad(lambda z: q.pdf(z) * (ratio(z) - mean) ** order, *ends)[0]


def test_mean_variance_and_fourth_cumulant_are_those_of_quadrature() -> None:
    assert divergence(PAIR).item() == pytest.approx(sum(moment(PAIR, d, 1) for d in range(2)), rel=1e-7)
    assert variance(PAIR).item() == pytest.approx(sum(moment(PAIR, d, 2) for d in range(2)), rel=1e-7)
    fourth = sum(moment(PAIR, d, 4) - 3 * moment(PAIR, d, 2) ** 2 for d in range(2))
    assert fourth_cumulant(PAIR).item() == pytest.approx(fourth, rel=1e-6)


def test_the_mean_under_p_is_minus_the_divergence_back() -> None:
    back = Pair(PAIR.mu_p, PAIR.logvar_p, PAIR.mu_q, PAIR.logvar_q)
    found = mean_under(PAIR, PAIR.mu_p, (PAIR.logvar_p / 2).exp())
    assert found.item() == pytest.approx(-divergence(back).item(), rel=1e-12)


def simulated(pair: Pair, rows: int, num_samples: int, shared: bool = False) -> Tensor:
    """Estimates [rows], drawn by the definition."""
    noise = torch.randn(rows, num_samples, 1 if shared else len(pair.mu_q), dtype=torch.float64)
    z = pair.mu_q + (pair.logvar_q / 2).exp() * noise
    log_q, log_p = (
        Normal(m, (v / 2).exp()).log_prob(z) for m, v in ((pair.mu_q, pair.logvar_q), (pair.mu_p, pair.logvar_p))
    )
    return (log_q - log_p).sum(2).mean(1)


@pytest.mark.parametrize("num_samples", [1, 8])
def test_standard_errors_are_those_of_a_simulation(num_samples: int) -> None:
    torch.manual_seed(0)
    estimates = simulated(PAIR, 2000 * 100, num_samples).view(2000, 100)
    mean, spread = errors(PAIR, num_samples, 100)
    assert estimates.mean(1).std().item() == pytest.approx(mean, rel=0.06)
    assert estimates.var(1).std().item() == pytest.approx(spread, rel=0.1)


def test_the_variance_under_shared_noise_is_that_of_a_simulation() -> None:
    torch.manual_seed(0)
    assert simulated(PAIR, 100_000, 1, shared=True).var().item() == pytest.approx(
        variance(PAIR, shared=True).item(), rel=0.03
    )
