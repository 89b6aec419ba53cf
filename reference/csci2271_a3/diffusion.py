"""Denoising diffusion with a cosine schedule (Ho et al. 2020, arXiv:2006.11239; Nichol & Dhariwal 2021, arXiv:2102.09672).

Time is counted from 0: index t here is step t + 1 of the handout.
"""

import math
from typing import Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def extract(a: Tensor, t: Tensor, x_shape: Tuple[int, ...]) -> Tensor:
    """The entries of the table `a` [T] at the steps t [B], as [B, 1, 1, 1] for images of shape x_shape."""
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(x_shape) - 1)))


def cosine_schedule(timesteps: int, s: float = 0.008) -> Tensor:
    """alpha_t = clip(alpha_bar_t / alpha_bar_{t-1}, 0.001, 1), where alpha_bar_t = f(t) / f(0) and
    f(t) = cos((t / T + s) / (1 + s) * pi / 2)^2 (equation 3).

    timesteps: T;  returns: alphas [T]
    """
    # BEGIN SOLUTION
    t = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64)
    f = torch.cos((t / timesteps + s) / (1 + s) * math.pi / 2) ** 2
    return (f[1:] / f[:-1]).clamp(0.001, 1).float()
    # END SOLUTION


class Diffusion(nn.Module):
    """The forward process, the training loss and the reverse process, around a network that estimates noise."""

    def __init__(self, model: nn.Module, *, image_size: int, channels: int = 3, timesteps: int = 1000):
        """model: estimates the noise in x_t, called as model(x_t, t);  timesteps: T."""
        super().__init__()
        self.model = model
        self.image_size = image_size
        self.channels = channels
        self.num_timesteps = timesteps
        # BEGIN SOLUTION
        alphas = cosine_schedule(timesteps)
        alpha_bars = alphas.cumprod(0)
        earlier = torch.cat([torch.ones(1), alpha_bars[:-1]])
        tables = {
            "sqrt_alpha_bar": alpha_bars.sqrt(),
            "sqrt_one_minus_alpha_bar": (1 - alpha_bars).sqrt(),
            "posterior_x0": earlier.sqrt() * (1 - alphas) / (1 - alpha_bars),
            "posterior_xt": alphas.sqrt() * (1 - earlier) / (1 - alpha_bars),
            "posterior_deviation": ((1 - earlier) / (1 - alpha_bars) * (1 - alphas)).sqrt(),
        }
        for name, table in tables.items():
            self.register_buffer(name, table)
        # END SOLUTION

    def noise_like(self, shape: Tuple[int, ...], device: torch.device) -> Tensor:
        """Standard normal noise."""
        return torch.randn(shape, device=device)

    @torch.no_grad()
    def p_sample(self, x: Tensor, t: Tensor, t_index: int) -> Tensor:
        """One step back, x_{t-1} from x_t (algorithm 2, lines 3 to 9): x_0 is estimated and brought to [-1, 1], then x_{t-1}
        is drawn from the posterior around it. The last step, t_index = 0, adds no noise.

        x: [B, C, S, S];  t: [B], each t_index;  returns: x_{t-1} like x
        """
        # BEGIN SOLUTION
        noise = extract(self.sqrt_one_minus_alpha_bar, t, x.shape) * self.model(x, t)
        x_0 = ((x - noise) / extract(self.sqrt_alpha_bar, t, x.shape)).clamp(-1, 1)
        mean = extract(self.posterior_x0, t, x.shape) * x_0 + extract(self.posterior_xt, t, x.shape) * x  # eq. 7
        if t_index == 0:
            return mean
        return mean + extract(self.posterior_deviation, t, x.shape) * self.noise_like(x.shape, x.device)
        # END SOLUTION

    @torch.no_grad()
    def p_sample_loop(self, img: Tensor) -> Tensor:
        """All steps back, from t = T - 1 to 0.

        img: x_T [B, C, S, S];  returns: images like img, in [0, 1]
        """
        # BEGIN SOLUTION
        for index in reversed(range(self.num_timesteps)):
            t = torch.full((img.shape[0],), index, device=img.device, dtype=torch.long)
            img = self.p_sample(img, t, index)
        return (img.clamp(-1, 1) + 1) / 2
        # END SOLUTION

    @torch.no_grad()
    def sample(self, batch_size: int) -> Tensor:
        """Generates images with the model in evaluation mode: [batch_size, C, S, S] in [0, 1]."""
        # BEGIN SOLUTION
        self.model.eval()
        shape = (batch_size, self.channels, self.image_size, self.image_size)
        return self.p_sample_loop(self.noise_like(shape, next(self.parameters()).device))
        # END SOLUTION

    def q_sample(self, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x_t ~ q(x_t | x_0), with the noise that is given.

        x_0, noise: [B, C, S, S];  t: [B], each in 0 ... T - 1;  returns: x_t like x_0
        """
        # BEGIN SOLUTION
        signal = extract(self.sqrt_alpha_bar, t, x_0.shape)
        return signal * x_0 + extract(self.sqrt_one_minus_alpha_bar, t, x_0.shape) * noise  # eq. 6
        # END SOLUTION

    def p_losses(self, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """The L1 distance between the noise and what the model takes for it in x_t, averaged over everything.

        x_0, noise: [B, C, S, S];  t: [B];  returns: a scalar
        """
        # BEGIN SOLUTION
        return F.l1_loss(self.model(self.q_sample(x_0, t, noise), t), noise)
        # END SOLUTION

    def forward(self, x_0: Tensor, noise: Tensor) -> Tensor:
        """The loss of a batch, each image at a random step of its own.

        x_0, noise: [B, C, S, S], x_0 in [-1, 1];  returns: a scalar
        """
        # BEGIN SOLUTION
        t = torch.randint(0, self.num_timesteps, (x_0.shape[0],), device=x_0.device)
        return self.p_losses(x_0, t, noise)
        # END SOLUTION
