"""Classifier-free guidance in continuous time (Ho & Salimans 2022, arXiv:2207.12598).

lambda is the log signal-to-noise ratio; lambda_t_prim, the next point of the reverse process, is larger: less noise.
"""

from typing import Optional

import torch
from torch import Tensor, nn


class CFGDiffusion:
    """The variance-preserving forward process, the reverse step and the training loss."""

    def __init__(self, eps_model: nn.Module, n_steps: int, device: torch.device):
        """eps_model: estimates the noise in z_lambda, called as eps_model(z, labels), labels None: unconditional."""
        super().__init__()
        self.eps_model = eps_model
        self.n_steps = n_steps
        self.lambda_min = -20
        self.lambda_max = 20

    def get_exp_ratio(self, l: Tensor, l_prim: Tensor) -> Tensor:
        """exp(lambda - lambda')."""
        return torch.exp(l - l_prim)

    def get_lambda(self, t: Tensor) -> Tensor:
        """The log signal-to-noise ratio at step t: lambda = -2 log tan(a u + b), u = t / n_steps.

        b = arctan(exp(-lambda_max / 2)),  a = arctan(exp(-lambda_min / 2)) - b
        t: [B], each in 0 ... n_steps - 1;  returns: [B, 1, 1, 1]
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def alpha_lambda(self, lambda_t: Tensor) -> Tensor:
        """alpha of q(z_lambda | x): alpha^2 = 1 / (1 + exp(-lambda)). Any shape."""
        # YOUR CODE HERE
        raise NotImplementedError

    def sigma_lambda(self, lambda_t: Tensor) -> Tensor:
        """sigma of q(z_lambda | x): sigma^2 = 1 - alpha^2. Any shape."""
        # YOUR CODE HERE
        raise NotImplementedError

    def q_sample(self, x: Tensor, lambda_t: Tensor, noise: Tensor) -> Tensor:
        """z_lambda = alpha x + sigma noise.

        x, noise: [B, C, H, W];  lambda_t: [B, 1, 1, 1];  returns: like x
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def sigma_q(self, lambda_t: Tensor, lambda_t_prim: Tensor) -> Tensor:
        """Standard deviation of q(z_lambda | z_lambda'): sigma^2 = (1 - exp(lambda - lambda')) sigma_lambda^2."""
        # YOUR CODE HERE
        raise NotImplementedError
        return var_q.sqrt()

    def sigma_q_x(self, lambda_t: Tensor, lambda_t_prim: Tensor) -> Tensor:
        """Standard deviation of q(z_lambda' | z_lambda, x): sigma^2 = (1 - exp(lambda - lambda')) sigma_lambda'^2."""
        # YOUR CODE HERE
        raise NotImplementedError
        return var_q_x.sqrt()

    def mu_p_theta(self, z_lambda_t: Tensor, x: Tensor, lambda_t: Tensor, lambda_t_prim: Tensor) -> Tensor:
        """Mean of p(z_lambda' | z_lambda), given the prediction x of the image.

        mu = exp(lambda - lambda') alpha_lambda' / alpha_lambda z + (1 - exp(lambda - lambda')) alpha_lambda' x
        z_lambda_t, x: [B, C, H, W];  lambda_t, lambda_t_prim: [B, 1, 1, 1];  returns: like x
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def var_p_theta(self, lambda_t: Tensor, lambda_t_prim: Tensor, v: float = 0.3) -> Tensor:
        """Variance of p(z_lambda' | z_lambda): the geometric mix of the two variances, [B, 1, 1, 1].

        (sigma_{lambda'|lambda}^2)^(1 - v) (sigma_{lambda|lambda'}^2)^v
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def p_sample(
        self, z_lambda_t: Tensor, lambda_t: Tensor, lambda_t_prim: Tensor, x_t: Tensor, set_seed: bool = False
    ) -> Tensor:
        """Draws z_lambda' ~ N(mu_theta, var_theta), given the prediction x_t of the image.

        z_lambda_t, x_t: [B, C, H, W];  lambda_t, lambda_t_prim: [B, 1, 1, 1];  returns: like x_t
        """
        if set_seed:
            torch.manual_seed(42)
        # YOUR CODE HERE
        raise NotImplementedError

    def loss(
        self, x0: Tensor, labels: Optional[Tensor], noise: Optional[Tensor] = None, set_seed: bool = False
    ) -> Tensor:
        """|| eps_theta(z_lambda, labels) - noise ||^2 with one random t per image, summed over an image and averaged over
        the batch. `labels` is None where the batch is trained without them.

        x0, noise: [B, C, H, W];  labels: [B] or None;  returns: a scalar
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
