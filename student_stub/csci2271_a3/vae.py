"""A variational autoencoder and its conditional form, from fully connected layers (Kingma & Welling 2014, arXiv:1312.6114)."""

from typing import Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VAE(nn.Module):
    """Encodes images as Gaussians over z, and decodes z as images."""

    def __init__(self, input_size: int, latent_size: int = 15):
        """input_size: D, the pixels of an image;  latent_size: Z."""
        super().__init__()
        self.input_size = input_size
        self.latent_size = latent_size
        self.hidden_dim = 256  # H: yours to choose
        self.encoder = None  # flattened images -> [N, H]: three linear layers, each followed by a ReLU
        self.mu_layer = None  # [N, H] -> mu [N, Z]
        self.logvar_layer = None  # [N, H] -> log(sigma^2) [N, Z]
        self.decoder = None  # [N, Z] -> images in [0, 1]: three linear layers with ReLU, one with a sigmoid, then the image's shape
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Encodes, draws z by `reparametrize`, decodes.

        x: [N, 1, H, W] in [0, 1];  returns: x_hat like x, mu [N, Z], logvar [N, Z]
        """
        # YOUR CODE HERE
        raise NotImplementedError


class CVAE(nn.Module):
    """The same, given the class: encoder and decoder see it as a one-hot vector (Sohn et al. 2015)."""

    def __init__(self, input_size: int, num_classes: int = 10, latent_size: int = 15):
        """input_size: D, the pixels of an image;  num_classes: C;  latent_size: Z."""
        super().__init__()
        self.input_size = input_size
        self.latent_size = latent_size
        self.num_classes = num_classes
        self.hidden_dim = 256  # H: yours to choose
        self.encoder = None  # [N, D + C] -> [N, H]
        self.mu_layer = None  # [N, H] -> mu [N, Z]
        self.logvar_layer = None  # [N, H] -> log(sigma^2) [N, Z]
        self.decoder = None  # [N, Z + C], z first -> images in [0, 1]
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, c: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Encodes x with c, draws z by `reparametrize`, decodes z with c: z comes first, then c.

        x: [N, 1, H, W] in [0, 1];  c: [N, C], one-hot;  returns: x_hat like x, mu [N, Z], logvar [N, Z]
        """
        # YOUR CODE HERE
        raise NotImplementedError


# YOUR CODE HERE, if you need more


def reparametrize(mu: Tensor, logvar: Tensor) -> Tensor:
    """Draws z = mu + sigma * eps with eps ~ N(0, I) and sigma = exp(logvar / 2).

    mu, logvar: [N, Z];  returns: z [N, Z]
    """
    # YOUR CODE HERE
    raise NotImplementedError


def loss_function(x_hat: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The negative evidence lower bound per image: binary cross-entropy summed over pixels, plus the divergence
    -1/2 sum(1 + ln sigma^2 - mu^2 - sigma^2), both summed over the batch and divided by N.

    x_hat, x: [N, 1, H, W] in [0, 1];  mu, logvar: [N, Z];  returns: a scalar
    """
    # YOUR CODE HERE
    raise NotImplementedError
