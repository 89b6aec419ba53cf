"""Trains the variational autoencoder of question 1 on MNIST: python q1_train_vae.py --epochs 20

Afterwards `model.pt` holds the weights (a state dict) of the last epoch.
"""

import argparse

import torch
from q1_vae import kl_gaussian_gaussian_analytic, log_likelihood_bernoulli
from torch import Tensor, nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    """Two layers each way: 784 - 400 - 20 - 400 - 784, Bernoulli pixels, prior N(0, I)."""

    def __init__(self):
        """Builds the layers."""
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu and logvar, each [B, 20], of images [B, 784]."""
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """z ~ N(mu, diag(exp(logvar)))."""
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z: Tensor) -> Tensor:
        """Means of the pixels, [B, 784], of latent variables [B, 20]."""
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Means of the pixels [B, 784], mu [B, 20] and logvar [B, 20] of images [B, 1, 28, 28]."""
        mu, logvar = self.encode(x.view(-1, 784))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The negative ELBO, summed over the batch: - log p(x | z) + D(q(z | x) || N(0, I)).

    recon_x: [B, 784] means of the pixels;  x: [B, 1, 28, 28];  mu, logvar: [B, 20];  returns: a scalar
    """
    # YOUR CODE HERE
    raise NotImplementedError


def train_one_epoch(model: VAE, loader, optimizer: optim.Optimizer, device: torch.device) -> float:
    """The mean loss per image over one epoch."""
    model.train()
    total = 0.0
    for x, _ in loader:
        x = x.to(device)
        optimizer.zero_grad()
        loss = loss_function(*_in_order(model, x))
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader.dataset)


@torch.no_grad()
def validate(model: VAE, loader, device: torch.device) -> float:
    """The mean loss per image, without learning."""
    model.eval()
    return sum(loss_function(*_in_order(model, x.to(device))).item() for x, _ in loader) / len(loader.dataset)


def _in_order(model: VAE, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What loss_function takes, for images x."""
    recon_x, mu, logvar = model(x)
    return recon_x, x, mu, logvar


def main() -> None:
    """Trains, validates after every epoch, and saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--data", default="data", help="where MNIST is, or is to be downloaded to")
    options = parser.parse_args()

    from torchvision import datasets, transforms

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader, test_loader = (
        torch.utils.data.DataLoader(
            datasets.MNIST(options.data, train=train, download=True, transform=transforms.ToTensor()),
            batch_size=options.batch_size,
            shuffle=train,
        )
        for train in (True, False)
    )
    model = VAE().to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, options.epochs + 1):
        training = train_one_epoch(model, train_loader, optimizer, device)
        print(f"epoch {epoch}: training {training:.2f}, validation {validate(model, test_loader, device):.2f}")
    torch.save(model.state_dict(), "model.pt")


if __name__ == "__main__":
    main()
