"""Denoising diffusion on images (Ho et al. 2020, arXiv:2006.11239).

Time is counted from 0: index t here is step t + 1 of the paper.
"""

from typing import Optional, Tuple

import torch
from torch import Tensor, nn


class DenoiseDiffusion:
    """The forward process, one step of the reverse process, and the training loss, around a noise-estimating network."""

    def __init__(self, eps_model: nn.Module, n_steps: int, device: torch.device):
        """eps_model: estimates the noise in x_t, called as eps_model(x_t, t);  n_steps: T."""
        super().__init__()
        self.eps_model = eps_model
        self.beta = torch.linspace(0.0001, 0.02, n_steps).to(device)
        self.alpha = 1.0 - self.beta
        self.alpha_bar = torch.cumprod(self.alpha, dim=0)
        self.n_steps = n_steps
        self.sigma2 = self.beta

    def gather(self, c: Tensor, t: Tensor) -> Tensor:
        """The entries of the table `c` [T] at the steps t [B], as [B, 1, 1, 1]."""
        return c.gather(-1, t).reshape(-1, 1, 1, 1)

    def q_xt_x0(self, x0: Tensor, t: Tensor) -> Tuple[Tensor, Tensor]:
        """Mean and variance of q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I).

        x0: [B, C, H, W];  t: [B], each in 0 ... T - 1
        returns: mean like x0, variance [B, 1, 1, 1]
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def q_sample(self, x0: Tensor, t: Tensor, eps: Optional[Tensor] = None) -> Tensor:
        """Draws x_t ~ q(x_t | x_0), with the noise `eps` where it is given.

        x0, eps: [B, C, H, W];  t: [B];  returns: x_t like x0
        """
        if eps is None:
            eps = torch.randn_like(x0)
        # YOUR CODE HERE
        raise NotImplementedError

    def p_xt_prev_xt(self, xt: Tensor, t: Tensor) -> Tuple[Tensor, Tensor]:
        """Mean and variance of p_theta(x_{t-1} | x_t) = N(mu_theta(x_t, t), sigma_t^2 I) with sigma_t^2 = beta_t.

        mu_theta = 1 / sqrt(alpha_t) (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta(x_t, t))
        xt: [B, C, H, W];  t: [B];  returns: mean like xt, variance [B, 1, 1, 1]
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def p_sample(self, xt: Tensor, t: Tensor, set_seed: bool = False) -> Tensor:
        """Draws x_{t-1} ~ p_theta(x_{t-1} | x_t).

        xt: [B, C, H, W];  t: [B];  returns: x_{t-1} like xt
        """
        if set_seed:
            torch.manual_seed(42)
        # YOUR CODE HERE
        raise NotImplementedError

    def loss(self, x0: Tensor, noise: Optional[Tensor] = None, set_seed: bool = False) -> Tensor:
        """The simplified loss with one random t per image: || eps - eps_theta(x_t, t) ||^2, summed over an image and
        averaged over the batch.

        x0, noise: [B, C, H, W];  returns: a scalar
        """
        if set_seed:
            torch.manual_seed(42)
        batch_size = x0.shape[0]
        dim = list(range(1, x0.ndim))
        t = torch.randint(0, self.n_steps, (batch_size,), device=x0.device, dtype=torch.long)
        if noise is None:
            noise = torch.randn_like(x0)
        # YOUR CODE HERE
        raise NotImplementedError
