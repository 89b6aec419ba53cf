"""Laws that our own answers for denoising diffusion must obey, whatever the numbers."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.checks.steps import schedule_tables, true_forward, true_reverse

settings.register_profile("laws", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("laws")
BETAS = st.lists(st.floats(1e-4, 0.5), min_size=2, max_size=30).map(torch.tensor)


@given(BETAS)
def test_the_jump_is_the_chain_of_single_steps(betas: torch.Tensor) -> None:
    """x_t = sqrt(alpha_t) x_{t-1} + sqrt(beta_t) eps, composed: Ho et al. 2020, equations 2 and 4."""
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(betas.double().tolist()):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        jumped_mean, jumped_variance = true_forward(betas, torch.ones(1, 1, 1, 1), torch.tensor([t]))
        assert math.isclose(jumped_mean.item(), mean, rel_tol=1e-9)
        assert math.isclose(jumped_variance.item(), variance, rel_tol=1e-6, abs_tol=1e-12)


@given(BETAS, st.floats(-2, 2))
def test_the_mean_of_a_step_back_is_the_posteriors_where_the_noise_is_known(betas: torch.Tensor, x0: float) -> None:
    """With eps the noise that is in x_t, equation 11 gives the mean of q(x_{t-1} | x_t, x_0), equation 7."""
    beta, alpha, bar, earlier = schedule_tables(betas)
    image, noise = torch.full((1, 1, 1, 1), x0, dtype=torch.float64), torch.full((1, 1, 1, 1), 0.7, dtype=torch.float64)
    for t in range(len(betas)):
        xt = bar[t].sqrt() * image + (1 - bar[t]).sqrt() * noise
        mean, variance = true_reverse(betas, xt, torch.tensor([t]), noise)
        posterior = (earlier[t].sqrt() * beta[t] * image + alpha[t].sqrt() * (1 - earlier[t]) * xt) / (1 - bar[t])
        assert torch.allclose(mean, posterior, rtol=1e-6, atol=1e-9)
        assert math.isclose(variance.item(), beta[t].item(), rel_tol=1e-9)


@given(BETAS)
def test_the_variance_of_a_step_back_is_at_least_the_posteriors(betas: torch.Tensor) -> None:
    beta, _, bar, earlier = schedule_tables(betas)
    assert ((1 - earlier) / (1 - bar) * beta <= beta + 1e-12).all()


@given(BETAS, st.integers(1, 3), st.integers(1, 3))
def test_every_image_has_its_own_step(betas: torch.Tensor, batch: int, side: int) -> None:
    t = torch.arange(batch) % len(betas)
    images = torch.randn(batch, 1, side, side, generator=torch.Generator().manual_seed(0))
    together = true_forward(betas, images, t)
    for index in range(batch):
        alone = true_forward(betas, images[index : index + 1], t[index : index + 1])
        assert all(torch.equal(one[index : index + 1], other) for one, other in zip(together, alone, strict=True))
