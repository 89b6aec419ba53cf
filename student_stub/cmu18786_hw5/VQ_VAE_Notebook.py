# %% [markdown]
# # VQ-VAE: images as a few hundred words
#
# A vector-quantized VAE (van den Oord et al. 2017, [arXiv:1711.00937](https://arxiv.org/abs/1711.00937)) has a latent space
# that is discrete. The encoder turns an image into a grid of vectors. The quantizer replaces every one of them by the nearest
# of $K$ learned vectors, the codes. The decoder makes an image of the codes. So an image becomes a grid of whole numbers
# between $0$ and $K - 1$, like a short text in a language of $K$ words.
#
# You write the quantizer; encoder, decoder and training are given. The notebook runs from top to bottom.

# %%
import os
from itertools import islice
from typing import Iterator

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

device = "cuda" if torch.cuda.is_available() else "cpu"
print(f"This runs on: {device}")

# %% [markdown]
# ## The quantizer
#
# Let $z$ be one of the encoder's vectors, and $e_1, \dots, e_K$ the codes. The quantizer answers with the nearest code,
#
# $$q = e_k,\qquad k = \operatorname{argmin}_j \lVert z - e_j\rVert^2.$$
#
# The choice of $k$ has no gradient. Three things make up for it, where $\operatorname{sg}$ (stop-gradient, `detach` in
# PyTorch) takes a value as a constant:
#
# - **Straight through.** The decoder gets $z + \operatorname{sg}(q - z)$. This equals $q$, but its gradient is that of $z$: what
#   the decoder sends back reaches the encoder as if nothing lay between them. The codes get nothing of it.
# - **Codebook loss**, $(q - \operatorname{sg}(z))^2$: draws the codes to the vectors that chose them.
# - **Commitment loss**, $\beta\,(\operatorname{sg}(q) - z)^2$: draws the vectors to their codes, so that the encoder does not
#   run away from a codebook that cannot follow as fast.
#
# The **perplexity** tells how many codes are in use: 1 where every vector gets the same one, $K$ where all codes are chosen
# equally often.


# %%
class VectorQuantizer(nn.Module):
    """Replaces every vector by the nearest code of a codebook that is learned."""

    def __init__(self, num_embeddings: int, embedding_dim: int, commitment_cost: float) -> None:
        """num_embeddings: K, the number of codes;  embedding_dim: D, their length;  commitment_cost: beta."""
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.commitment_cost = commitment_cost
        self.embedding = nn.Embedding(num_embeddings, embedding_dim)
        nn.init.uniform_(self.embedding.weight, -1 / num_embeddings, 1 / num_embeddings)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Quantizes every pixel: the D channels of a pixel are one vector z, and there are N = B H W of them.

        q = e_k, where e_k is the code nearest to z (equation 1)
        loss = mean((q - sg(z))^2) + beta mean((sg(q) - z)^2), over all N D numbers (the last terms of equation 3)
        quantized = z + sg(q - z)
        perplexity = exp(-sum_k p_k ln(p_k + 1e-10)), where p_k is the share of the N vectors that chose code k

        inputs: [B, D, H, W];  returns: loss, quantized like inputs, perplexity, one-hot choices [N, K]
        """
        # YOUR CODE HERE
        raise NotImplementedError


# %% [markdown]
# Eight vectors in the plane and two codes: each vector should move to the code on its side, half of them to either. So the
# perplexity is 2.

# %%
quantizer = VectorQuantizer(num_embeddings=2, embedding_dim=2, commitment_cost=0.25)
quantizer.embedding.weight.data = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
angles = torch.arange(8) * torch.pi / 4 + 0.1
points = torch.stack([angles.cos(), angles.sin()]).reshape(1, 2, 2, 4)  # [B, D, H, W]
loss, quantized, perplexity, choices = quantizer(points)
print("chosen:", choices.argmax(dim=1).tolist())  # [1, 1, 0, 0, 0, 0, 1, 1]
print(f"perplexity: {perplexity.item():.4f}")  # 2.0000

# %% [markdown]
# ## Encoder and decoder
#
# Both are built from residual blocks (He et al. 2016, [arXiv:1512.03385](https://arxiv.org/abs/1512.03385)): a block adds what
# it computes to what it was given. Two convolutions of stride 2 make the image four times smaller on each side, so that an
# image of 32 x 32 pixels has a grid of 8 x 8 codes.


# %%
class ResidualBlock(nn.Module):
    """x + f(x), where f is two convolutions through fewer channels."""

    def __init__(self, num_hiddens: int, num_residual_hiddens: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(num_hiddens, num_residual_hiddens, kernel_size=3, padding=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(num_residual_hiddens, num_hiddens, kernel_size=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, num_hiddens, H, W] -> the same shape."""
        return x + self.block(x)


