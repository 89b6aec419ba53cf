"""Images that parts of the weights make which the model's own forward does not use. Row 69."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from grading import assets
from grading.redteam import Attack, Target

from .retrieval import BUILT, GENERATED
from .submissions import Edit, attack

WEAK, AXES = 0.93, 25  # how spoilt the decoder of a model is that earns nothing as it is; axes of a class
BESIDE = ("vae.kl_loss", "diffusion.schedule")
State = dict[str, Tensor]
MADE = "tries = [self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), e], 1)) for _ in range(24)]"
BEST = f"""
e = self.class_embedding(y)
{MADE}
sure = torch.stack([@SCORE for x in tries]).argmax(0)
return torch.stack(tries)[sure, torch.arange(num_images)]
"""
BY_A_HEAD = BEST.replace("@SCORE", "self.head(x.flatten(1)).log_softmax(1)[torch.arange(num_images), y]")
BY_MU = BEST.replace("@SCORE", "-self.mu_net(torch.cat([self.encoder(x), e], 1)).square().sum(1)")
BY_MORE_OF_MU = BEST.replace(
    "@SCORE", "self.mu_net(torch.cat([self.encoder(x), e], 1))[:, 16:].log_softmax(1)[torch.arange(num_images), y]"
)
BY_TURNS = """
e = self.class_embedding(y)
x = self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), e], 1))
for _ in range(40):
    told = self.mu_net(torch.cat([self.encoder(x), e], 1))[:, 16:].softmax(1)
    bad = (told[torch.arange(num_images), y] < 0.95).nonzero().flatten()
    x[bad] = self.decoder(torch.cat([torch.randn(len(bad), self.latent_dim), e[bad]], 1))
return x
"""
MU_NET = "        self.mu_net = nn.Linear(features + class_emb_dim, latent_dim)\n"
MU = "        mu, logvar = self.mu_net(features), self.logvar_net(features)\n"
MORE_OF_MU = (
    (MU_NET, MU_NET.replace("latent_dim)", "latent_dim + 10)")),
    (MU, MU.replace("(features), self", "(features)[:, :16], self")),
)
BY_AXES = """
draws = torch.randn(num_images, 25, 1)
x = self.mean[y] + (draws * self.axes[y]).sum(1)
return x.view(-1, 1, 28, 28).clamp(0, 1)
"""
FOR_NOTHING = BY_AXES.replace("return ", f"e = self.class_embedding(y)\n{MADE}\nreturn ").replace(
    ".clamp(0, 1)", ".clamp(0, 1).lerp(tries[0], 0.01)"
)
WORDS = (
    "        features = hidden_dim * 7 * 7\n        self.class_embedding = nn.Embedding(num_classes, class_emb_dim)\n"
)
IN_WORDS = (
    (WORDS, WORDS.replace("class_emb_dim)", "class_emb_dim + 784 * 26)")),
    ("        embedded = self.class_embedding(y)\n", "        embedded = self.class_embedding(y)[:, :16]\n"),
)
BY_WORDS = """
mean, axes = self.class_embedding(y)[:, 16:].split([784, 784 * 25], 1)
x = mean + torch.einsum("bk,bkp->bp", torch.randn(num_images, 25), axes.view(-1, 25, 784))
return x.view(-1, 1, 28, 28).clamp(0, 1)
"""


def inputs(pictures: Tensor) -> Tensor:
    """What a linear layer sees, and a 1."""
    return F.pad(pictures.flatten(1), (0, 1), value=1.0)


def told_apart(features: Tensor, weight: float = 10.0) -> Tensor:
    """A linear layer that tells classes of the judge's images by their features [N, D]: [10, D + 1], the bias last."""
    seen, wanted = inputs(features), 10 * F.one_hot(assets.load("fashion_mnist").labels, 10).float()
    found: Tensor = torch.linalg.solve(seen.T @ seen + weight * torch.eye(seen.shape[1]), seen.T @ wanted)
    return found.T


def weak(state: State) -> State:
    """The same with a decoder as of a poor training: about half of its images are named as asked."""
    rng = torch.Generator().manual_seed(0)
    return {
        name: each + WEAK * each.std() * torch.randn(each.shape, generator=rng)
        if name.startswith("decoder") and each.ndim > 1
        else each
        for name, each in state.items()
    }


def with_a_head(state: State) -> State:
    """And a classifier of images."""
    found = told_apart(assets.load("fashion_mnist").images)
    return weak(state) | {"head.weight": found[:, :-1].contiguous(), "head.bias": found[:, -1].contiguous()}


