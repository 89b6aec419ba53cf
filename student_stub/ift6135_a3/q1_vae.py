"""Likelihoods, divergences and a stable mean of exponentials: what a variational autoencoder is made of.

The first dimension is always the batch; whatever follows it is one sample, and is flattened. Every function returns one
number per sample, [B].
"""

import math

import torch
from torch import Tensor

torch.manual_seed(42)


def log_likelihood_bernoulli(mu: Tensor, target: Tensor) -> Tensor:
    """Log-likelihood of `target` under independent Bernoulli variables with means `mu`.

    log p(x) = sum_d  x_d log mu_d + (1 - x_d) log(1 - mu_d)
    mu, target: [B, ...], mu in (0, 1);  returns: [B]
    """
    batch_size = mu.size(0)
    mu, target = mu.view(batch_size, -1), target.view(batch_size, -1)
    # YOUR CODE HERE
    raise NotImplementedError


def log_likelihood_normal(mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    """Log-likelihood of `z` under N(mu, diag(exp(logvar))).

    log p(z) = sum_d  -1/2 log(2 pi) - 1/2 log sigma_d^2 - (z_d - mu_d)^2 / (2 sigma_d^2)
    mu, logvar, z: [B, ...];  returns: [B]
    """
    batch_size = mu.size(0)
    mu, logvar, z = mu.view(batch_size, -1), logvar.view(batch_size, -1), z.view(batch_size, -1)
    # YOUR CODE HERE
    raise NotImplementedError


def log_mean_exp(y: Tensor) -> Tensor:
    """Logarithm of the mean of exponentials of every row, without overflow.

    log 1/K sum_k exp(y_k - a) + a,  a = max_k y_k
    y: [B, K];  returns: [B]
    """
    # YOUR CODE HERE
    raise NotImplementedError


def kl_gaussian_gaussian_analytic(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    """KL divergence D(q || p) between N(mu_q, diag(exp(logvar_q))) and N(mu_p, diag(exp(logvar_p))), in closed form.

    mu_q, logvar_q, mu_p, logvar_p: [B, ...];  returns: [B]
    """
    batch_size = mu_q.size(0)
    mu_q, logvar_q = mu_q.view(batch_size, -1), logvar_q.view(batch_size, -1)
    mu_p, logvar_p = mu_p.view(batch_size, -1), logvar_p.view(batch_size, -1)
    # YOUR CODE HERE
    raise NotImplementedError


def kl_gaussian_gaussian_mc(
    mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, num_samples: int = 1
) -> Tensor:
    """Monte Carlo estimate of D(q || p): the mean of log q(z) - log p(z) over `num_samples` draws z ~ q.

    mu_q, logvar_q, mu_p, logvar_p: [B, ...];  returns: [B]
    """
    batch_size = mu_q.size(0)
    size = (batch_size, num_samples, mu_q.flatten(1).size(1))
    mu_q, logvar_q = (value.reshape(batch_size, 1, -1).expand(size) for value in (mu_q, logvar_q))
    mu_p, logvar_p = (value.reshape(batch_size, 1, -1).expand(size) for value in (mu_p, logvar_p))
    # YOUR CODE HERE
    raise NotImplementedError
