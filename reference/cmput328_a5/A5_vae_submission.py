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
        # BEGIN SOLUTION
        self.latent_dim = latent_dim
        features = hidden_dim * 7 * 7
        self.class_embedding = nn.Embedding(num_classes, class_emb_dim)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, hidden_dim // 2, 4, stride=2, padding=1), nn.SiLU(),  # 28 -> 14
            nn.Conv2d(hidden_dim // 2, hidden_dim, 4, stride=2, padding=1), nn.SiLU(),  # 14 -> 7
            nn.Flatten(),
        )
        self.mu_net = nn.Linear(features + class_emb_dim, latent_dim)
        self.logvar_net = nn.Linear(features + class_emb_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + class_emb_dim, 256), nn.SiLU(),
            nn.Linear(256, features), nn.SiLU(),
            nn.Unflatten(1, (hidden_dim, 7, 7)),
            nn.ConvTranspose2d(hidden_dim, hidden_dim // 2, 4, stride=2, padding=1), nn.SiLU(),  # 7 -> 14
            nn.ConvTranspose2d(hidden_dim // 2, hidden_dim // 4, 4, stride=2, padding=1), nn.SiLU(),  # 14 -> 28
            nn.Conv2d(hidden_dim // 4, 1, 3, padding=1), nn.Sigmoid(),
        )
        # END SOLUTION

    def forward(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Encodes, samples and decodes a batch.

        x: [B, 1, 28, 28] images in [0, 1];  y: [B] labels
        returns: reconstruction [B, 1, 28, 28], mu [B, Z], logvar [B, Z]
        """
        # BEGIN SOLUTION
        embedded = self.class_embedding(y)
        features = torch.cat([self.encoder(x), embedded], dim=1)
        mu, logvar = self.mu_net(features), self.logvar_net(features)
        z = self.reparameterize(mu, logvar)
        return self.decoder(torch.cat([z, embedded], dim=1)), mu, logvar
        # END SOLUTION

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """Draws z ~ N(mu, diag(sigma^2)) so that gradients reach mu and logvar.

        z = mu + sigma * eps,  sigma = exp(logvar / 2),  eps ~ N(0, I)        [B, Z], [B, Z] -> [B, Z]
        """
        # BEGIN SOLUTION
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)  # arXiv:1312.6114, sec. 2.4
        # END SOLUTION

    def kl_loss(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """KL divergence from N(mu, diag(sigma^2)) to N(0, I), a scalar.

        KL = 1/2 sum_i (sigma_i^2 + mu_i^2 - 1 - ln sigma_i^2)
        """
        # BEGIN SOLUTION
        per_image = 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum(dim=1)  # arXiv:1312.6114, app. B
        return per_image.mean()
        # END SOLUTION

    def get_loss(self, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor]:
        """The two halves of the negative ELBO, each a scalar: (reconstruction loss, prior loss).

        x: [B, 1, 28, 28] images in [0, 1];  y: [B] labels
        """
        # BEGIN SOLUTION
        recon, mu, logvar = self(x, y)
        recons_loss = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
        return recons_loss, self.kl_loss(mu, logvar)
        # END SOLUTION

    @torch.no_grad()
    def generate_sample(self, num_images: int, y: Tensor, device: torch.device) -> Tensor:
        """Draws z ~ N(0, I) and decodes it together with the classes asked for.

        num_images: how many;  y: [num_images] labels;  returns: [num_images, 1, 28, 28] in [0, 1]
        """
        # BEGIN SOLUTION
        z = torch.randn(num_images, self.latent_dim, device=device)
        return self.decoder(torch.cat([z, self.class_embedding(y)], dim=1))
        # END SOLUTION


def load_vae_and_generate() -> Tensor:
    """Loads `vae.pt` and generates 50 images, five of each class in the order 0, 0, 0, 0, 0, 1, ..."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # BEGIN SOLUTION
    vae = VAE()
    # END SOLUTION
    vae = vae.to(device)
    vae.load_state_dict(torch.load("vae.pt", map_location=device))
    vae.eval()
    desired_labels = torch.arange(10, device=device).repeat_interleave(5)
    return vae.generate_sample(50, desired_labels, device)
