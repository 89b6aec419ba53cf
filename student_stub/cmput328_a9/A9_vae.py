# Name:
# CCID:
# Average total reconstruction loss per sample on the CIFAR-10 test set
#   VAE:
#   CVAE:
# YOUR CODE HERE, if you need more
"""Part 1: a variational autoencoder and a conditional one on CIFAR-10 (Kingma & Welling 2014; Sohn, Lee & Yan 2015).

    python3 A9_vae.py [--conditional] [--epochs 15] [--data ~/data]

Writes vae.pt or cvae.pt, and what it draws under visualize/.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from ssim import SSIM
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

parser = argparse.ArgumentParser()
parser.add_argument("--conditional", action="store_true", help="train the CVAE")
parser.add_argument("--epochs", type=int, default=15, help="at most 100")
parser.add_argument("--resume", type=int, default=0, help="go on behind so many epochs, with the weights there are")
parser.add_argument("--batch-size", type=int, default=128)
parser.add_argument("--latent-dim", type=int, default=256)
parser.add_argument("--data", type=Path, default=Path("data"), help="where cifar-10-batches-py is, or will be downloaded to")
parser.add_argument("--out", type=Path, default=Path("."), help="where weights and pictures go")
args = parser.parse_args()

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)


# ---------------------------------------------------------------- section 1: architecture


def halving(channels_in: int, channels_out: int) -> nn.Sequential:
    """[B, channels_in, 2 H, 2 W] -> [B, channels_out, H, W]."""
    # YOUR CODE HERE
    raise NotImplementedError


def doubling(channels_in: int, channels_out: int) -> nn.Sequential:
    """[B, channels_in, H, W] -> [B, channels_out, 2 H, 2 W]."""
    # YOUR CODE HERE
    raise NotImplementedError


class Encoder(nn.Module):
    """Images to the parameters of q(z | x): three convolutions or more, the size halved twice or more."""

    def __init__(self, latent_dim: int = 128, in_channels: int = 3) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, C, 32, 32] -> mu and log_var = ln(sigma^2), both [B, latent_dim]."""
        # YOUR CODE HERE
        raise NotImplementedError


class Decoder(nn.Module):
    """Latent vectors to images: the size doubled twice or more, and nothing from the encoder but z."""

    def __init__(self, latent_dim: int = 128, out_channels: int = 3) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, z: Tensor) -> Tensor:
        """z [B, latent_dim] -> images [B, C, 32, 32] in [0, 1]."""
        # YOUR CODE HERE
        raise NotImplementedError


