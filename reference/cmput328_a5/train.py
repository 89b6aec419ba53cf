"""Trains the reference on the whole of FashionMNIST and writes `vae.pt` and `diffusion.pt` beside this file.

    make train ASSIGNMENT=cmput328_a5

An interrupted run goes on where its last epoch ended.
"""

import argparse
import math
import os
import time
from pathlib import Path
from typing import Callable

import torch
from A5_diffusion_submission import DiffusionModel, NoiseEstimatingNet, VarianceScheduler
from A5_vae_submission import VAE
from rich.progress import Progress
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from grading.assets.datasets import grey_images

HERE = Path(__file__).parent


def train(model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], name: str, epochs: int, peak: float) -> nn.Module:
    """Adam under a one-cycle learning rate; returns the exponential moving average of the weights.

    loss: called with uint8 images [B, 1, 28, 28] and labels [B]
    """
    images, labels = grey_images("fashion_mnist", train=True)
    steps = math.ceil(len(images) / 128)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
    optimizer = torch.optim.Adam(model.parameters(), lr=peak)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=epochs * steps, pct_start=0.1)
    parts = {"model": model, "average": average, "optimizer": optimizer, "schedule": schedule}
    checkpoint = Path("out/train") / f"cmput328_a5-{name}-{epochs}.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    done, seconds = resume(checkpoint, parts)
    model.train()
    with Progress() as progress:
        task = progress.add_task(name, total=epochs * steps, completed=done * steps)
        for epoch in range(done, epochs):
            start, total = time.monotonic(), 0.0
            for batch in torch.randperm(len(images)).split(128):
                optimizer.zero_grad()
                value = loss(images[batch], labels[batch])
                value.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0 if name == "diffusion" else 100.0)
                optimizer.step()
                schedule.step()
                average.update_parameters(model)
                total += value.item()
                progress.advance(task)
            seconds += time.monotonic() - start
            progress.console.print(f"{name} epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, {seconds:.0f} s so far")
            states = {key: part.state_dict() for key, part in parts.items()}
            torch.save({"epoch": epoch + 1, "seconds": seconds, **states}, checkpoint.with_suffix(".new"))
            os.replace(checkpoint.with_suffix(".new"), checkpoint)
    return average.module


def resume(checkpoint: Path, parts: dict) -> tuple[int, float]:
    """Loads what an earlier run left; returns the epochs done and the seconds they took."""
    if not checkpoint.exists():
        return 0, 0.0
    saved = torch.load(checkpoint, weights_only=True)
    for key, part in parts.items():
        part.load_state_dict(saved[key])
    return saved["epoch"], saved["seconds"]


def train_vae(epochs: int) -> None:
    """Minimises the negative ELBO; images in [0, 1]."""
    vae = VAE()
    best = train(vae, lambda x, y: sum(vae.get_loss(x.float() / 255, y)), "vae", epochs, peak=2e-3)
    torch.save(best.state_dict(), HERE / "vae.pt")


def train_diffusion(epochs: int) -> None:
    """Minimises the simplified loss; images in [-1, 1]."""
    scheduler = VarianceScheduler(beta_start=0.0003, beta_end=0.0667, num_steps=300)
    model = DiffusionModel(NoiseEstimatingNet(), scheduler)
    best = train(model, lambda x, y: model(x.float() / 127.5 - 1, y), "diffusion", epochs, peak=2e-3)
    torch.save({key: value.contiguous() for key, value in best.state_dict().items()}, HERE / "diffusion.pt")


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
