"""The reference of ift6135_a3 against torch.distributions and closed forms."""

import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

FOLDER = Path(__file__).parents[2] / "reference" / "ift6135_a3"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def load() -> Iterator[object]:
    """Imports files of the reference by name, and forgets them afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    with torch.random.fork_rng():
        yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def vae(load) -> ModuleType:
    module = load("q1_vae")
    torch.manual_seed(0)
    return module


def normal(mu: Tensor, logvar: Tensor) -> Independent:
    return Independent(Normal(mu, (logvar / 2).exp()), 1)


def test_likelihoods_are_those_of_torch_distributions(vae: ModuleType) -> None:
    mu, x = torch.rand(5, 1, 7, 3), torch.rand(5, 1, 7, 3).round()
    theirs = Independent(Bernoulli(mu.flatten(1)), 1).log_prob(x.flatten(1))
    assert torch.allclose(vae.log_likelihood_bernoulli(mu, x), theirs, rtol=1e-5)
    mean, logvar, z = torch.randn(3, 5, 4)
    assert torch.allclose(vae.log_likelihood_normal(mean, logvar, z), normal(mean, logvar).log_prob(z), rtol=1e-5)


def test_log_mean_exp_is_stable(vae: ModuleType) -> None:
    y = torch.randn(4, 7)
    assert torch.allclose(vae.log_mean_exp(y), y.exp().mean(1).log(), rtol=1e-5)
    for shift in (1000.0, -1000.0):
        assert torch.allclose(vae.log_mean_exp(y + shift), torch.logsumexp(y + shift, 1) - math.log(7), rtol=1e-6)


def test_divergences_are_those_of_torch_distributions(vae: ModuleType) -> None:
    four = torch.randn(4, 3, 5) * 0.5
    theirs = kl_divergence(normal(four[0], four[1]), normal(four[2], four[3]))
    assert torch.allclose(vae.kl_gaussian_gaussian_analytic(*four), theirs, rtol=1e-5)
    estimates = torch.stack([vae.kl_gaussian_gaussian_mc(*four, num_samples=2000) for _ in range(20)])
    error = estimates.std(0) / len(estimates) ** 0.5
    assert ((estimates.mean(0) - theirs).abs() < 5 * error).all()
    assert vae.kl_gaussian_gaussian_mc(*four).shape == (3,)


def test_the_loss_is_the_negative_elbo(load, vae: ModuleType) -> None:
    recon, x = torch.rand(6, 784).clamp(0.01, 0.99), torch.rand(6, 1, 28, 28)
    mu, logvar = torch.randn(2, 6, 20)
    prior = normal(torch.zeros(6, 20), torch.zeros(6, 20))
    wanted = nn.functional.binary_cross_entropy(recon, x.flatten(1), reduction="sum")
    wanted = wanted + kl_divergence(normal(mu, logvar), prior).sum()
    assert torch.allclose(load("q1_train_vae").loss_function(recon, x, mu, logvar), wanted, rtol=1e-5)


def exact(bars: Tensor, mean: float, spread: float):
    """The noise in x_t for data N(mean, spread^2)."""

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        bar = bars[t].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * mean) / (bar * spread**2 + 1 - bar)

    return estimate


class Estimates(nn.Module):
    """A network that is a function."""

    def __init__(self, function) -> None:
        super().__init__()
        self.anchor, self.function = nn.Parameter(torch.zeros(1)), function

    def forward(self, *args):
        return self.function(*args)


def settings(**changed) -> SimpleNamespace:
    class Both(SimpleNamespace):
        def __getitem__(self, name: str):
            return getattr(self, name)

    usual = {
        "device": CPU,
        "learning_rate": 1e-3,
        "n_samples": 200,
        "image_channels": 1,
        "image_size": 4,
        "nb_save": None,
    }
    return Both(**{**usual, **changed})


def test_the_whole_reverse_process_draws_the_data(load) -> None:
    """A thousand ancestral steps with the exact noise estimate for a Gaussian."""
    torch.manual_seed(0)
    bars = (1 - torch.linspace(0.0001, 0.02, 1000)).cumprod(0)
    network = Estimates(exact(bars, 0.5, 0.25))
    process = load("q2_ddpm").DenoiseDiffusion(network, 1000, CPU)
    trainer = load("q2_trainer_ddpm").Trainer(settings(n_steps=1000), network, process)
    images = trainer.sample()
    assert images.shape == (200, 1, 4, 4)
    assert images.mean().item() == pytest.approx(0.5, abs=0.03)
    assert images.std().item() == pytest.approx(0.25, abs=0.02)
    kept = trainer.generate_intermediate_samples(n_samples=3, img_size=4, steps_to_show=[0, 1, 1000], n_steps=1000)
    assert len(kept) == 3
    assert all(isinstance(each, np.ndarray) and each.shape == (3, 1, 4, 4) for each in kept)


def test_the_loss_of_the_right_noise_is_nothing(load) -> None:
    torch.manual_seed(0)
    x0, noise = torch.randn(2, 8, 1, 4, 4)
    process = load("q2_ddpm").DenoiseDiffusion(Estimates(lambda x, t: noise), 10, CPU)
    assert process.loss(x0, noise) == 0
    doubled = load("q2_ddpm").DenoiseDiffusion(Estimates(lambda x, t: noise + 2), 10, CPU)
    assert torch.isclose(doubled.loss(x0, noise), torch.tensor(4.0 * 16))


def test_guided_images_follow_the_class(load) -> None:
    """With exact conditional estimates and no guidance, images are N(m_y, s^2); with guidance they go further."""
    torch.manual_seed(0)
    labels, means = torch.arange(200) % 2, torch.tensor([0.2, 0.8])
    process = load("q3_cfg_diffusion").CFGDiffusion(Estimates(lambda z, y: z), 200, CPU)
    state = {}

    def watched(lam: Tensor) -> Tensor:
        state["bar"] = torch.sigmoid(lam)
        return original(lam)

    original, process.sigma_lambda = process.sigma_lambda, watched

    def network(z: Tensor, y: Tensor | None) -> Tensor:
        bar = state.get("bar", torch.sigmoid(process.get_lambda(torch.full((len(z),), 199))))
        mean, spread = (0.5, 0.32) if y is None else (means[y].view(-1, 1, 1, 1), 0.1)
        return (1 - bar).sqrt() * (z - bar.sqrt() * mean) / (bar * spread**2 + 1 - bar)

    trainer = load("q3_trainer_cfg").Trainer(settings(n_steps=200), Estimates(network), process)
    plain, strong = (trainer.sample(labels=labels, cfg_scale=w) for w in (0.0, 2.0))
    for label in (0, 1):
        assert plain[labels == label].mean().item() == pytest.approx(means[label].item(), abs=0.05)
    apart = [images[labels == 1].mean() - images[labels == 0].mean() for images in (plain, strong)]
    assert apart[1] > apart[0] + 0.01


def test_the_forward_process_preserves_variance(load) -> None:
    process = load("q3_cfg_diffusion").CFGDiffusion(Estimates(lambda z, y: z), 1000, CPU)
    lam = process.get_lambda(torch.arange(1000))
    assert lam.shape == (1000, 1, 1, 1)
    assert torch.allclose(process.alpha_lambda(lam) ** 2 + process.sigma_lambda(lam) ** 2, torch.ones_like(lam))
    assert (lam.diff(dim=0) < 0).all()
    assert lam[0].item() == pytest.approx(20, abs=1e-3)
    assert lam[500].item() == pytest.approx(0, abs=1e-4)
    assert lam[999].item() == pytest.approx(-12.8555, abs=1e-3)


@pytest.mark.parametrize(
    ("folder", "name", "file", "second"),
    [
        ("ddpm_utils", "UNet", "eps_model.pkl", torch.tensor([3, 999])),
        ("cfg_utils", "UNet_conditional", "eps_model_cfg.pkl", None),
    ],
)
def test_the_weights_fit(load, folder: str, name: str, file: str, second: Tensor | None) -> None:
    network = getattr(load(f"{folder}.unet"), name)()
    network.load_state_dict(torch.load(FOLDER / file, weights_only=True))
    assert network(torch.rand(2, 1, 32, 32), second).shape == (2, 1, 32, 32)


def test_all_weights_together_are_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in ("model.pt", "eps_model.pkl", "eps_model_cfg.pkl")) <= 8e6
