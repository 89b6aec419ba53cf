"""A class-conditional variational autoencoder for FashionMNIST (Kingma & Welling 2014, arXiv:1312.6114)."""

from typing import Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class VAE(nn.Module):
    """Encoder q(z | x, y) = N(mu, diag(exp(logvar))), prior p(z) = N(0, I), decoder p(x | z, y) of Bernoulli pixels."""

    def __init__(self, hidden_dim: int = 64, latent_dim: int = 16, class_emb_dim: int = 16, num_classes: int = 10):
        """Builds the parts of the model. The arguments are yours to change.

        hidden_dim: width of the widest convolution
        latent_dim: Z, the number of latent variables
        class_emb_dim: width of the vector that stands for a class
        num_classes: how many classes there are
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Encodes, samples and decodes a batch.

        x: [B, 1, 28, 28] images in [0, 1];  y: [B] labels
        returns: reconstruction [B, 1, 28, 28], mu [B, Z], logvar [B, Z]
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """Draws z ~ N(mu, diag(sigma^2)) so that gradients reach mu and logvar.

        z = mu + sigma * eps,  sigma = exp(logvar / 2),  eps ~ N(0, I)        [B, Z], [B, Z] -> [B, Z]
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def kl_loss(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """KL divergence from N(mu, diag(sigma^2)) to N(0, I), a scalar.

        KL = 1/2 sum_i (sigma_i^2 + mu_i^2 - 1 - ln sigma_i^2)
        """
        # YOUR CODE HERE
        raise NotImplementedError

    def get_loss(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor]:
        """The two halves of the negative ELBO, each a scalar: (reconstruction loss, prior loss).

        x: [B, 1, 28, 28] images in [0, 1];  y: [B] labels
        """
        # YOUR CODE HERE
        raise NotImplementedError

    @torch.no_grad()
    def generate_sample(self, num_images: int, y: Tensor, device: torch.device) -> Tensor:
        """Draws z ~ N(0, I) and decodes it together with the classes asked for.

        num_images: how many;  y: [num_images] labels;  returns: [num_images, 1, 28, 28] in [0, 1]
        """
        # YOUR CODE HERE
        raise NotImplementedError


def load_vae_and_generate() -> Tensor:
    """Loads `vae.pt` and generates 50 images, five of each class in the order 0, 0, 0, 0, 0, 1, ..."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # YOUR CODE HERE
    raise NotImplementedError
    vae = vae.to(device)
    vae.load_state_dict(torch.load("vae.pt", map_location=device))
    vae.eval()
    desired_labels = torch.arange(10, device=device).repeat_interleave(5)
    return vae.generate_sample(50, desired_labels, device)
