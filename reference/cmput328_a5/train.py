"""Trains the reference on the whole of FashionMNIST and writes `vae.pt` and `diffusion.pt` beside this file.

    make train ASSIGNMENT=cmput328_a5
"""

import argparse
from pathlib import Path

import torch
from A5_diffusion_submission import DiffusionModel, NoiseEstimatingNet, VarianceScheduler
from A5_vae_submission import VAE
from training import Plan, save, train

from grading.assets.datasets import labelled_images

HERE = Path(__file__).parent


def train_vae(epochs: int) -> None:
    """Minimises the negative ELBO; images in [0, 1]."""
    vae = VAE()
    plan = Plan("cmput328_a5-vae", epochs, peak=2e-3)
    best = train(plan, vae, lambda x, y: sum(vae.get_loss(x.float() / 255, y)), *labelled_images("fashion_mnist", train=True))
    save(best, HERE / "vae.pt")


def train_diffusion(epochs: int) -> None:
    """Minimises the simplified loss; images in [-1, 1]."""
    scheduler = VarianceScheduler(beta_start=0.0003, beta_end=0.0667, num_steps=300)
    model = DiffusionModel(NoiseEstimatingNet(), scheduler)
    plan = Plan("cmput328_a5-diffusion", epochs, peak=2e-3, clip=1.0)
    best = train(plan, model, lambda x, y: model(x.float() / 127.5 - 1, y), *labelled_images("fashion_mnist", train=True))
    save(best, HERE / "diffusion.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vae-epochs", type=int, default=12)
    parser.add_argument("--diffusion-epochs", type=int, default=10)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    if options.vae_epochs:
        train_vae(options.vae_epochs)
    if options.diffusion_epochs:
        train_diffusion(options.diffusion_epochs)


if __name__ == "__main__":
    main()
