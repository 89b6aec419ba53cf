# Name:
# CCID:
# Auxiliary test accuracy on the CIFAR-10 test set:
# YOUR CODE HERE, if you need more
"""Part 2: an AC-GAN on CIFAR-10 (Odena, Olah & Shlens 2017, arXiv:1610.09585).

    python3 A9_acgan.py [--epochs 12] [--data ~/data]

Writes acgan.pt, and what it draws under visualize/gan/.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=12, help="at most 150")
parser.add_argument("--batch-size", type=int, default=128)
parser.add_argument("--data", type=Path, default=Path("data"), help="where cifar-10-batches-py is, or will be downloaded to")
parser.add_argument("--out", type=Path, default=Path("."), help="where weights and pictures go")
args = parser.parse_args()

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)
latent_dim = 128


# ---------------------------------------------------------------- section 1: architecture


class Generator(nn.Module):
    """Draws an image of a class: mostly the decoder of part 1, with LeakyReLU."""

    def __init__(self, latent_dim: int = 128, out_channels: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    @staticmethod
    def doubling(channels_in: int, channels_out: int) -> nn.Sequential:
        """[B, channels_in, H, W] -> [B, channels_out, 2 H, 2 W]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """z [B, latent_dim], classes y [B] -> images [B, C, 32, 32] in [0, 1]."""
        # YOUR CODE HERE
        raise NotImplementedError


class Discriminator(nn.Module):
    """Tells whether an image is real, and of which class it is."""

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    @staticmethod
    def halving(channels_in: int, channels_out: int) -> nn.Sequential:
        """[B, channels_in, 2 H, 2 W] -> [B, channels_out, H, W]."""
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, C, 32, 32] -> (validity [B, 1] in [0, 1], class scores [B, 10])."""
        # YOUR CODE HERE
        raise NotImplementedError


# ---------------------------------------------------------------- section 2: training and testing

generator = Generator(latent_dim=latent_dim).to(device, memory_format=torch.channels_last)
discriminator = Discriminator().to(device, memory_format=torch.channels_last)

adv_loss: nn.Module = None  # real or not
aux_loss: nn.Module = None  # which class
optimizer_D: torch.optim.Optimizer = None
optimizer_G: torch.optim.Optimizer = None
# YOUR CODE HERE, if you need more


def train_step(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """One step of the generator and one of the discriminator on x [B, 3, 32, 32] and its classes y [B].

    Returns (loss_g, loss_d, acc_d); acc_d is the share of the real images whose class the discriminator tells.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def denormalize(x: Tensor) -> np.ndarray:
    """Images [B, 3, H, W] in [0, 1] -> numpy.uint8 [B, H, W, 3] in [0, 255]."""
    # YOUR CODE HERE
    raise NotImplementedError


@torch.no_grad()
def test(loader: DataLoader) -> float:
    """The share of a set whose class the discriminator tells, in evaluation mode."""
    discriminator.eval()
    correct = 0
    for x, y in loader:
        _, outputs = discriminator(x.to(device))
        correct += int((outputs.argmax(dim=1).cpu() == y).sum())
    return correct / len(loader.dataset)


random_z: Tensor = None  # 20 latent vectors, drawn once, for the pictures
random_y: Tensor = None  # and their classes
# YOUR CODE HERE, if you need more


def show(images: np.ndarray, file: Path) -> None:
    """20 images [20, H, W, 3] as one picture, in two rows."""
    plt.figure(figsize=(10, 2))
    for place, image in enumerate(images, start=1):
        plt.subplot(2, 10, place)
        plt.imshow(image)
        plt.axis("off")
    plt.savefig(file)
    plt.close()


pictures = args.out / "visualize" / "gan"
pictures.mkdir(parents=True, exist_ok=True)
mirrored = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
train_set = datasets.CIFAR10(args.data, train=True, transform=mirrored, download=True)
test_set = datasets.CIFAR10(args.data, train=False, transform=transforms.ToTensor(), download=True)
train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)

best, history = 0.0, []
for epoch in range(args.epochs):
    for optimizer in (optimizer_D, optimizer_G):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - epoch / args.epochs)
    generator.train()
    discriminator.train()
    for x, y in train_loader:
        loss_g, loss_d, acc_d = train_step(x.to(device), y.to(device))
        history.append((loss_g.item(), loss_d.item()))
    accuracy = test(test_loader)
    mean_g, mean_d = np.mean(history[-len(train_loader) :], axis=0)
    print(f"epoch {epoch + 1}: loss G {mean_g:.3f}, loss D {mean_d:.3f}, test accuracy {accuracy:.4f}", flush=True)
    if accuracy > best:
        best = accuracy
        torch.save({"generator": generator.state_dict(), "discriminator": discriminator.state_dict()}, args.out / "acgan.pt")
    generator.eval()
    with torch.no_grad():
        show(denormalize(generator(random_z, random_y)), pictures / f"E{epoch + 1}.png")

plt.figure()
plt.plot(np.asarray(history), label=("generator", "discriminator"))
plt.legend()
plt.savefig(pictures / "losses.png")
print(f"best: {best:.4f}")