class VAE(nn.Module):
    """A variational autoencoder."""

    def __init__(self, latent_dim: int = 128) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encode = Encoder(latent_dim=latent_dim)
        self.decode = Decoder(latent_dim=latent_dim)

    def reparameterize(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """z = mu + sigma * epsilon, where epsilon ~ N(0, 1); all [B, latent_dim]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x [B, 3, 32, 32], y [B] (not used) -> (xg, mu, log_var, z): xg like x, the others [B, latent_dim]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def generate(self, n_samples: int) -> tuple[Tensor, None]:
        """n_samples images [n, 3, 32, 32] of z ~ N(0, 1), and None in the place of classes."""
        # YOUR CODE HERE
        raise NotImplementedError


class CVAE(nn.Module):
    """The same, told the class: as a plane of its own beside the image, and as a vector beside z."""

    def __init__(self, latent_dim: int = 128, num_classes: int = 10, img_size: int = 32) -> None:
        super().__init__()
        self.latent_dim, self.num_classes, self.img_size = latent_dim, num_classes, img_size
        # YOUR CODE HERE
        raise NotImplementedError

    def reparameterize(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """z = mu + sigma * epsilon, where epsilon ~ N(0, 1); all [B, latent_dim]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x [B, 3, 32, 32], y [B] of classes -> (xg, mu, log_var, z): xg like x, the others [B, latent_dim]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def with_class(self, z: Tensor, y: Tensor) -> Tensor:
        """z [B, latent_dim] with the class behind it, one-hot: [B, latent_dim + num_classes]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def generate(self, n_samples: int, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """n_samples images [n, 3, 32, 32] of z ~ N(0, 1), and their classes y [n], drawn where none are given."""
        # YOUR CODE HERE
        raise NotImplementedError


class KLDivLoss(nn.Module):
    """lambd times the KL divergence of N(mu, sigma^2) from N(0, 1), summed over z and averaged over the batch. Given."""

    def __init__(self, lambd: float = 1.0) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, mu: Tensor, log_var: Tensor) -> Tensor:
        return self.lambd * torch.mean(-0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp(), dim=1))


# ---------------------------------------------------------------- section 2: training and testing

latent_dim = args.latent_dim
name = "cvae" if args.conditional else "vae"
model = CVAE(latent_dim=latent_dim) if args.conditional else VAE(latent_dim=latent_dim)
model = model.to(device, memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=12)

l2_criterion: nn.Module = None  # mean squared error
bce_criterion: nn.Module = None  # binary cross-entropy
ssim_criterion: nn.Module = None  # structural similarity in windows of 11 x 11
kl_annealing: list[float] = []  # the factor of the KL divergence, epoch by epoch: 0, then 0.0001, then up to 1
# YOUR CODE HERE, if you need more
KLDiv_criterion = KLDivLoss(lambd=0.0)


def losses(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """One forward pass: (loss, l2, bce, ssim, kldiv), where ssim is 1 - SSIM, and loss the sum of the four others."""
    # YOUR CODE HERE
    raise NotImplementedError


def train_step(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """One step of the optimizer on x [B, 3, 32, 32] and y [B]; returns (loss, l2, bce, ssim, kldiv)."""
    # YOUR CODE HERE
    raise NotImplementedError


def denormalize(x: Tensor) -> np.ndarray:
    """Images [B, 3, H, W] in [0, 1] -> numpy.uint8 [B, H, W, 3] in [0, 255]."""
    # YOUR CODE HERE
    raise NotImplementedError


@torch.no_grad()
def test(loader: DataLoader) -> Tensor:
    """(loss, l2, bce, ssim, kldiv) per image of a whole set, [5], in evaluation mode."""
    model.eval()
    total = torch.zeros(5)
    for x, y in loader:
        total += len(x) * torch.stack(losses(x.to(device), y.to(device))).cpu()
    return total / len(loader.dataset)


def show(rows: list[np.ndarray], file: Path) -> None:
    """Rows of images [N, H, W, 3] as one picture."""
    plt.figure(figsize=(rows[0].shape[0], len(rows)))
    for place, image in enumerate(np.concatenate(rows), start=1):
        plt.subplot(len(rows), rows[0].shape[0], place)
        plt.imshow(image)
        plt.axis("off")
    plt.savefig(file)
    plt.close()


def plot(history: np.ndarray, file: Path, titles: tuple[str, ...]) -> None:
    """Curves over the epochs, history [epochs, curves]."""
    plt.figure()
    plt.plot(history, label=titles)
    plt.xlabel("epoch")
    plt.legend()
    plt.savefig(file)
    plt.close()


pictures = args.out / "visualize" / name
pictures.mkdir(parents=True, exist_ok=True)
train_set = datasets.CIFAR10(args.data, train=True, transform=transforms.ToTensor(), download=True)
test_set = datasets.CIFAR10(args.data, train=False, transform=transforms.ToTensor(), download=True)
train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
test_loader = DataLoader(test_set, batch_size=500)

best, train_history, test_history = float("inf"), [], []
if args.resume:
    model.load_state_dict(torch.load(args.out / f"{name}.pt", map_location=device))
    for _ in range(args.resume):
        scheduler.step()
for epoch in range(args.resume, args.epochs):
    KLDiv_criterion.lambd = kl_annealing[min(epoch, len(kl_annealing) - 1)]
    model.train()
    steps = [torch.stack(train_step(x.to(device), y.to(device))).detach().cpu() for x, y in train_loader]
    scheduler.step()
    train_history.append(torch.stack(steps).mean(0).numpy())
    test_history.append(test(test_loader).numpy())
    reconstruction = float(test_history[-1][1:4].sum())
    print(f"epoch {epoch + 1}: lambda {KLDiv_criterion.lambd:g}, train {train_history[-1]}, test {reconstruction:.4f}", flush=True)
    if reconstruction < best:
        best = reconstruction
        torch.save(model.state_dict(), args.out / f"{name}.pt")

model.load_state_dict(torch.load(args.out / f"{name}.pt", map_location=device))
model.eval()
with torch.no_grad():
    x, y = next(iter(test_loader))
    show([denormalize(x[:10]), denormalize(model(x[:10].to(device), y[:10].to(device))[0])], pictures / f"E{args.epochs}.png")
    show([denormalize(model.generate(10)[0]) for _ in range(2)], pictures / "random.png")
plot(np.stack(test_history)[:, 1:4], pictures / "losses.png", ("L2", "BCE", "1 - SSIM"))
plot(np.stack([np.stack(train_history)[:, 0], np.stack(test_history)[:, 0]], 1), pictures / "total_loss.png", ("train", "test"))
print(f"best: {best:.4f}")
