"""The laws that our own answers about the variance-preserving process must obey, whatever the formulas look like."""

from itertools import pairwise

import pytest
import torch
from scipy import integrate, stats

from grading.checks import variance_preserving as vp
from grading.checks.guided_network import NOTHING, estimate, known_network
from grading.checks.guided_samplers import GUIDANCE, Sampler, right_samplers
from grading.checks.noise import standard_normal
from grading.checks.stand_ins import affine, shaken

LAMBDAS = torch.linspace(-20, 20, 401, dtype=torch.float64)
TRIPLES = [(-6.0, -2.0, 3.0), (-1.0, 0.0, 0.5), (0.3, 4.0, 7.5), (-8.0, 7.0, 8.0)]


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_the_two_squares_add_up_to_one_and_lambda_is_their_log_ratio() -> None:
    alpha, sigma = vp.alpha(LAMBDAS), vp.sigma(LAMBDAS)
    assert torch.allclose(alpha**2 + sigma**2, torch.ones_like(LAMBDAS), atol=1e-15)
    assert torch.allclose(2 * (alpha.log() - sigma.log()), LAMBDAS, rtol=1e-12, atol=1e-12)


def test_alpha_rises_and_sigma_falls_with_lambda() -> None:
    assert (vp.alpha(LAMBDAS).diff() >= 0).all() and (vp.alpha(LAMBDAS[LAMBDAS.abs() < 15]).diff() > 0).all()
    assert (vp.sigma(LAMBDAS).diff() <= 0).all() and (vp.sigma(LAMBDAS[LAMBDAS.abs() < 15]).diff() < 0).all()


def test_lambda_falls_from_its_maximum_to_its_minimum_and_can_be_inverted() -> None:
    u = torch.linspace(0, 1, 1001, dtype=torch.float64)
    lam = vp.log_snr(u)
    assert lam[0].item() == pytest.approx(vp.LAMBDA_MAX) and lam[-1].item() == pytest.approx(vp.LAMBDA_MIN, abs=1e-6)
    assert (lam.diff() < 0).all()
    b = torch.tensor(-vp.LAMBDA_MAX / 2).double().exp().atan()
    a = torch.tensor(-vp.LAMBDA_MIN / 2).double().exp().atan() - b
    assert torch.allclose((torch.atan(torch.exp(-lam / 2)) - b) / a, u, atol=1e-9)


def test_lambda_is_what_other_people_computed() -> None:
    found = vp.log_snr(torch.tensor([0, 1, 2, 500, 999]) / 1000)
    assert found.tolist() == pytest.approx([20.0, 12.8555, 11.4975, 0.0, -12.8555], abs=1e-3)


@pytest.mark.parametrize(("noisy", "middle", "clean"), TRIPLES)
def test_two_transitions_are_one(noisy: float, middle: float, clean: float) -> None:
    """z_noisy | z_clean through z_middle has the scale and the variance of the direct one."""
    low, mid, high = number(noisy), number(middle), number(clean)
    scale = vp.alpha(low) / vp.alpha(mid) * vp.alpha(mid) / vp.alpha(high)
    first, second = vp.transition_deviation(mid, high), vp.transition_deviation(low, mid)
    variance = (vp.alpha(low) / vp.alpha(mid)) ** 2 * first**2 + second**2
    assert torch.isclose(scale, vp.alpha(low) / vp.alpha(high))
    assert torch.isclose(variance, vp.transition_deviation(low, high) ** 2, rtol=1e-9)


@pytest.mark.parametrize(("noisy", "middle", "clean"), TRIPLES)
def test_the_marginal_is_the_chain_of_transitions(noisy: float, middle: float, clean: float) -> None:
    """z_noisy | x through z_clean, and through both, has the variance sigma^2 of equation 1."""
    levels = [number(clean), number(middle), number(noisy)]
    variance = vp.sigma(levels[0]) ** 2
    for high, low in pairwise(levels):
        variance = (vp.alpha(low) / vp.alpha(high)) ** 2 * variance + vp.transition_deviation(low, high) ** 2
    assert torch.isclose(variance, vp.sigma(levels[-1]) ** 2, rtol=1e-9)


@pytest.mark.parametrize(("noisy", "clean"), [(-2.0, 3.0), (-0.5, 0.1), (1.0, 2.5)])
def test_the_posterior_by_bayes_rule_done_numerically(noisy: float, clean: float) -> None:
    """q(z' | z, x) is proportional to q(z | z') q(z' | x)."""
    low, high, z, x = number(noisy), number(clean), number(0.8), number(-0.4)
    forward = stats.norm(scale=float(vp.transition_deviation(low, high)))
    before = stats.norm(float(vp.alpha(high) * x), float(vp.sigma(high)))
    ratio = float(vp.alpha(low) / vp.alpha(high))

    def moment(power: int) -> float:
        found = integrate.quad(lambda y: y**power * forward.pdf(float(z) - ratio * y) * before.pdf(y), -9, 9, limit=400)
        return float(found[0])

    mass = moment(0)
    mean = moment(1) / mass
    assert mean == pytest.approx(vp.posterior_mean(z, x, low, high).item(), abs=1e-6)
    variance = moment(2) / mass - mean**2
    assert variance == pytest.approx(vp.posterior_deviation(low, high).item() ** 2, rel=1e-5)