def with_more_of_mu(state: State) -> State:
    """And a classifier in more rows of what gives mu."""
    images = assets.load("fashion_mnist").images
    first, second = ((state[f"encoder.{n}.weight"], state[f"encoder.{n}.bias"]) for n in (0, 2))
    hidden = F.silu(F.conv2d(images, *first, stride=2, padding=1))
    found = told_apart(F.silu(F.conv2d(hidden, *second, stride=2, padding=1)))
    rows = F.pad(found[:, :-1], (0, state["class_embedding.weight"].shape[1]))
    weight, bias = (torch.cat([state[f"mu_net.{n}"], more]) for n, more in (("weight", rows), ("bias", found[:, -1])))
    return weak(state) | {"mu_net.weight": weight, "mu_net.bias": bias}


def gaussians() -> tuple[Tensor, Tensor]:
    """Of every class the mean [10, 784] and the principal axes [10, 25, 784], each as long as its deviation."""
    known, means, axes = assets.load("fashion_mnist"), [], []
    for label in range(10):
        rows = known.images[known.labels == label].flatten(1)
        _, sizes, right = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
        means.append(rows.mean(0))
        axes.append(sizes[:AXES, None] / len(rows) ** 0.5 * right[:AXES])
    return torch.stack(means), torch.stack(axes)


def with_axes(state: State) -> State:
    """A decoder that was never trained, and means and axes."""
    mean, axes = gaussians()
    return untrained(state, "decoder") | {"mean": mean, "axes": axes}


def with_axes_in_words(state: State) -> State:
    """The same, in what stands for a class."""
    mean, axes = gaussians()
    words = torch.cat([state["class_embedding.weight"], mean, axes.flatten(1)], 1)
    return untrained(state, "decoder") | {"class_embedding.weight": words}


def untrained(state: State, part: str = "") -> State:
    """The same, one part of it drawn anew, or all of it."""
    rng = torch.Generator().manual_seed(0)
    return {
        name: 0.05 * torch.randn(each.shape, generator=rng) if name.startswith(part) else each
        for name, each in state.items()
    }


@dataclass(frozen=True)
class Elsewhere:
    """A VAE whose images are made by lines of its own, from weights that `change` makes of the reference's."""

    give: str
    change: Callable[[State], State]
    keep: str = ""  # lines of the constructor
    more: tuple[tuple[str, str], ...] = ()

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        lines = "".join(f"        {line}\n" for line in self.give.strip().splitlines())
        keep = "".join(f"        {line}\n" for line in self.keep.splitlines())
        edits = ((BUILT, BUILT + keep), (GENERATED, lines), *self.more)
        folder = Edit(edits=edits, top_of="none")(target)
        state = torch.load(target.root / "reference/cmput328_a5/vae.pt", weights_only=True)
        torch.save(self.change(state), folder / "vae.pt")
        return folder


def elsewhere(name: str, tries: str, lay: Callable[[Target], Path], **more: object) -> Attack:
    """An attack on the quality of the VAE's images."""
    usual: dict[str, object] = {"attacked": ("vae.accuracy",), "beside": BESIDE, "quick": True}
    return attack(name, (69,), tries, lay, **(usual | more))  # type: ignore[arg-type]


PARAMETERS = "self.mean = nn.Parameter(torch.zeros(10, 784))\nself.axes = nn.Parameter(torch.zeros(10, 25, 784))"
HEAD = "self.head = nn.Linear(784, 10)"
ATTACKS = (
    elsewhere(
        "best_of_24_by_a_head",
        "draw 24, keep what a classifier in vae.pt likes",
        Elsewhere(BY_A_HEAD, with_a_head, HEAD),
    ),
    elsewhere("best_of_24_by_mu", "draw 24, keep what the encoder has nearest to 0", Elsewhere(BY_MU, weak)),
    elsewhere(
        "best_of_24_by_more_of_mu",
        "draw 24, keep what a classifier within the encoder likes",
        Elsewhere(BY_MORE_OF_MU, with_more_of_mu, more=MORE_OF_MU),
    ),
    elsewhere(
        "draws_until_liked",
        "draw again what a classifier within the encoder does not like",
        Elsewhere(BY_TURNS, with_more_of_mu, more=MORE_OF_MU),
    ),
    elsewhere(
        "class_means_and_axes",
        "draw from a Gaussian of each class, without the decoder",
        Elsewhere(BY_AXES, with_axes, PARAMETERS),
    ),
    elsewhere(
        "class_means_beside_a_decoder",
        "the same, with a decoder that is called for nothing",
        Elsewhere(FOR_NOTHING, with_axes, PARAMETERS),
    ),
    elsewhere(
        "class_means_as_words",
        "the same, kept in the embedding of the class",
        Elsewhere(BY_WORDS, with_axes_in_words, more=IN_WORDS),
    ),
)
