# %% [markdown]
# # Deliverable 2: a convolutional autoencoder that takes noise away
#
# At most 15,000 trainable parameters, and a mean squared error to the clean image below 0.025 within 20 epochs.

# %%
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from visualize_util import plot_losses, show_images

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% [markdown]
# ## The model
#
# The encoder has three convolutions with batch normalisation and `nn.LeakyReLU`, each followed by max pooling; the decoder has
# three transposed convolutions with batch normalisation and `nn.LeakyReLU`, and ends with a sigmoid. What is between the two is
# smaller than an image, and what comes out is exactly as large as one.


# %%
class DenoiseAE(nn.Module):
    """Noisy images [N, 1, 28, 28] -> clean ones in [0, 1], [N, 1, 28, 28]."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder: nn.Sequential = None  # [N, 1, 28, 28] -> fewer numbers
        self.decoder: nn.Sequential = None  # and back
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Noisy images [N, 1, 28, 28] -> clean ones."""
        # YOUR CODE HERE
        raise NotImplementedError


# %% [markdown]
# ## Training
#
# Gaussian noise of standard deviation 0.5 goes onto the images, and what leaves [0, 1] is clipped. The loss compares what the
# model makes of the noisy image with the clean one.

# %%
noise_factor = 0.5
# YOUR CODE HERE, if you need more


# %%
def add_noise(images: Tensor) -> Tensor:
    """Images in [0, 1] with Gaussian noise of standard deviation noise_factor, clipped to [0, 1]; of any shape."""
    # YOUR CODE HERE
    raise NotImplementedError


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
test_digits = datasets.MNIST("data", train=False, download=True, transform=transforms.ToTensor())
x = torch.stack([test_digits[i][0] for i in range(10)]).to(device)
noisy = add_noise(x)
model.eval()
show_images([noisy, model(noisy), x], ["noisy", "denoised", "clean"])