def test_the_mixed_variance_lies_between_its_ends_and_is_no_arithmetic_mean() -> None:
    low, high = number(-2.0), number(3.0)
    posterior, forward = vp.posterior_deviation(low, high) ** 2, vp.transition_deviation(low, high) ** 2
    assert torch.isclose(vp.mixed_variance(low, high, 0.0), posterior)
    assert torch.isclose(vp.mixed_variance(low, high, 1.0), forward)
    mixed = [vp.mixed_variance(low, high, v / 10).item() for v in range(11)]
    assert mixed == sorted(mixed)
    arithmetic = (0.7 * posterior + 0.3 * forward).item()
    assert vp.mixed_variance(low, high, 0.3).item() < 0.5 * arithmetic  # at distant lambdas they cannot be confused
    near = number(2.99), number(3.0)
    ends = [vp.posterior_deviation(*near) ** 2, vp.transition_deviation(*near) ** 2]
    assert torch.isclose(
        vp.mixed_variance(*near, 0.3), 0.7 * ends[0] + 0.3 * ends[1], rtol=1e-4
    )  # at close ones they are


def test_the_reverse_mean_at_close_lambdas_stays_where_it_is() -> None:
    z, x, low = number(0.7), number(-0.2), number(1.0)
    assert torch.isclose(vp.posterior_mean(z, x, low, low), z)
    far = vp.posterior_mean(z, x, number(-8.0), number(15.0))
    assert torch.isclose(far, vp.alpha(number(15.0)) * x, atol=1e-4)


def test_guidance_of_strength_zero_is_the_conditional_prediction() -> None:
    conditional, unconditional = torch.randn(3, 4), torch.randn(3, 4)
    assert torch.equal(vp.guided(conditional, unconditional, 0.0), conditional)
    assert torch.allclose(vp.guided(conditional, unconditional, -1.0), unconditional)
    assert torch.allclose(vp.guided(conditional, conditional, 2.5), conditional, atol=1e-6)


def test_the_reverse_process_keeps_the_marginal_of_data_it_knows() -> None:
    """With x predicted exactly for data at one point, a step from sigma at lambda leads to sigma at lambda'."""
    low, high, x = number(-1.0), number(1.5), number(0.6)
    factor = vp.posterior_mean(number(1.0), number(0.0), low, high)
    centre = vp.posterior_mean(vp.alpha(low) * x, x, low, high)
    assert torch.isclose(centre, vp.alpha(high) * x)
    variance = factor**2 * vp.sigma(low) ** 2 + vp.posterior_deviation(low, high) ** 2
    assert torch.isclose(variance, vp.sigma(high) ** 2)


def test_stand_ins_differ_from_what_they_stand_for() -> None:
    known = shaken({"row": [0.5, -0.2]}, torch.Generator().manual_seed(0))
    assert known["row"][0] == pytest.approx(0.5, rel=0.1) and known["row"][0] != 0.5
    assert affine([1.0, 2.0, 3.0], number(10.0), number(100.0)).item() == 321.0


def test_what_is_standard_normal_and_what_is_not() -> None:
    draws = torch.randn(8, 1, 24, 24, generator=torch.Generator().manual_seed(1)).double()
    assert standard_normal(draws)
    for wrong in (
        draws + 0.1,
        1.1 * draws,
        draws[:1].expand_as(draws),
        draws[:, :, :1, :1].expand_as(draws),
        (torch.rand(draws.shape).double() - 0.5) * 12**0.5,
        draws.sign(),
        torch.zeros_like(draws),
        draws.masked_fill(draws > 3, torch.nan),
    ):
        assert not standard_normal(wrong)


def test_false_alarms_are_rare() -> None:
    source = torch.Generator().manual_seed(2)
    assert all(standard_normal(torch.randn(8, 1, 24, 24, generator=source).double()) for _ in range(500))


def samplers() -> list[Sampler]:
    known = {"log_snr": [2.8, -0.5], "signal_scale": [0.5, 0.03], "noise_scale": [0.55, -0.035]}
    known["reverse_sample"] = [0.05, 0.5, 0.1, -0.08, 0.3]
    network = known_network(torch.Generator().manual_seed(3))
    return list(right_samplers(known, network, torch.arange(4)))


def test_every_right_sampler_explains_itself_and_no_other_with_true_scales_does() -> None:
    right = samplers()
    start = torch.randn(4, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    for sampler in right:
        states = [start]
        for i in range(11):
            states.append(sampler.step(i, states[-1]).float())
        assert sampler.explains(states)
        assert sum(other.explains(states) for other in right) == 1


def test_the_known_network_tells_labels_apart_and_guidance_shows() -> None:
    network = known_network(torch.Generator().manual_seed(5))
    z = torch.randn(NOTHING + 1, 1, 2, 2)
    answers = estimate(network, z[:1].expand_as(z), torch.arange(NOTHING + 1))
    assert torch.pdist(answers.flatten(1)).min() > 1e-2
    with_label, without = answers[:NOTHING], answers[NOTHING:]
    assert (vp.guided(with_label, without, GUIDANCE) - with_label).abs().flatten(1).amax(1).min() > 1e-2
