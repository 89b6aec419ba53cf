"""Training of, and generation with, the diffusion model of question 2."""

from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np
import torch
from ddpm_utils.args import args
from ddpm_utils.pictures import show_save
from q2_ddpm import DenoiseDiffusion
from torch import Tensor, nn
from tqdm import tqdm


class Trainer:
    """Trains a noise-estimating network and draws images with it."""

    def __init__(self, args, eps_model: nn.Module, diffusion_model: DenoiseDiffusion):
        """args: the settings of `ddpm_utils.args`;  eps_model: the network;  diffusion_model: the process around it."""
        self.args = args
        self.eps_model = eps_model.to(args.device)
        self.diffusion = diffusion_model
        self.optimizer = torch.optim.Adam(self.eps_model.parameters(), lr=args.learning_rate)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=10, gamma=0.1)
        self.current_epoch = 0

    def train_one_epoch(self, dataloader) -> float:
        """The mean loss over one epoch."""
        self.eps_model.train()
        total = 0.0
        for images, _ in tqdm(dataloader, desc=f"epoch {self.current_epoch}"):
            self.optimizer.zero_grad()
            loss = self.diffusion.loss(images.to(self.args.device))
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        self.scheduler.step()
        return total / len(dataloader)

    def train(self, dataloader) -> None:
        """Trains for `args.epochs` epochs; draws images and saves the network after each."""
        while self.current_epoch < self.args.epochs:
            self.current_epoch += 1
            print(f"epoch {self.current_epoch}: loss {self.train_one_epoch(dataloader):.3f}")
            self.sample()
            self.save_model()

    def save_model(self) -> None:
        """Writes the network's state dict to `args.MODEL_PATH`."""
        Path(self.args.MODEL_PATH).parent.mkdir(parents=True, exist_ok=True)
        torch.save(self.eps_model.state_dict(), self.args.MODEL_PATH)

    def sample(self, n_steps: Optional[int] = None, set_seed: bool = False) -> Tensor:
        """Walks from x_T ~ N(0, I) back to x_0, for `args.n_samples` images.

        returns: [n_samples, C, H, W]
        """
        if set_seed:
            torch.manual_seed(42)
        if n_steps is None:
            n_steps = self.args["n_steps"]
        self.eps_model.eval()
        with torch.no_grad():
            shape = (self.args["n_samples"], self.args["image_channels"], self.args["image_size"], self.args["image_size"])
            x = torch.randn(shape, device=self.args["device"])
            for t_ in tqdm(range(n_steps), leave=False):
                t = n_steps - 1 - t_
                # BEGIN SOLUTION
                x = self.diffusion.p_sample(x, x.new_full((len(x),), t, dtype=torch.long))
                # END SOLUTION
            if self.args["nb_save"] is not None:
                show_save(x, show=False, save=True, file_name=f"DDPM_epoch_{self.current_epoch}.png")
        return x

    def generate_intermediate_samples(
        self,
        n_samples: int = 4,
        img_size: int = 32,
        steps_to_show: Sequence[int] = (0, 999),
        n_steps: Optional[int] = None,
        set_seed: bool = False,
    ) -> List[np.ndarray]:
        """Walks back from x_T and keeps what it passes: x_T itself, and the images after each step in `steps_to_show`
        (steps count from 1: after step s, n_steps - s steps are still to go).

        returns: arrays [n_samples, 1, img_size, img_size]
        """
        if set_seed:
            torch.manual_seed(42)
        if n_steps is None:
            n_steps = args.n_steps
        x = torch.randn(n_samples, 1, img_size, img_size, device=args.device, requires_grad=False)
        images = [x.detach().cpu().numpy()]
        for step in tqdm(range(1, n_steps + 1), leave=False):
            # BEGIN SOLUTION
            with torch.no_grad():
                x = self.diffusion.p_sample(x, x.new_full((n_samples,), n_steps - step, dtype=torch.long))
            # END SOLUTION
            if step in steps_to_show:
                images.append(x.detach().cpu().numpy())
        return images
