"""The reference of cmu18786_hw5 against torch.distributions and closed forms, and its notebooks against the handout's limits."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from grading import assignments
from grading.grade import reference_of
from grading.intake.notebooks import claims

ASSIGNMENT = assignments.load("cmu18786_hw5")
LOSS = {"loss": r"Epoch (?P<step>\d+)/\d+, loss: (?P<value>\S+)"}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The modules that are lifted out of the reference's notebooks."""
    before = set(sys.modules)
    yield reference_of(ASSIGNMENT, tmp_path_factory.mktemp("reference") / "taken")._code
    for name in {name for name in set(sys.modules) - before if name.endswith("_Notebook")}:
        del sys.modules[name]


def parameters(network: torch.nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def test_sizes_are_within_the_limits(code: ModuleType) -> None:
    plain = code.Autoencoder_Starter_Notebook
    vae = code.VAE_Starter_Notebook
    assert parameters(plain.Autoencoder(2, plain.hidden_dim, 784)) <= 1_500_000
    assert parameters(code.Denoising_Autoencoder_Starter_Notebook.DenoiseAE()) <= 15_000
    for condition in (0, 10, 196):
        assert parameters(vae.myVAE(784, vae.hidden_dim, vae.latent_dim, condition)) <= 1_500_000
    assert 12 <= vae.latent_dim <= 18


def test_the_loss_is_the_negative_evidence_lower_bound(code: ModuleType) -> None:
    x_hat, x = 0.02 + 0.96 * torch.rand(2, 4, 1, 28, 28)
    mu, logvar = torch.randn(2, 4, 15)
    likelihood = Bernoulli(probs=x_hat, validate_args=False).log_prob(x).flatten(1).sum(1)
    divergence = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    found = code.VAE_Starter_Notebook.myVAE.loss_function(x_hat, x, mu, logvar)
    assert found.item() == pytest.approx((divergence - likelihood).mean().item(), rel=1e-5)


def test_z_has_its_mean_and_variance(code: ModuleType) -> None:
    mu, logvar = torch.full((40_000, 1), 0.7), torch.full((40_000, 1), -1.2)
    z = code.VAE_Starter_Notebook.myVAE.reparametrize(mu, logvar)
    assert z.mean().item() == pytest.approx(0.7, abs=5 * 0.55 / 200)
    assert z.var().item() == pytest.approx(torch.tensor(-1.2).exp().item(), rel=5 * (2 / 40_000) ** 0.5)


def test_noise_follows_its_law(code: ModuleType) -> None:
    noisy = code.Denoising_Autoencoder_Starter_Notebook.add_noise(torch.full((100_000,), 0.5))
    for edge in (0, 1):
        assert (noisy == edge).double().mean().item() == pytest.approx(
            Normal(0.0, 1.0).cdf(torch.tensor(-1.0)).item(), abs=0.006
        )


def test_a_quarter_is_the_lower_left(code: ModuleType) -> None:
    rows, columns = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    image = (100 * rows + columns).view(1, 1, 28, 28)
    taken = code.VAE_Starter_Notebook.quarter(image)
    assert taken.shape == (1, 196)
    assert (taken // 100).min() == 14 and (taken % 100).max() == 13


@pytest.mark.parametrize(
    ("name", "last", "below"),
    [
        ("Autoencoder_Starter_Notebook", 15, 0.04),
        ("VAE_Starter_Notebook", 10, 120.0),
    ],
)
def test_notebooks_that_were_run_reach_the_thresholds(name: str, last: int, below: float) -> None:
    found = claims(Path(ASSIGNMENT.reference) / f"{name}.ipynb", LOSS)
    assert found and all(claim.step == last and (claim.value or below) < below for claim in found)
