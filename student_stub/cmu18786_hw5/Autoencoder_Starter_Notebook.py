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
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Images [N, 1, H, W] -> the same, drawn again from their latent vectors."""
        # YOUR CODE HERE
        raise NotImplementedError


# %% [markdown]
# ## Training
#
# Choose the sizes, turn the images into tensors, and train with Adam on the mean squared error.

# %%
input_dim = 28 * 28
latent_dim = 2
# YOUR CODE HERE, if you need more

# %%
# YOUR CODE HERE, if you need more

# %%
losses = []
# YOUR CODE HERE, if you need more

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
