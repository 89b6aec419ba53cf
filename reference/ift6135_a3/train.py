"""Trains the references of all three questions on the whole of MNIST and writes their weights beside this file.

    make train ASSIGNMENT=ift6135_a3                      everything
    make train ASSIGNMENT=ift6135_a3 ARGS="--only ddpm"   one of vae, ddpm, cfg

The VAE follows the handout's recipe. The diffusion models have smaller networks than the course's, and a learning rate
that rises and falls instead of the course's steps.
"""

import argparse
from pathlib import Path
from typing import Callable

import torch
from cfg_utils.unet import UNet_conditional
from ddpm_utils.unet import UNet
from q1_train_vae import VAE, loss_function
from q2_ddpm import DenoiseDiffusion
from q3_cfg_diffusion import CFGDiffusion
from torch import Tensor, optim
from torch.nn import functional as F
from training import Plan, save, train

from grading.assets.datasets import labelled_images

HERE = Path(__file__).parent
CPU = torch.device("cpu")


def train_vae(epochs: int) -> None:
    """Adam, learning rate 1e-3, batches of 128; the weights of the last epoch."""
    images, test = (labelled_images("mnist", train=split)[0].float() / 255 for split in (True, False))
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in torch.randperm(len(images)).split(128):
            optimizer.zero_grad()
            loss = negative_elbo(model, images[batch])
            loss.backward()
            optimizer.step()
            total += loss.item()
        with torch.no_grad():
            validation = sum(negative_elbo(model, part).item() for part in test.split(128)) / len(test)
        print(f"vae epoch {epoch}/{epochs}: training {total / len(images):.2f}, validation {validation:.2f}", flush=True)
    save(model, HERE / "model.pt")


def negative_elbo(model: VAE, x: Tensor) -> Tensor:
    """Summed over the batch."""
    recon, mu, logvar = model(x)
    return loss_function(recon, x, mu, logvar)


def images_at_32() -> tuple[Tensor, Tensor]:
    """All of MNIST's training images [60000, 1, 32, 32] in [0, 1], and their labels."""
    images, labels = labelled_images("mnist", train=True)
    parts = [F.interpolate(part.float() / 255, 32, mode="bilinear", antialias=True) for part in images.split(1000)]
    return torch.cat(parts), labels


def train_ddpm(epochs: int) -> None:
    """The simplified loss of question 2; a second, shorter cycle of the learning rate follows the first."""
    network = UNet()
    process = DenoiseDiffusion(network, 1000, CPU)
    cycles = Plan("ift6135_a3-ddpm", epochs, 2e-3, 64, 1000.0), Plan("ift6135_a3-ddpm-again", 5, 1e-3, 64, 1000.0)
    data = images_at_32()
    for plan in cycles:
        best = train(plan, network, lambda x, _: process.loss(x), *data)
    save(best, HERE / "eps_model.pkl")


def train_cfg(epochs: int) -> None:
    """The loss of question 3; one batch in ten goes without labels."""
    network = UNet_conditional()
    process = CFGDiffusion(network, 1000, CPU)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return process.loss(x, None if torch.rand(1).item() < 0.1 else y)

    plan = Plan("ift6135_a3-cfg", epochs, peak=2e-3, batch=64, clip=1000.0)
    save(train(plan, network, loss, *images_at_32()), HERE / "eps_model_cfg.pkl")


TRAINING: dict[str, tuple[Callable[[int], None], int]] = {
    "vae": (train_vae, 20),
    "ddpm": (train_ddpm, 8),
    "cfg": (train_cfg, 8),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TRAINING, nargs="+", default=list(TRAINING))
    parser.add_argument("--epochs", type=int, help="instead of the usual number")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    for name in options.only:
        function, epochs = TRAINING[name]
        function(options.epochs or epochs)


if __name__ == "__main__":
    main()
