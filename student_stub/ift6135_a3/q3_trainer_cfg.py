"""Training of, and generation with, the guided diffusion model of question 3."""

from pathlib import Path
from typing import Optional

import torch
from cfg_utils.pictures import show_save
from q3_cfg_diffusion import CFGDiffusion
from torch import Tensor, nn
from tqdm import tqdm


class Trainer:
    """Trains a conditional noise-estimating network and draws images of given classes with it."""

    def __init__(self, args, eps_model: nn.Module, diffusion_model: CFGDiffusion):
        """args: the settings of `cfg_utils.args`;  eps_model: the network;  diffusion_model: the process around it."""
        self.args = args
        self.eps_model = eps_model.to(args.device)
        self.diffusion = diffusion_model
        self.optimizer = torch.optim.Adam(self.eps_model.parameters(), lr=args.learning_rate)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=5, gamma=0.5)
        self.current_epoch = 0

    def train_one_epoch(self, dataloader) -> float:
        """The mean loss over one epoch; one batch in ten is trained without its labels."""
        self.eps_model.train()
        total = 0.0
        for images, labels in tqdm(dataloader, desc=f"epoch {self.current_epoch}"):
            images, labels = images.to(self.args.device), labels.to(self.args.device)
            self.optimizer.zero_grad()
            loss = self.diffusion.loss(images, None if torch.rand(1).item() < 0.1 else labels)
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
            self.sample(cfg_scale=self.args.cfg_scale)
            self.save_model()

    def save_model(self) -> None:
        """Writes the network's state dict to `args.MODEL_PATH`."""
        Path(self.args.MODEL_PATH).parent.mkdir(parents=True, exist_ok=True)
        torch.save(self.eps_model.state_dict(), self.args.MODEL_PATH)

    def sample(
        self,
        labels: Optional[Tensor] = None,
        cfg_scale: float = 3.0,
        n_steps: Optional[int] = None,
        set_seed: bool = False,
    ) -> Tensor:
        """Walks from pure noise to images of the classes `labels` [n_samples], with guidance of strength `cfg_scale`.

        eps = (1 + w) eps_theta(z, labels) - w eps_theta(z, None),  x_t = (z - sigma eps) / alpha
        returns: x_t of the last step, [n_samples, C, H, W]
        """
        if set_seed:
            torch.manual_seed(42)
        if n_steps is None:
            n_steps = self.args.n_steps
        self.eps_model.eval()
        with torch.no_grad():
            shape = (self.args.n_samples, self.args.image_channels, self.args.image_size, self.args.image_size)
            z_t = torch.randn(shape, device=self.args.device)
            if labels is None:
                labels = torch.randint(0, 10, (self.args.n_samples,), device=self.args.device)
            for i in tqdm(range(n_steps), leave=False):
                t = z_t.new_full((len(z_t),), n_steps - 1 - i, dtype=torch.long)
                # YOUR CODE HERE
                raise NotImplementedError
            if self.args.nb_save is not None:
                show_save(x_t, labels, show=False, save=True, file_name=f"CFG_epoch_{self.current_epoch}.png")
        return x_t
