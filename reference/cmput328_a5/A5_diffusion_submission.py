"""A class-conditional denoising diffusion model for FashionMNIST (Ho et al. 2020, arXiv:2006.11239).

Time is counted from 0: index t here is step t + 1 of the paper.
"""

import math
from typing import Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class VarianceScheduler:
    """The variances beta_t of the forward process, and what follows from them."""

    def __init__(self, beta_start: float = 0.0001, beta_end: float = 0.02, num_steps: int = 1000):
        """Stores betas, alphas and alpha_bars, each [num_steps].

        betas: linear from beta_start to beta_end;  alphas = 1 - betas;  alpha_bars[t] = alphas[0] * ... * alphas[t]
        """
        # BEGIN SOLUTION
        self.num_steps = num_steps
        self.betas = torch.linspace(beta_start, beta_end, num_steps)
        self.alphas = 1 - self.betas
        self.alpha_bars = torch.cumprod(self.alphas, dim=0)
        # END SOLUTION

    def add_noise(self, x: Tensor, timestep: Tensor) -> Tuple[Tensor, Tensor]:
        """Jumps from x_0 to x_t: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps,  eps ~ N(0, I).

        x: [B, 1, 28, 28];  timestep: [B], each in 0 ... num_steps - 1
        returns: noisy x and the noise eps, both [B, 1, 28, 28]
        """
        # BEGIN SOLUTION
        alpha_bar = self.alpha_bars.to(x.device)[timestep].view(-1, 1, 1, 1)
        noise = torch.randn_like(x)
        return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * noise, noise  # arXiv:2006.11239, eq. 4
        # END SOLUTION


