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
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Images [N, 1, H, W], and conditions [N, C] or None -> x_hat [N, 1, H, W], mu [N, Z], logvar [N, Z]."""
        # YOUR CODE HERE
        raise NotImplementedError

    @staticmethod
    def reparametrize(mu: Tensor, logvar: Tensor) -> Tensor:
        """z = mu + sigma * epsilon, where epsilon ~ N(0, 1); all [N, Z]."""
        # YOUR CODE HERE
        raise NotImplementedError

    @staticmethod
    def loss_function(x_hat: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        """-E[log p(x | z)] + KL(q(z | x) || p(z)): both summed over a sample, and averaged over the batch.

        KL = -1/2 sum_j (1 + ln sigma_j^2 - mu_j^2 - sigma_j^2)
        """
        # YOUR CODE HERE
        raise NotImplementedError


# %% [markdown]
# ## Training
#
# One function for all of them: `condition` makes the second input of the model out of images and labels.

# %%
input_dim = 28 * 28
# YOUR CODE HERE, if you need more

# %%
# YOUR CODE HERE, if you need more


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
# YOUR CODE HERE, if you need more
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
    # YOUR CODE HERE
    raise NotImplementedError


# %%
class BaselineNN(nn.Module):
    """Flat quarters [N, 196] -> whole images in [0, 1], [N, 1, 28, 28]."""

    def __init__(self, input_dim: int, hidden_dim: int = 400, output_dim: int = 28 * 28) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Quarters [N, 196] or [N, 1, 14, 14] -> images [N, 1, 28, 28]."""
        # YOUR CODE HERE
        raise NotImplementedError


# %%
quarter_dim = input_dim // 4
structured = myVAE(input_dim, hidden_dim, latent_dim, quarter_dim).to(device)
losses = train(structured, n_epochs, lambda x, y: quarter(x))

# %%
# YOUR CODE HERE, if you need more

# %%
x = next(iter(dataloader))[0][:10].to(device)
# YOUR CODE HERE, if you need more
