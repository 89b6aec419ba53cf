"""How the reference weights are trained: Adam, one cycle of the learning rate, an average of the weights, checkpoints.

    make train ASSIGNMENT=id

An interrupted run goes on where its last epoch ended.
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

CHECKPOINTS = Path("out/train")


@dataclass(frozen=True)
class Plan:
    """What is trained, and for how long."""

    name: str  # of the checkpoint and the progress bar
    epochs: int
    peak: float  # the highest learning rate
    batch: int = 128
    clip: float = 100.0  # the largest norm of the gradient


def train(plan: Plan, model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], images: Tensor, labels: Tensor) -> nn.Module:
    """Trains, and returns the exponential moving average of the weights.

    loss: called with images and labels of one batch, as they are;  images: [N, ...];  labels: [N]
    """
    steps = math.ceil(len(images) / plan.batch)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.peak)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.peak, total_steps=plan.epochs * steps, pct_start=0.1)
    parts = {"model": model, "average": average, "optimizer": optimizer, "schedule": schedule}
    checkpoint = CHECKPOINTS / f"{plan.name}-{plan.epochs}.pt"
    done, seconds = resume(checkpoint, parts)
    model.train()
    with Progress() as progress:
        task = progress.add_task(plan.name, total=plan.epochs * steps, completed=done * steps)
        for epoch in range(done, plan.epochs):
            start, total = time.monotonic(), 0.0
            for batch in torch.randperm(len(images)).split(plan.batch):
                optimizer.zero_grad()
                value = loss(images[batch], labels[batch])
                value.backward()
                nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
                optimizer.step()
                schedule.step()
                average.update_parameters(model)
                total += value.item()
                progress.advance(task)
            seconds += time.monotonic() - start
            progress.console.print(f"{plan.name} epoch {epoch + 1}/{plan.epochs}: loss {total / steps:.4f}, {seconds:.0f} s so far")
            keep(checkpoint, {"epoch": epoch + 1, "seconds": seconds, **{key: part.state_dict() for key, part in parts.items()}})
    return average.module


def keep(checkpoint: Path, content: dict) -> None:
    """Writes a checkpoint whole, or not at all."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, checkpoint.with_suffix(".new"))
    os.replace(checkpoint.with_suffix(".new"), checkpoint)


def resume(checkpoint: Path, parts: dict) -> tuple[int, float]:
    """Loads what an earlier run left; returns the epochs done and the seconds they took."""
    if not checkpoint.exists():
        return 0, 0.0
    saved = torch.load(checkpoint, weights_only=True)
    for key, part in parts.items():
        part.load_state_dict(saved[key])
    return saved["epoch"], saved["seconds"]


def save(model: nn.Module, path: Path) -> None:
    """Writes a state dict without memory formats, so that the file is the same whatever the training used."""
    torch.save({key: value.contiguous() for key, value in model.state_dict().items()}, path)
