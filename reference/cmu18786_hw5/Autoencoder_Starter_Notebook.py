# %% [markdown]
# # Deliverable 1: an autoencoder of fully connected layers
#
# It squeezes handwritten digits through two numbers and draws them again. At most 1.5 million trainable parameters, and a mean
# squared error below 0.04 within 15 epochs.

# %%
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from visualize_util import plot_latent_space, plot_latent_space_images, plot_losses, show_images

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% [markdown]
# ## The model
#
# The encoder takes images $(N, 1, H, W)$ to latent vectors $(N, Z)$: linear layers with `nn.LeakyReLU` between them, and no
# activation after the last. The decoder goes back, with `nn.Sigmoid` after its last layer. Both are `nn.Sequential`.


# %%
class Autoencoder(nn.Module):
    """Images [N, 1, 28, 28] -> z [N, latent_dim] -> images in [0, 1], [N, 1, 28, 28]."""

    def __init__(self, latent_dim: int, hidden_dim: int, input_dim: int) -> None:
        super().__init__()
        self.encoder: nn.Sequential = None  # images [N, 1, H, W] -> [N, latent_dim]
        self.decoder: nn.Sequential = None  # [N, latent_dim] -> images [N, 1, H, W]
        # BEGIN SOLUTION
        side = int(input_dim**0.5)
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(input_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(),
            nn.Linear(hidden_dim, input_dim),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, side, side)),
        )
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Images [N, 1, H, W] -> the same, drawn again from their latent vectors."""
        # BEGIN SOLUTION
        return self.decoder(self.encoder(x))
        # END SOLUTION


# %% [markdown]
# ## Training
#
# Choose the sizes, turn the images into tensors, and train with Adam on the mean squared error.

# %%
input_dim = 28 * 28
latent_dim = 2
# BEGIN SOLUTION
hidden_dim = 400
batch_size = 128
n_epochs = 15
learning_rate = 1e-3
# END SOLUTION

# %%
# BEGIN SOLUTION
digits = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
dataloader = DataLoader(digits, batch_size=batch_size, shuffle=True, drop_last=True)
model = Autoencoder(latent_dim, hidden_dim, input_dim).to(device)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} trainable parameters")
# END SOLUTION

# %%
losses = []
# BEGIN SOLUTION
for epoch in range(n_epochs):
    total = 0.0
    for x, _ in dataloader:
        x = x.to(device)
        loss = criterion(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    losses.append(total / len(dataloader))
    print(f"Epoch {epoch + 1}/{n_epochs}, loss: {losses[-1]:.5f}")
# END SOLUTION

# %% [markdown]
# ## Results

# %%
plot_losses(losses, ylabel="mean squared error")

# %%
images = next(iter(dataloader))[0][:10].to(device)
show_images([images, model(images)], ["given", "drawn again"])

# %%
plot_latent_space(model.encoder, dataloader, device)

# %%
plot_latent_space_images(model.decoder, device)
