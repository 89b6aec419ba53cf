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
        # YOUR CODE HERE
        raise NotImplementedError

    def add_noise(self, x: Tensor, timestep: Tensor) -> Tuple[Tensor, Tensor]:
        """Jumps from x_0 to x_t: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps,  eps ~ N(0, I).

        x: [B, 1, 28, 28];  timestep: [B], each in 0 ... num_steps - 1
        returns: noisy x and the noise eps, both [B, 1, 28, 28]
        """
        # YOUR CODE HERE
        raise NotImplementedError


# YOUR CODE HERE, if you need more
class NoiseEstimatingNet(nn.Module):
    """A small U-Net (arXiv:1505.04597) that tells the noise in x_t, given t and the class."""

    def __init__(self, time_emb_dim: int = 64, class_emb_dim: int = 64, num_classes: int = 10):
        """Builds the network. The arguments are yours to change.

        time_emb_dim: width of the embedding of t;  class_emb_dim: width of the embedding of y
        num_classes: how many classes there are
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, timestep: Tensor, y: Tensor) -> Tensor:
        """Estimates the noise: x [B, 1, 28, 28], timestep [B], y [B] -> [B, 1, 28, 28]."""
        # YOUR CODE HERE
        raise NotImplementedError


class DiffusionModel(nn.Module):
    """The training loss and the sampler around a noise-estimating network."""

    def __init__(self, network: nn.Module, var_scheduler: VarianceScheduler):
        """network: estimates noise, called as network(x, timestep, y);  var_scheduler: the forward process."""
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The simplified loss, a scalar: E || eps - eps_theta(x_t, t, y) ||^2 with t uniform and one t per image.

        x: [B, 1, 28, 28] images in [-1, 1];  y: [B] labels
        """
        # YOUR CODE HERE
        raise NotImplementedError

    @torch.no_grad()
    def generate_sample(self, num_images: int, y: Tensor, device: torch.device) -> Tensor:
        """Walks from x_T ~ N(0, I) back to x_0.

        x_{t-1} = 1/sqrt(alpha_t) (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t, y)) + sigma_t z
        num_images: how many;  y: [num_images] labels;  returns: [num_images, 1, 28, 28]
        """
        # YOUR CODE HERE
        raise NotImplementedError


def load_diffusion_and_generate() -> Tensor:
    """Loads `diffusion.pt` and generates 50 images, five of each class in the order 0, 0, 0, 0, 0, 1, ..."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # YOUR CODE HERE
    raise NotImplementedError
    diffusion = DiffusionModel(network=network, var_scheduler=var_scheduler).to(device)
    diffusion.load_state_dict(torch.load("diffusion.pt", map_location=device))
    diffusion.eval()
    desired_labels = torch.arange(10, device=device).repeat_interleave(5)
    return diffusion.generate_sample(50, desired_labels, device)