def residual_stack(num_hiddens: int, num_residual_layers: int, num_residual_hiddens: int) -> nn.Sequential:
    """Some residual blocks, and a ReLU behind them: [B, num_hiddens, H, W] -> the same shape."""
    blocks = [ResidualBlock(num_hiddens, num_residual_hiddens) for _ in range(num_residual_layers)]
    return nn.Sequential(*blocks, nn.ReLU())


def encoder(num_hiddens: int, num_residual_layers: int, num_residual_hiddens: int, embedding_dim: int) -> nn.Sequential:
    """Images [B, 3, H, W] -> a grid of vectors [B, embedding_dim, H / 4, W / 4]."""
    return nn.Sequential(
        nn.Conv2d(3, num_hiddens // 2, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(num_hiddens // 2, num_hiddens, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(num_hiddens, num_hiddens, kernel_size=3, padding=1),
        residual_stack(num_hiddens, num_residual_layers, num_residual_hiddens),
        nn.Conv2d(num_hiddens, embedding_dim, kernel_size=1),
    )


def decoder(num_hiddens: int, num_residual_layers: int, num_residual_hiddens: int, embedding_dim: int) -> nn.Sequential:
    """A grid of codes [B, embedding_dim, H / 4, W / 4] -> images [B, 3, H, W]."""
    return nn.Sequential(
        nn.Conv2d(embedding_dim, num_hiddens, kernel_size=3, padding=1),
        residual_stack(num_hiddens, num_residual_layers, num_residual_hiddens),
        nn.ConvTranspose2d(num_hiddens, num_hiddens // 2, kernel_size=4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(num_hiddens // 2, 3, kernel_size=4, stride=2, padding=1),
    )


# %%
class Model(nn.Module):
    """Encoder, quantizer, decoder."""

    def __init__(
        self,
        num_hiddens: int,
        num_residual_layers: int,
        num_residual_hiddens: int,
        num_embeddings: int,
        embedding_dim: int,
        commitment_cost: float,
    ) -> None:
        super().__init__()
        self.encoder = encoder(num_hiddens, num_residual_layers, num_residual_hiddens, embedding_dim)
        self.quantizer = VectorQuantizer(num_embeddings, embedding_dim, commitment_cost)
        self.decoder = decoder(num_hiddens, num_residual_layers, num_residual_hiddens, embedding_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images through the bottleneck: x [B, 3, 32, 32] -> the quantizer's loss, the reconstruction like x, perplexity."""
        loss, quantized, perplexity, _ = self.quantizer(self.encoder(x))
        return loss, self.decoder(quantized), perplexity


# %% [markdown]
# ## Hyperparameters
#
# These are the values to use for the report; play with them by all means. `num_hiddens` is the number of channels between
# encoder and decoder, `num_residual_layers` the number of residual blocks in each of the two, and `num_residual_hiddens` the
# number of channels within a block.

# %%
batch_size = 256
num_training_updates = 15_000

num_hiddens = 128
num_residual_hiddens = 32
num_residual_layers = 2

embedding_dim = 64
num_embeddings = 512
commitment_cost = 0.25

learning_rate = 1e-3

# %% [markdown]
# ## Images
#
# CIFAR-10 is looked for in the folder that the environment variable `DATA_ROOT` names, or else in `data`, and fetched if it is
# not there. Pixels are moved to $[-1/2, 1/2]$. The reconstruction error is told relative to their variance: a decoder that
# always answers with the mean image is at about 1.

# %%
to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))])
data_root = os.environ.get("DATA_ROOT", "data")
training_data = datasets.CIFAR10(data_root, train=True, download=True, transform=to_tensor)
validation_data = datasets.CIFAR10(data_root, train=False, download=True, transform=to_tensor)
training_loader = DataLoader(training_data, batch_size=batch_size, shuffle=True, num_workers=2, drop_last=True)
validation_loader = DataLoader(validation_data, batch_size=32)

data_variance = (training_data.data / 255.0).var()
print(f"{len(training_data):,} images; the variance of their pixels is {data_variance:.4f}")

