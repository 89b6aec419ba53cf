"""The reference of cmput328_a5 against torch.distributions, scipy and closed forms."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal, kl_divergence

FOLDER = Path(__file__).parents[2] / "reference" / "cmput328_a5"


def load(file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"reference_{Path(file).stem}", FOLDER / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VAE = load("A5_vae_submission.py")
DIFFUSION = load("A5_diffusion_submission.py")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def vae() -> torch.nn.Module:
    return VAE.VAE().eval()


def test_kl_is_that_of_torch_distributions(vae: torch.nn.Module) -> None:
    mu, logvar = torch.randn(7, 16), 2 * torch.randn(7, 16)
    theirs = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1).mean()
    assert torch.allclose(vae.kl_loss(mu, logvar), theirs, rtol=1e-5)
    assert vae.kl_loss(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_reparameterize_draws_from_the_normal(vae: torch.nn.Module) -> None:
    mu, logvar = torch.tensor([[-3.0, 0.0, 5.0]]), torch.tensor([[-2.0, 0.0, 2.0]])
    z = vae.reparameterize(mu.expand(5000, 3), logvar.expand(5000, 3))
    for column in range(3):
        law = stats.norm(mu[0, column].item(), (logvar[0, column] / 2).exp().item())
        assert stats.kstest(z[:, column].numpy(), law.cdf).pvalue > 1e-3


def test_reparameterize_lets_gradients_through(vae: torch.nn.Module) -> None:
    mu, logvar = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    z = vae.reparameterize(mu, logvar)
    z.sum().backward()
    assert torch.equal(mu.grad, torch.ones(2, 3))
    assert torch.allclose(logvar.grad, z.detach() / 2)  # dz/dlogvar = sigma eps / 2, and z = eps here


def test_losses_are_the_negative_elbo(vae: torch.nn.Module) -> None:
    x, y = torch.rand(5, 1, 28, 28), torch.arange(5)
    torch.manual_seed(1)
    recon, mu, logvar = vae(x, y)
    torch.manual_seed(1)
    loss, prior = vae.get_loss(x, y)
    by_hand = -(x * recon.log() + (1 - x) * (1 - recon).log()).sum() / 5
    assert torch.allclose(loss, by_hand, rtol=1e-5)
    assert torch.allclose(prior, vae.kl_loss(mu, logvar))


@pytest.fixture(scope="module")
def schedule():
    return DIFFUSION.VarianceScheduler()


def test_the_schedule(schedule) -> None:
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    assert torch.allclose(schedule.betas.double(), betas, rtol=1e-5)
    assert torch.allclose(schedule.alpha_bars.double(), torch.exp(torch.log1p(-betas).cumsum(0)), rtol=1e-3)


def test_the_jump_is_the_closed_form(schedule) -> None:
    x, t = torch.rand(6, 1, 28, 28), torch.tensor([0, 1, 10, 500, 998, 999])
    noisy, noise = schedule.add_noise(x, t)
    bar = torch.stack([schedule.alphas[: step + 1].double().prod() for step in t]).view(-1, 1, 1, 1)
    assert torch.allclose(noisy.double(), bar.sqrt() * x + (1 - bar).sqrt() * noise, atol=1e-4)
    assert stats.kstest(noise.flatten().numpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("t", [0, 9, 99])
def test_many_single_steps_have_the_law_of_one_jump(schedule, t: int) -> None:
    """q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t), t + 1 times, from x_0 = 2."""
    start = torch.full((20, 1, 28, 28), 2.0)
    chain = start
    for step in range(t + 1):
        chain = (1 - schedule.betas[step]).sqrt() * chain + schedule.betas[step].sqrt() * torch.randn_like(chain)
    jump, _ = schedule.add_noise(start, torch.full((20,), t))
    n, deviation = chain.numel(), (1 - schedule.alpha_bars[t]).sqrt().item()
    for drawn in (chain, jump):
        assert abs(drawn.mean() - 2 * schedule.alpha_bars[t].sqrt()) < 5 * deviation / n**0.5
        assert abs(drawn.std() / deviation - 1) < 5 / (2 * n) ** 0.5
    assert stats.ks_2samp(chain.flatten().numpy(), jump.flatten().numpy()).pvalue > 1e-3


class Exact(torch.nn.Module):
    """Knows the noise: the data are one image (no spread) or N(centre, spread^2) pixels, whose score is known."""

    def __init__(self, schedule, centre: Tensor, spread: float = 0.0) -> None:
        super().__init__()
        self.schedule, self.centre, self.spread = schedule, centre, spread

    def forward(self, x: Tensor, timestep: Tensor, y: Tensor) -> Tensor:
        bar = self.schedule.alpha_bars[timestep].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * self.centre) / (bar * self.spread**2 + 1 - bar)


def test_exact_noise_of_one_image_leads_back_to_it() -> None:
    short = DIFFUSION.VarianceScheduler(0.0003, 0.0667, 300)
    image = torch.rand(1, 28, 28)
    model = DIFFUSION.DiffusionModel(Exact(short, image), short)
    found = model.generate_sample(3, torch.zeros(3).long(), torch.device("cpu"))
    assert (found - image).abs().max() < 1e-4


def test_exact_noise_of_a_normal_law_leads_back_to_the_law() -> None:
    fine = DIFFUSION.VarianceScheduler(0.0001, 0.02, 1000)
    model = DIFFUSION.DiffusionModel(Exact(fine, torch.tensor(0.3), 0.5), fine)
    found = model.generate_sample(8, torch.zeros(8).long(), torch.device("cpu"))
    assert found.mean() == pytest.approx(0.3, abs=0.04)
    assert found.std() == pytest.approx(0.5, rel=0.03)


def test_the_loss_of_exact_noise_is_zero_and_of_no_noise_is_one() -> None:
    short = DIFFUSION.VarianceScheduler(0.0003, 0.0667, 300)
    x, y = torch.rand(1, 1, 28, 28).expand(64, 1, 28, 28), torch.zeros(64).long()
    assert DIFFUSION.DiffusionModel(Exact(short, x[0]), short)(x, y) < 1e-4

    class Zero(torch.nn.Module):
        def forward(self, x: Tensor, timestep: Tensor, y: Tensor) -> Tensor:
            return torch.zeros_like(x)

    assert DIFFUSION.DiffusionModel(Zero(), short)(x, y).item() == pytest.approx(1, abs=0.03)


def models() -> dict[str, torch.nn.Module]:
    schedule = DIFFUSION.VarianceScheduler(0.0003, 0.0667, 300)
    return {"vae.pt": VAE.VAE(), "diffusion.pt": DIFFUSION.DiffusionModel(DIFFUSION.NoiseEstimatingNet(), schedule)}


@pytest.mark.parametrize("file", ["vae.pt", "diffusion.pt"])
def test_the_weights_fit_and_are_small(file: str) -> None:
    if not (FOLDER / file).exists():
        pytest.skip(f"{file} is not trained yet")
    state = torch.load(FOLDER / file, weights_only=True)
    models()[file].load_state_dict(state, strict=True)
    assert all(torch.isfinite(value).all() for value in state.values())
    assert (FOLDER / file).stat().st_size <= 5 * 2**20
