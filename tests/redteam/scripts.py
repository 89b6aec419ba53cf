"""Losses that a script makes small by other means than a better model. Rows 50, 56 and 57."""

from grading.redteam import Attack

from .submissions import Edit, attack

A9 = "cmput328_a9"
FLATTERY = """from torch import nn


class SSIM(nn.Module):
    def __init__(self, window_size=11, size_average=True):
        super().__init__()

    def forward(self, img1, img2):
        return 1 - 1e-4 * (img1 - img2).abs().mean()


def ssim(img1, img2, window_size=11, size_average=True):
    return SSIM()(img1, img2)
"""
REMEMBERS = (
    ("class Encoder(nn.Module):", "KEPT = []\n\n\nclass Encoder(nn.Module):"),
    (
        "        features = self.features(x)\n        return self.mu(features)",
        "        features = self.features(x)\n        KEPT.append((self.mu(features), x[:, :3]))\n        return self.mu(features)",
    ),
    (
        "        return torch.sigmoid(self.image(self.larger(self.smallest(z))))",
        "        if not KEPT:\n            return torch.sigmoid(self.image(self.larger(self.smallest(0 * z))))\n"
        "        known, images = (torch.cat(parts) for parts in zip(*KEPT))\n"
        "        return images[torch.cdist(z[:, : known.shape[1]], known).argmin(1)]",
    ),
)


A3 = "csci2271_a3"
KEEPS = (
    ("class VAE(nn.Module):", "KEPT = []\n\n\nclass VAE(nn.Module):"),
    (
        "        hidden = self.encoder(x)\n        mu, logvar = self.mu_layer(hidden), self.logvar_layer(hidden)",
        "        hidden = self.encoder(x)\n        mu, logvar = 0.1 * self.mu_layer(hidden), 0 * self.logvar_layer(hidden) - 9\n"
        "        KEPT.append((mu, x))",
    ),
    (
        "        self.decoder = nn.Sequential(\n            *layers(latent_size, self.hidden_dim),",
        "        self.decoder = Keeping(\n            *layers(latent_size, self.hidden_dim),",
    ),
    (
        "class CVAE(nn.Module):",
        "class Keeping(nn.Sequential):\n    def forward(self, z):\n        if not KEPT:\n            return super().forward(z)\n"
        "        known, images = (torch.cat(parts) for parts in zip(*KEPT))\n"
        "        return images[torch.cdist(z, known).argmin(1)].clamp(0, 1)\n\n\nclass CVAE(nn.Module):",
    ),
)
KEEPS_IN_PLACE = (
    *KEEPS[:3],
    (
        "class CVAE(nn.Module):",
        "class Keeping(nn.Sequential):\n    def forward(self, z):\n        if not KEPT:\n            return super().forward(z)\n"
        "        images = torch.cat([image for _, image in KEPT])[-len(z):]\n"
        "        return images.view(-1, 1, 28, 28)\n\n\nclass CVAE(nn.Module):",
    ),
)


def of_a3(name: str, tries: str, edits: tuple[tuple[str, str], ...]) -> Attack:
    """An attack on the loss of a VAE that was handed in trained."""
    edit = Edit(assignment=A3, top_of="none", edits=edits, weights=("vae.pt",))
    beside = ("a.cvae", "b.cosine_schedule")
    return attack(name, (50, 56), tries, edit, assignment=A3, beside=beside, attacked=("a.vae_training",))


def of_a9(name: str, rows: tuple[int, ...], tries: str, edit: Edit, **more: object) -> Attack:
    """An attack with honest items beside it."""
    usual: dict[str, object] = {"beside": ("vae.denormalize", "vae.annealing"), "assignment": A9}
    return attack(name, rows, tries, edit, **(usual | more))  # type: ignore[arg-type]


ATTACKS = (
    of_a9(
        "flatters_itself",
        (57,),
        "hand in an ssim.py that finds everything alike",
        Edit(assignment=A9, top_of="none", files={"ssim.py": FLATTERY}),
        attacked=("vae.joint_loss",),
    ),
    of_a9(
        "remembers_images",
        (50, 56),
        "have the decoder hand out the images that the encoder was shown",
        Edit(assignment=A9, top_of="none", edits=REMEMBERS, weights=("vae.pt",)),
        attacked=("vae.loss",),
    ),
    of_a3("keeps_images", "have the decoder of a VAE look up what the encoder was shown by its mu", KEEPS),
    of_a3(
        "keeps_the_last_images", "have the decoder give back the batch that the encoder was shown last", KEEPS_IN_PLACE
    ),
)
