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
        # BEGIN SOLUTION
        self.encoder = nn.Sequential(  # 28 -> 14 -> 7 -> 3 pixels on a side
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.LeakyReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.LeakyReLU(),
            nn.MaxPool2d(2),
        )
        self.decoder = nn.Sequential(  # 3 -> 7 -> 14 -> 28
            nn.ConvTranspose2d(24, 24, 3, stride=2),
            nn.BatchNorm2d(24),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(24, 16, 2, stride=2),
            nn.BatchNorm2d(16),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(16, 1, 2, stride=2),
            nn.Sigmoid(),
        )
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Noisy images [N, 1, 28, 28] -> clean ones."""
        # BEGIN SOLUTION
        return self.decoder(self.encoder(x))
        # END SOLUTION


# %% [markdown]
# ## Training
#
# Gaussian noise of standard deviation 0.5 goes onto the images, and what leaves [0, 1] is clipped. The loss compares what the
# model makes of the noisy image with the clean one.

# %%
noise_factor = 0.5
# BEGIN SOLUTION
batch_size = 128
n_epochs = 20
learning_rate = 2e-3
# END SOLUTION


# %%
def add_noise(images: Tensor) -> Tensor:
    """Images in [0, 1] with Gaussian noise of standard deviation noise_factor, clipped to [0, 1]; of any shape."""
    # BEGIN SOLUTION
    return torch.clip(images + noise_factor * torch.randn_like(images), 0.0, 1.0)
    # END SOLUTION


# %%
# BEGIN SOLUTION
digits = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
dataloader = DataLoader(digits, batch_size=batch_size, shuffle=True, drop_last=True)
model = DenoiseAE().to(device)
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
        loss = criterion(model(add_noise(x)), x)
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
test_digits = datasets.MNIST("data", train=False, download=True, transform=transforms.ToTensor())
x = torch.stack([test_digits[i][0] for i in range(10)]).to(device)
noisy = add_noise(x)
model.eval()
show_images([noisy, model(noisy), x], ["noisy", "denoised", "clean"])
