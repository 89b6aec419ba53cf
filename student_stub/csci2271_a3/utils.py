"""Training and pictures in one call each, with the handout's settings. It is given; nothing here is yours to write."""

import os
from pathlib import Path
from typing import Optional, Sequence, Union

from diffusion import Diffusion
from trainer import Trainer
from unet import Unet

Location = Union[str, Path]


def train_diffusion(
    data_path: Location = "./data",
    train_steps: int = 1000,
    save_and_sample_every: int = 100,
    fid: bool = False,
    *,
    load_path: Optional[Location] = None,
    **settings,
) -> Trainer:
    """Trains from the beginning, or from the weights in `load_path`, and leaves weights and plots in `save_folder`.

    data_path: holds train/cat;  save_and_sample_every: steps between samples (and FIDs);  settings: those of `trainer_for`
    """
    trainer = trainer_for(
        data_path,
        train_steps=train_steps,
        save_and_sample_every=save_and_sample_every,
        fid=fid,
        load_path=load_path,
        **settings,
    )
    trainer.train()
    return trainer


def visualize_diffusion(data_path: Location = "./data", *, load_path: Location = "./results/model.pt", **settings) -> Trainer:
    """Draws both processes with a trained model, as forward.png and backward.png in `save_folder`.

    data_path: holds train/cat;  load_path: the trained weights;  settings: those of `trainer_for`
    """
    trainer = trainer_for(data_path, load_path=load_path, **settings)
    trainer.visualize_diffusion()
    return trainer


def trainer_for(
    data_path: Location,
    *,
    train_steps: int = 1000,
    save_and_sample_every: int = 100,
    fid: bool = False,
    dataloader_workers: int = 16,
    save_folder: Location = "./results/",
    load_path: Optional[Location] = None,
    image_size: int = 32,
    batch_size: int = 32,
    data_class: str = "cat",
    time_steps: int = 50,
    unet_dim: int = 16,
    learning_rate: float = 1e-3,
    unet_dim_mults: Sequence[int] = (1, 2, 4, 8),
) -> Trainer:
    """A U-Net, the diffusion process around it, and what trains them."""
    network = Unet(unet_dim, dim_mults=unet_dim_mults)
    return Trainer(
        Diffusion(network, image_size=image_size, timesteps=time_steps),
        data_path,
        image_size=image_size,
        train_batch_size=batch_size,
        train_lr=learning_rate,
        train_num_steps=train_steps,
        save_and_sample_every=save_and_sample_every,
        results_folder=save_folder,
        load_path=load_path,
        data_class=data_class,
        time_steps=time_steps,
        fid=fid,
        dataloader_workers=min(dataloader_workers, os.cpu_count() or 1),
    )