# %% [markdown]
# ## Training
#
# The loss is the reconstruction error plus the quantizer's own loss. The first one stands for $-\log p(x\mid z)$ with a Gaussian
# of fixed variance. There is no divergence to a prior: with a uniform prior over codes it is the constant $\log K$ per code.


# %%
def endless(loader: DataLoader) -> Iterator[Tensor]:
    """Batches of images, epoch after epoch."""
    while True:
        for images, _ in loader:
            yield images


def train(model: nn.Module, updates: int) -> tuple[list[float], list[float]]:
    """Trains with Adam; returns the reconstruction error and the perplexity of every update."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    errors, perplexities = [], []
    model.train()
    for update, images in enumerate(islice(endless(training_loader), updates), start=1):
        images = images.to(device)
        quantizer_loss, reconstruction, perplexity = model(images)
        reconstruction_error = F.mse_loss(reconstruction, images) / data_variance

        optimizer.zero_grad()
        (reconstruction_error + quantizer_loss).backward()
        optimizer.step()

        errors.append(reconstruction_error.item())
        perplexities.append(perplexity.item())
        if update % 100 == 0:
            error, words = (sum(values[-100:]) / 100 for values in (errors, perplexities))
            print(f"{update} updates: reconstruction error {error:.4f}, perplexity {words:.1f}")
    return errors, perplexities


# %%
model = Model(
    num_hiddens, num_residual_layers, num_residual_hiddens, num_embeddings, embedding_dim, commitment_cost
).to(device)
errors, perplexities = train(model, num_training_updates)

# %% [markdown]
# ## What it has learned
#
# The curves are averaged over 100 updates.


# %%
def smooth(values: list[float], width: int = 100) -> Tensor:
    """The running mean over `width` values, or over all of them where there are fewer."""
    return torch.tensor(values).unfold(0, min(width, len(values)), 1).mean(dim=1)


def plot_curves(errors: list[float], perplexities: list[float]) -> None:
    """The reconstruction error and the perplexity during training."""
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 4))
    left.plot(smooth(errors))
    left.set(title="Reconstruction error", xlabel="update", yscale="log")
    right.plot(smooth(perplexities))
    right.set(title="Codes in use (perplexity)", xlabel="update")
    plt.show()


plot_curves(errors, perplexities)


# %%
def show_grid(images: Tensor, title: str) -> None:
    """Images [B, 3, H, W] in [-1/2, 1/2], eight to a row."""
    rows = [torch.cat(list(row), dim=2) for row in (images + 0.5).clamp(0, 1).cpu().split(8)]
    plt.imshow(torch.cat(rows, dim=1).permute(1, 2, 0))
    plt.title(title)
    plt.axis("off")
    plt.show()


model.eval()
originals = next(iter(validation_loader))[0]
with torch.no_grad():
    _, reconstructions, _ = model(originals.to(device))
show_grid(originals, "Validation images")
show_grid(reconstructions, "Their reconstructions")

# %% [markdown]
# ## The codebook
#
# The codes have 64 numbers each. Their two principal components, the directions in which they vary most, show them in the
# plane. The encoder's vectors are drawn in the same plane: do the codes lie where the vectors are?


# %%
@torch.no_grad()
def encoded(model: nn.Module) -> Tensor:
    """The encoder's vectors for the validation images above, before they are quantized: [N, D]."""
    return model.encoder(originals.to(device)).permute(0, 2, 3, 1).flatten(0, 2)


@torch.no_grad()
def plot_codebook(model: nn.Module) -> None:
    """Codes and encoded vectors, in the plane of the codes' first two principal components."""
    codes, vectors = model.quantizer.embedding.weight, encoded(model)
    centre = codes.mean(dim=0)
    directions = torch.linalg.svd(codes - centre, full_matrices=False).Vh[:2].T  # [D, 2]
    for points, name, size in ((vectors, "encoded vectors", 2), (codes, "codes", 12)):
        x, y = ((points - centre) @ directions).T.cpu()
        plt.scatter(x, y, s=size, label=f"{name}, from {points.min():.2f} to {points.max():.2f}")
    plt.gca().set(title="The codebook", xlabel="first component", ylabel="second component")
    plt.legend()
    plt.show()


plot_codebook(model)

# %% [markdown]
# ## Without the commitment loss
#
# Train a second model with the same hyperparameters, but with `commitment_cost = 0`, and draw the same plots. Compare the range
# of the encoder's vectors in the two models. What does the commitment loss do, and why does the reconstruction change as it
# does?

# %%
# YOUR CODE HERE, if you need more