# BEGIN SOLUTION
def sinusoids(timestep: Tensor, dim: int) -> Tensor:
    """Transformer position embedding of the time step (arXiv:1706.03762, sec. 3.5): [B] -> [B, dim]."""
    frequencies = torch.exp(-math.log(10_000) * torch.arange(dim // 2, device=timestep.device) / (dim // 2))
    angles = timestep.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions; time and class enter between them as a shift of every channel."""

    def __init__(self, in_channels: int, out_channels: int, condition_dim: int):
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(8, in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.shift = nn.Linear(condition_dim, out_channels)
        self.second = nn.Sequential(
            nn.GroupNorm(8, out_channels), nn.SiLU(), nn.Conv2d(out_channels, out_channels, 3, padding=1)
        )
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = self.first(x) + self.shift(condition)[:, :, None, None]
        return self.skip(x) + self.second(hidden)


# END SOLUTION
class NoiseEstimatingNet(nn.Module):
    """A small U-Net (arXiv:1505.04597) that tells the noise in x_t, given t and the class."""

    def __init__(self, time_emb_dim: int = 64, class_emb_dim: int = 64, num_classes: int = 10):
        """Builds the network. The arguments are yours to change.

        time_emb_dim: width of the embedding of t;  class_emb_dim: width of the embedding of y
        num_classes: how many classes there are
        """
        super().__init__()
        # BEGIN SOLUTION
        self.time_emb_dim = time_emb_dim
        self.time_mlp = nn.Sequential(nn.Linear(time_emb_dim, 128), nn.SiLU(), nn.Linear(128, 64))
        self.class_embedding = nn.Embedding(num_classes, class_emb_dim)
        c28, c14, c7, condition = 32, 64, 96, 64 + class_emb_dim
        self.stem = nn.Conv2d(1, c28, 3, padding=1)
        self.down28 = ResidualBlock(c28, c28, condition)
        self.to14 = nn.Conv2d(c28, c14, 3, stride=2, padding=1)
        self.down14 = ResidualBlock(c14, c14, condition)
        self.to7 = nn.Conv2d(c14, c7, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([ResidualBlock(c7, c7, condition) for _ in range(2)])
        self.from7 = nn.ConvTranspose2d(c7, c14, 2, stride=2)
        self.up14 = ResidualBlock(2 * c14, c14, condition)
        self.from14 = nn.ConvTranspose2d(c14, c28, 2, stride=2)
        self.up28 = ResidualBlock(2 * c28, c28, condition)
        self.head = nn.Sequential(nn.GroupNorm(8, c28), nn.SiLU(), nn.Conv2d(c28, 1, 3, padding=1))
        self.to(memory_format=torch.channels_last)  # the same numbers, about three times as fast on a CPU
        # END SOLUTION

    def forward(self, x: Tensor, timestep: Tensor, y: Tensor) -> Tensor:
        """Estimates the noise: x [B, 1, 28, 28], timestep [B], y [B] -> [B, 1, 28, 28]."""
        # BEGIN SOLUTION
        time = self.time_mlp(sinusoids(timestep, self.time_emb_dim))
        condition = F.silu(torch.cat([time, self.class_embedding(y)], dim=1))
        at28 = self.down28(self.stem(x), condition)
        at14 = self.down14(self.to14(at28), condition)
        at7 = self.to7(at14)
        for block in self.middle:
            at7 = block(at7, condition)
        up14 = self.up14(torch.cat([self.from7(at7), at14], dim=1), condition)
        up28 = self.up28(torch.cat([self.from14(up14), at28], dim=1), condition)
        return self.head(up28)
        # END SOLUTION


class DiffusionModel(nn.Module):
    """The training loss and the sampler around a noise-estimating network."""

    def __init__(self, network: nn.Module, var_scheduler: VarianceScheduler):
        """network: estimates noise, called as network(x, timestep, y);  var_scheduler: the forward process."""
        super().__init__()
        # BEGIN SOLUTION
        self.network = network
        self.var_scheduler = var_scheduler
        # END SOLUTION

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The simplified loss, a scalar: E || eps - eps_theta(x_t, t, y) ||^2 with t uniform and one t per image.

        x: [B, 1, 28, 28] images in [-1, 1];  y: [B] labels
        """
        # BEGIN SOLUTION
        timestep = torch.randint(0, self.var_scheduler.num_steps, (len(x),), device=x.device)
        noisy, noise = self.var_scheduler.add_noise(x, timestep)
        return F.mse_loss(self.network(noisy, timestep, y), noise)  # arXiv:2006.11239, eq. 14
        # END SOLUTION

    @torch.no_grad()
    def generate_sample(self, num_images: int, y: Tensor, device: torch.device) -> Tensor:
        """Walks from x_T ~ N(0, I) back to x_0.

        x_{t-1} = 1/sqrt(alpha_t) (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t, y)) + sigma_t z
        num_images: how many;  y: [num_images] labels;  returns: [num_images, 1, 28, 28]
        """
        # BEGIN SOLUTION
        schedule = self.var_scheduler
        x = torch.randn(num_images, 1, 28, 28, device=device)
        for t in reversed(range(schedule.num_steps)):
            noise_estimate = self.network(x, torch.full((num_images,), t, device=device), y)
            beta, alpha, alpha_bar = schedule.betas[t], schedule.alphas[t], schedule.alpha_bars[t]
            x = (x - beta / (1 - alpha_bar).sqrt() * noise_estimate) / alpha.sqrt()  # arXiv:2006.11239, alg. 2
            if t > 0:
                posterior_variance = (1 - schedule.alpha_bars[t - 1]) / (1 - alpha_bar) * beta  # eq. 7
                x = x + posterior_variance.sqrt() * torch.randn_like(x)
        return x
        # END SOLUTION


def load_diffusion_and_generate() -> Tensor:
    """Loads `diffusion.pt` and generates 50 images, five of each class in the order 0, 0, 0, 0, 0, 1, ..."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # BEGIN SOLUTION
    var_scheduler = VarianceScheduler(beta_start=0.0003, beta_end=0.0667, num_steps=300)
    network = NoiseEstimatingNet()
    # END SOLUTION
    diffusion = DiffusionModel(network=network, var_scheduler=var_scheduler).to(device)
    diffusion.load_state_dict(torch.load("diffusion.pt", map_location=device))
    diffusion.eval()
    desired_labels = torch.arange(10, device=device).repeat_interleave(5)
    return diffusion.generate_sample(50, desired_labels, device)
