# %% [markdown]
# # Deliverables 3, 4 and 5: variational autoencoders of fully connected layers
#
# Kingma & Welling 2014 (arXiv:1312.6114); conditional: Sohn, Lee & Yan 2015. At most 1.5 million parameters, and a training loss
# below 120 within 10 epochs.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from visualize_util import one_hot, plot_losses, show_images

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% [markdown]
# ## The model
#
# - `encoder`: flat images $(N, H \cdot W)$, with the condition $(N, C)$ behind them where there is one, to hidden features $(N, H_d)$
# - `mean_layer`, `logvar_layer`: hidden features to $\mu$ and $\ln \sigma^2$, $(N, Z)$ each
# - `decoder`: latent vectors $(N, Z)$, with the condition behind them where there is one, to images $(N, 1, H, W)$ in $[0, 1]$


# %%
class myVAE(nn.Module):
    """A variational autoencoder, conditional where conditional_vec_dim is not 0."""

    def __init__(self, input_dim: int, hidden_dim: int, latent_dim: int, conditional_vec_dim: int = 0) -> None:
        super().__init__()
        self.encoder: nn.Sequential = None  # [N, input_dim + C] -> [N, hidden_dim]
        self.mean_layer: nn.Linear = None  # [N, hidden_dim] -> mu [N, latent_dim]
        self.logvar_layer: nn.Linear = None  # [N, hidden_dim] -> ln(sigma^2) [N, latent_dim]
        self.decoder: nn.Sequential = None  # [N, latent_dim + C] -> images [N, 1, H, W]
        # BEGIN SOLUTION
        side = int(input_dim**0.5)
        self.encoder = nn.Sequential(
            nn.Linear(input_dim + conditional_vec_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
        )
        self.mean_layer = nn.Linear(hidden_dim, latent_dim)
        self.logvar_layer = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + conditional_vec_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, input_dim),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, side, side)),
        )
        # END SOLUTION

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Images [N, 1, H, W], and conditions [N, C] or None -> x_hat [N, 1, H, W], mu [N, Z], logvar [N, Z]."""
        # BEGIN SOLUTION
        condition = [] if c is None else [c]
        hidden = self.encoder(torch.cat([x.flatten(1), *condition], dim=1))
        mu, logvar = self.mean_layer(hidden), self.logvar_layer(hidden)
        z = self.reparametrize(mu, logvar)
        return self.decoder(torch.cat([z, *condition], dim=1)), mu, logvar
        # END SOLUTION

    @staticmethod
    def reparametrize(mu: Tensor, logvar: Tensor) -> Tensor:
        """z = mu + sigma * epsilon, where epsilon ~ N(0, 1); all [N, Z]."""
        # BEGIN SOLUTION
        return mu + torch.exp(logvar / 2) * torch.randn_like(mu)
        # END SOLUTION

    @staticmethod
    def loss_function(x_hat: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """-E[log p(x | z)] + KL(q(z | x) || p(z)): both summed over a sample, and averaged over the batch.

        KL = -1/2 sum_j (1 + ln sigma_j^2 - mu_j^2 - sigma_j^2)
        """
        # BEGIN SOLUTION
        reconstruction = F.binary_cross_entropy(x_hat, x, reduction="sum")
        divergence = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        return (reconstruction + divergence) / len(x)
        # END SOLUTION


# %% [markdown]
# ## Training
#
# One function for all of them: `condition` makes the second input of the model out of images and labels.

# %%
input_dim = 28 * 28
# BEGIN SOLUTION
hidden_dim = 400
latent_dim = 15
batch_size = 128
n_epochs = 10
learning_rate = 1e-3
# END SOLUTION

# %%
# BEGIN SOLUTION
digits = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
dataloader = DataLoader(digits, batch_size=batch_size, shuffle=True, drop_last=True)


def train(model, epochs, condition=lambda x, y: None):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for epoch in range(epochs):
        total = 0.0
        for x, y in dataloader:
            x, y = x.to(device), y.to(device)
            x_hat, mu, logvar = model(x, condition(x, y))
            loss = myVAE.loss_function(x_hat, x, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(dataloader))
        print(f"Epoch {epoch + 1}/{epochs}, loss: {losses[-1]:.3f}")
    return losses
# END SOLUTION


# %% [markdown]
# ## Deliverable 3: results

# %%
model = myVAE(input_dim, hidden_dim, latent_dim).to(device)
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} trainable parameters")
losses = train(model, n_epochs)
plot_losses(losses, ylabel="loss per image (nats)")

# %%
x = next(iter(dataloader))[0][:1].to(device)
_, mu, logvar = model(x)
again = [model.decoder(myVAE.reparametrize(mu, logvar)) for _ in range(10)]
wider = [model.decoder(myVAE.reparametrize(mu, logvar + 3)) for _ in range(10)]
show_images([torch.cat(again), torch.cat(wider)], ["sampled", "20 times the variance"])

# %% [markdown]
# ## Deliverable 4: conditioned on the label
#
# The same class, with one-hot labels as its condition.

# %%
# BEGIN SOLUTION
conditional_vec_dim = 10
# END SOLUTION
cvae = myVAE(input_dim, hidden_dim, latent_dim, conditional_vec_dim).to(device)
losses = train(cvae, n_epochs, lambda x, y: one_hot(y, conditional_vec_dim))
plot_losses(losses, ylabel="loss per image (nats)")

# %%
z = torch.randn(10, latent_dim, device=device)
c = torch.eye(10, conditional_vec_dim, device=device)
show_images([cvae.decoder(torch.cat((z, c), dim=-1))], ["0 to 9"])

# %% [markdown]
# ## Deliverable 5: conditioned on a quarter of the image
#
# The condition is the lower left quarter of the image, flat. The baseline predicts the whole image from it, with a network of
# the decoder's capacity: it has a single answer, where the conditional VAE has many.


# %%
def quarter(x: Tensor) -> Tensor:
    """The lower left quarter of images [N, 1, 28, 28], flat: [N, 196]."""
    # BEGIN SOLUTION
    return x[:, :, 14:, :14].flatten(1)
    # END SOLUTION


# %%
class BaselineNN(nn.Module):
    """Flat quarters [N, 196] -> whole images in [0, 1], [N, 1, 28, 28]."""

    def __init__(self, input_dim: int, hidden_dim: int = 400, output_dim: int = 28 * 28) -> None:
        super().__init__()
        # BEGIN SOLUTION
        side = int(output_dim**0.5)
        self.layers = nn.Sequential(
            nn.Linear(input_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, output_dim),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, side, side)),
        )
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Quarters [N, 196] or [N, 1, 14, 14] -> images [N, 1, 28, 28]."""
        # BEGIN SOLUTION
        return self.layers(x.flatten(1))
        # END SOLUTION


# %%
quarter_dim = input_dim // 4
structured = myVAE(input_dim, hidden_dim, latent_dim, quarter_dim).to(device)
losses = train(structured, n_epochs, lambda x, y: quarter(x))

# %%
# BEGIN SOLUTION
baseline = BaselineNN(quarter_dim, hidden_dim).to(device)
optimizer = torch.optim.Adam(baseline.parameters(), lr=learning_rate)
for epoch in range(n_epochs):
    for x, _ in dataloader:
        x = x.to(device)
        loss = F.binary_cross_entropy(baseline(quarter(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"Epoch {epoch + 1}/{n_epochs}, baseline's last loss: {loss.item():.4f}")
# END SOLUTION

# %%
x = next(iter(dataloader))[0][:10].to(device)
# BEGIN SOLUTION
seen = torch.zeros_like(x)
seen[:, :, 14:, :14] = quarter(x).view(-1, 1, 14, 14)
rows = [x, seen, baseline(quarter(x))]
for _ in range(4):
    z = torch.randn(10, latent_dim, device=device)
    rows.append(structured.decoder(torch.cat((z, quarter(x)), dim=-1)))
show_images(rows, ["whole", "what is seen", "baseline", *["conditional VAE"] * 4])
# END SOLUTION
