"""The reference of csci2271_a3 against torch.distributions, closed forms and the course's own numbers."""

import importlib
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from grading import assets
from grading.intake.notebooks import claims
from grading.sandbox.inside import torchvision_operators

FOLDER = Path(__file__).parents[2] / "reference" / "csci2271_a3"
NOTEBOOK = FOLDER / "variational_autoencoders.ipynb"
Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Imports files of the reference by name, and forgets them afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    with torch.random.fork_rng():
        yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


# ---------------------------------------------------------------- part A


def test_the_courses_own_numbers(load: Load) -> None:
    """What the notebook's two checks print, from the cells themselves."""
    names = vars(load("vae")) | vars(load("a3_helper"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"]}
    errors: list[float] = []
    names["print"] = lambda name, error: errors.append(error)
    for key in ("reparametrize-check", "loss-check"):
        exec(cells[key], names)
    assert len(errors) == 3 and max(errors) < 1e-4


def test_reparametrize_draws_that_gaussian(load: Load) -> None:
    mu, logvar = torch.tensor([[0.5, -2.0]]), torch.tensor([[0.0, math.log(9)]])
    z = load("vae").reparametrize(mu.expand(40_000, 2), logvar.expand(40_000, 2))
    assert torch.allclose(z.mean(0), mu[0], atol=5 * 3 / 200)
    assert torch.allclose(z.std(0), torch.tensor([1.0, 3.0]), rtol=5 / 280)


def test_the_loss_is_the_negative_elbo(load: Load) -> None:
    x_hat, x = torch.rand(6, 1, 28, 28).clamp(0.01, 0.99), torch.rand(6, 1, 28, 28)
    mu, logvar = torch.randn(2, 6, 15)
    reconstruction = -Independent(Bernoulli(x_hat, validate_args=False), 3).log_prob(x)
    posterior = Independent(Normal(mu, (logvar / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros(15), torch.ones(15)), 1)
    wanted = (reconstruction + kl_divergence(posterior, prior)).mean()
    assert torch.allclose(load("vae").loss_function(x_hat, x, mu, logvar), wanted, rtol=1e-5)


@pytest.mark.parametrize(("name", "latent"), [("VAE", 15), ("CVAE", 7)])
def test_autoencoders_have_the_handouts_shapes(load: Load, name: str, latent: int) -> None:
    model = getattr(load("vae"), name)(144, latent_size=latent)
    condition = [torch.eye(10)[:3]] if name == "CVAE" else []
    x_hat, mu, logvar = model(torch.rand(3, 1, 12, 12), *condition)
    assert (x_hat.shape, mu.shape, logvar.shape) == ((3, 1, 12, 12), (3, latent), (3, latent))
    assert x_hat.min() >= 0 and x_hat.max() <= 1
    assert model.decoder(torch.cat([torch.randn(3, latent), *condition], dim=1)).shape == (3, 1, 12, 12)


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_the_trained_weights_reach_what_is_asked(load: Load, name: str) -> None:
    images, labels = assets.load("mnist").images, assets.load("mnist").labels
    vae = load("vae")
    model = getattr(vae, name.upper())(784)
    model.load_state_dict(torch.load(FOLDER / f"{name}.pt", weights_only=True))
    condition = [load("a3_helper").one_hot(labels, 10)] if name == "cvae" else []
    with torch.no_grad():
        x_hat, mu, logvar = model(images, *condition)
        assert vae.loss_function(x_hat, images, mu, logvar) < 120


@pytest.mark.parametrize("cond", [False, True])
def test_training_lowers_the_loss_and_prints_it(load: Load, capsys: pytest.CaptureFixture[str], cond: bool) -> None:
    vae, helper = load("vae"), load("a3_helper")
    loader = list(zip((torch.rand(8, 16, 1, 8, 8) < 0.1).float(), torch.randint(10, (8, 16)), strict=True))
    model = vae.CVAE(64) if cond else vae.VAE(64)
    means = [helper.train_vae(epoch, model, loader, cond) for epoch in range(5)]
    assert means[-1] < means[0] - 1
    assert capsys.readouterr().out.startswith("Train Epoch: 0 \tLoss: ")


def test_the_helpers_small_functions(load: Load) -> None:
    helper = load("a3_helper")
    assert helper.rel_error(torch.tensor([1.0, -3.0]), torch.tensor([2.0, -3.0])) == pytest.approx(1 / 6)
    assert torch.equal(helper.one_hot(torch.tensor([2, 0]), 3), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))


def test_the_notebook_tells_what_was_trained(load: Load) -> None:
    loss = claims(NOTEBOOK, {"loss": r"Train Epoch: (?P<step>\d+)\s+Loss: (?P<value>\S+)"})
    assert [claim.step for claim in loss] == [9, 9]
    assert all(100 < (claim.value or 0) < 120 for claim in loss)
    errors = claims(NOTEBOOK, {name: rf"{name} error (?P<value>\S+)" for name in ("Mean", "Std", "Loss")})
    assert len(errors) == 3 and all((claim.value or 0) < 1e-4 for claim in errors)


# ---------------------------------------------------------------- part B: the process


class Estimates(nn.Module):
    """A network that is a function."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.anchor, self.function = nn.Parameter(torch.zeros(1)), function

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.function(x, t)


def process(load: Load, function: Callable[[Tensor, Tensor], Tensor] = lambda x, t: x, steps: int = 50) -> nn.Module:
    return load("diffusion").Diffusion(Estimates(function), image_size=4, channels=2, timesteps=steps)


def alphas(steps: int = 50) -> Tensor:
    """Equation 3, as it is written."""

    def f(t: int) -> float:
        return math.cos((t / steps + 0.008) / 1.008 * math.pi / 2) ** 2

    return torch.tensor([min(max(f(t) / f(t - 1), 0.001), 1) for t in range(1, steps + 1)], dtype=torch.float64)


def test_the_schedule_is_equation_3(load: Load) -> None:
    schedule = load("diffusion").cosine_schedule(50)
    assert torch.allclose(schedule.double(), alphas(), rtol=1e-6)
    assert torch.allclose(schedule[[0, -2, -1]], torch.tensor([0.998253, 0.250242, 0.001]), atol=1e-6)


def test_x_t_is_drawn_as_step_by_step(load: Load) -> None:
    """Equation 6 against equation 1 taken again and again."""
    x_0, count = 0.7, 20_000
    x = torch.full((count,), x_0, dtype=torch.float64)
    whole = process(load)
    for t, alpha in enumerate(alphas()):
        x = alpha.sqrt() * x + (1 - alpha).sqrt() * torch.randn_like(x)
        at_once = whole.q_sample(
            torch.full((count, 1, 1, 1), x_0), torch.full((count,), t), torch.randn(count, 1, 1, 1)
        )
        assert at_once.mean().item() == pytest.approx(x.mean().item(), abs=5 * (2 / count) ** 0.5)
        assert at_once.std().item() == pytest.approx(x.std().item(), rel=5 / count**0.5)


@pytest.mark.parametrize("t", [1, 7, 30, 48, 49])
def test_a_step_back_is_the_conjugate_posterior(load: Load, t: int) -> None:
    """Equation 5: the prior q(x_{t-1} | x_0) times the likelihood q(x_t | x_{t-1}), both Gaussian."""
    alpha, before, bar = alphas()[t], alphas()[:t].prod(), alphas()[: t + 1].prod()
    x_0, x_t = torch.rand(3, 2, 4, 4, dtype=torch.float64) - 0.5, torch.randn(3, 2, 4, 4, dtype=torch.float64)
    variance = 1 / (1 / (1 - before) + alpha / (1 - alpha))
    mean = variance * (before.sqrt() * x_0 / (1 - before) + alpha.sqrt() * x_t / (1 - alpha))
    noise = ((x_t - bar.sqrt() * x_0) / (1 - bar).sqrt()).float()
    whole, times = process(load, lambda x, t: noise), torch.full((3,), t)
    for z in (0.0, 1.0):
        whole.noise_like = lambda shape, device, z=z: torch.full(shape, z)
        found = whole.p_sample(x_t.float(), times, t)
        assert torch.allclose(found.double(), mean + variance.sqrt() * z, atol=2e-4 if t == 49 else 1e-5)


def test_the_last_step_returns_the_estimate_itself(load: Load) -> None:
    x, noise = torch.randn(2, 5, 2, 4, 4)
    bar = alphas()[0].float()
    estimate = ((x - (1 - bar).sqrt() * noise) / bar.sqrt()).clamp(-1, 1)
    found = process(load, lambda x, t: noise).p_sample(x, torch.zeros(5, dtype=torch.long), 0)
    assert (estimate.abs() == 1).any() and torch.allclose(found, estimate, atol=1e-6)
    assert torch.equal(found.clamp(-1, 1), found)


def test_exact_estimates_bring_back_the_data(load: Load) -> None:
    """A thousand steps with the exact noise estimate for data N(0.2, 0.15^2); images are in [0, 1]."""
    bars = alphas(1000).cumprod(0).float()

    def exact(x: Tensor, t: Tensor) -> Tensor:
        bar = bars[t].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * 0.2) / (bar * 0.15**2 + 1 - bar)

    images = process(load, exact, 1000).sample(300)
    assert images.shape == (300, 2, 4, 4)
    assert images.mean().item() == pytest.approx(0.6, abs=0.005)
    assert images.std().item() == pytest.approx(0.075, abs=0.003)


def test_the_loss_is_the_mean_absolute_error(load: Load) -> None:
    x_0, noise = torch.randn(2, 8, 2, 4, 4)
    assert process(load, lambda x, t: noise)(x_0, noise) == 0
    assert process(load, lambda x, t: noise - 2)(x_0, noise).item() == pytest.approx(2, rel=1e-6)
    seen: list[Tensor] = []
    process(load, lambda x, t: seen.append(t) or x)(x_0.repeat(500, 1, 1, 1), noise.repeat(500, 1, 1, 1))
    assert seen[0].unique().tolist() == list(range(50))


# ---------------------------------------------------------------- part B: what is given


@pytest.mark.parametrize(
    ("settings", "channels", "size"),
    [({"dim": 16}, 3, 32), ({"dim": 12, "init_dim": 10, "dim_mults": (1, 3)}, 3, 10), ({"dim": 8, "out_dim": 6}, 6, 8)],
)
def test_the_network_keeps_the_size_and_hears_the_time(load: Load, settings: dict, channels: int, size: int) -> None:
    network = load("unet").Unet(**settings)
    nn.init.normal_(network.head.weight)  # it begins at zero
    x = torch.randn(1, 3, size, size).expand(2, -1, -1, -1)
    early, late = network(x, torch.tensor([0, 49]))
    assert early.shape == (channels, size, size)
    assert not torch.allclose(early, late, atol=1e-3)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    torchvision_operators.define_if_missing()
    folder = tmp_path / "data" / "train" / "cat"
    folder.mkdir(parents=True)
    for index in range(8):
        Image.frombytes("RGB", (20, 20), bytes(torch.randint(256, (1200,)).tolist())).save(folder / f"{index}.png")
    return tmp_path / "data"


SMALL = {"image_size": 8, "batch_size": 4, "unet_dim": 8, "unet_dim_mults": (1, 2), "time_steps": 8}


def test_training_on_pictures_leaves_weights_and_plots(load: Load, pictures: Path, tmp_path: Path) -> None:
    both = {"dataloader_workers": 0, "save_folder": tmp_path / "results"} | SMALL
    trainer = load("utils").train_diffusion(pictures, train_steps=2, save_and_sample_every=1, **both)
    assert trainer.step == len(trainer.losses) == 2 and all(0.01 < loss < 2 for loss in trainer.losses)
    batch = next(iter(trainer.loader))
    assert batch.shape == (4, 3, 8, 8) and -1 <= batch.min() < 0 < batch.max() <= 1
    saved = torch.load(tmp_path / "results" / "model.pt", weights_only=True)
    assert saved["step"] == 2 and saved["model"].keys() == trainer.model.state_dict().keys()
    again = load("utils").visualize_diffusion(pictures, load_path=tmp_path / "results" / "model.pt", **both)
    assert again.step == 2
    assert all(torch.equal(value, saved["model"][key]) for key, value in again.model.state_dict().items())
    left = {path.name for path in (tmp_path / "results").iterdir()}
    samples = {f"{name}_{k}.{end}" for name, end in (("model", "pt"), ("sample", "png")) for k in (1, 2)}
    assert left == {"model.pt", "loss.png", "forward.png", "backward.png"} | samples


def test_the_distance_is_that_of_512_samples(
    load: Load, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanfid import fid

    counted: list[tuple[int, ...]] = []

    def distance(real: str, generated: str, **_: object) -> float:
        counted.append(tuple(len(list(Path(folder).iterdir())) for folder in (real, generated)))
        return 12.5

    monkeypatch.setattr(fid, "compute_fid", distance)
    settings = {"train_steps": 3, "save_and_sample_every": 2, "fid": True, "dataloader_workers": 0} | SMALL
    trainer = load("utils").train_diffusion(pictures, save_folder=tmp_path, **settings)
    assert trainer.fids == [12.5] and counted == [(8, 512)]
    assert (tmp_path / "fid.png").exists()


def test_defaults_are_the_handouts_tables(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {"dataloader_workers": 16, "save_folder": "./results/", "image_size": 32, "batch_size": 32}
    tables |= {"data_class": "cat", "time_steps": 50, "unet_dim": 16, "learning_rate": 1e-3, "train_steps": 1000}
    monkeypatch.setattr(sys, "argv", ["main.py"])
    line = vars(load("main").parse_args())
    function = {key: each.default for key, each in inspect.signature(load("utils").trainer_for).parameters.items()}
    for given in (line, function):
        assert {key: given[key] for key in tables} == tables
        assert list(given["unet_dim_mults"]) == [1, 2, 4, 8]
