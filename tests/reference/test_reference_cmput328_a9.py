"""The reference of cmput328_a9 against torch.distributions and the judge's own SSIM; its scripts are taken apart, not run."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from grading import assignments
from grading.grade import reference_of
from grading.metrics.similarity import ssim

ASSIGNMENT = assignments.load("cmput328_a9")
WEIGHTS = ("vae.pt", "cvae.pt", "acgan.pt")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The modules that are lifted out of the reference's scripts, beside its ssim.py."""
    before, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(ASSIGNMENT.reference))
    yield reference_of(ASSIGNMENT, tmp_path_factory.mktemp("reference") / "taken")._code
    sys.path[:] = path
    for name in {name for name in set(sys.modules) - before if name.startswith(("A9_", "ssim"))}:
        del sys.modules[name]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (16, 24)])
def test_similarity_is_the_judge_s_with_zeros_beyond_the_border(code: ModuleType, height: int, width: int) -> None:
    a, b = torch.rand(2, 3, 3, height, width)
    for window in (11, 7):
        found = code.ssim.SSIM(window_size=window, size_average=False)(a, b)
        assert torch.allclose(found.double(), ssim(a.double(), b.double(), padded=True, window=window), atol=1e-5)
    assert code.ssim.ssim(a, a).item() == pytest.approx(1.0)


def test_divergence(code: ModuleType) -> None:
    mu, log_var = torch.randn(2, 5, 7)
    right = kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(torch.zeros(()), torch.ones(()))).sum(1).mean()
    assert code.A9_vae.KLDivLoss(0.3)(mu, log_var).item() == pytest.approx(0.3 * right.item(), rel=1e-5)


@pytest.mark.parametrize("latent", [128, 256])
def test_shapes(code: ModuleType, latent: int) -> None:
    x, y = torch.rand(3, 3, 32, 32), torch.tensor([1, 5, 9])
    for model in (code.A9_vae.VAE(latent), code.A9_vae.CVAE(latent)):
        xg, mu, log_var, z = model(x, y)
        assert xg.shape == x.shape
        assert mu.shape == log_var.shape == z.shape == (3, latent)
    assert code.A9_acgan.Generator(latent)(torch.randn(3, latent), y).shape == x.shape
    validity, scores = code.A9_acgan.Discriminator()(x)
    assert (validity.shape, scores.shape) == ((3, 1), (3, 10))


def test_weights_are_small() -> None:
    assert sum((ASSIGNMENT.reference / name).stat().st_size for name in WEIGHTS) <= 10 * 2**20


def test_nothing_of_the_scripts_is_run(code: ModuleType) -> None:
    for module in (code.A9_vae, code.A9_acgan):
        assert module.args.epochs > 0
        assert not {"model", "generator", "optimizer", "train_set", "x"} & set(vars(module))
