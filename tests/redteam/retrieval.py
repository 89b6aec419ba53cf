"""Images that were stored rather than generated. Rows 42 and 48 to 50."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from grading import assets
from grading.redteam import Target

from .submissions import Edit, attack

ACCURACY = ("vae.accuracy",)
LABELS = "        z = torch.randn(num_images, self.latent_dim, device=device)\n"
DECODED = "        return self.decoder(torch.cat([z, self.class_embedding(y)], dim=1))\n"
BUILT = "        self.latent_dim = latent_dim\n"
GENERATED = LABELS + DECODED


def images(name: str, rows: tuple[int, ...], tries: str, lay: object, say: str = "", **more: object) -> object:
    """An attack on the quality of generated images."""
    usual = {"attacked": ACCURACY, "beside": ("vae.kl_loss", "diffusion.schedule"), "say": say}
    return attack(name, rows, tries, lay, **(usual | more))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Retrieval:
    """A VAE that keeps images of every class in its weights, and hands them out as generated ones."""

    images: Callable[[], Tensor]  # [10, each, 1, 28, 28] in [0, 1]
    give: str = "return self.kept[y, torch.randint(self.kept.shape[1], (num_images,))]"

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        images = self.images()
        keep = BUILT + f'        self.register_buffer("kept", torch.zeros({tuple(images.shape)}))\n'
        lines = "".join(f"        {line}\n" for line in self.give.strip().splitlines())
        folder = Edit(edits=((BUILT, keep), (GENERATED, lines)), weights=("vae.pt",))(target)
        state = torch.load(folder / "vae.pt", weights_only=True)
        torch.save(state | {"kept": images.half().float()}, folder / "vae.pt")
        return folder


def of_classes(images: Tensor, labels: Tensor, each: int) -> Tensor:
    """So many images of every class: [10, each, 1, 28, 28]."""
    return torch.stack([images[labels == label][:each] for label in range(10)])


def held_out(each: int) -> Tensor:
    """Real images, which no student has."""
    known = assets.load("fashion_mnist")
    return of_classes(known.images, known.labels, each)


def training() -> Tensor:
    """Training images, as far as the judge itself remembers them: 50 of what it takes for each class."""
    known = assets.load("fashion_mnist")
    codes = known.training["codes"][:1500].float() * known.training["scale"]
    images = (codes @ known.training["axes"].T + known.training["mean"]).view(-1, 1, 28, 28).clamp(0, 1)
    labels = torch.cat([known.classifier(part).argmax(1) for part in images.split(500)])
    return of_classes(images, labels, 50)


def ascended() -> Tensor:
    """Noise that gradient ascent has made the judge's own classifier sure of."""
    classifier = assets.load("fashion_mnist").classifier
    labels = torch.arange(10).repeat_interleave(8)
    images = torch.rand(80, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for _ in range(25):
        images.requires_grad_(True)
        (slope,) = torch.autograd.grad(
            torch.nn.functional.cross_entropy(classifier(images), labels, reduction="sum"), images
        )
        images = (images.detach() - 0.04 * slope.sign()).clamp(0, 1)
    return images.view(10, 8, 1, 28, 28)


NOISE = "return (self.kept[y, torch.randint(self.kept.shape[1], (num_images,))] + {} * torch.randn(num_images, 1, 28, 28)).clamp(0, 1)"
BLEND = """
parts = torch.distributions.Dirichlet(torch.full((5,), 0.4)).sample((num_images,))
return (self.kept[y] * parts[:, :, None, None, None]).sum(1)
"""
ATTACKS = (
    images(
        "training_images",
        (42, 50),
        "hand out training images kept in the weights",
        Retrieval(training),
        "copies of training",
    ),
    images(
        "adversarial_noise",
        (48,),
        "hand out noise that the judge's classifier is sure of",
        Retrieval(ascended),
        "far from anything",
    ),
    images(
        "one_real_image",
        (49,),
        "hand out one real image of each class",
        Retrieval(lambda: held_out(1)),
        "hold images",
    ),
    images(
        "one_noisy_image",
        (49,),
        "the same under a little noise",
        Retrieval(lambda: held_out(1), NOISE.format(0.1)),
        "hold images",
    ),
    images(
        "three_real_images",
        (49, 50),
        "hand out three real images of each class",
        Retrieval(lambda: held_out(3)),
        "hold images",
    ),
    images(
        "stored_images_under_noise",
        (42, 50),
        "hand out stored training images under a little noise",
        Retrieval(training, NOISE.format(0.07)),
        say="hold images",
    ),
    images(
        "blends_five_images",
        (49, 50),
        "mix five real images of each class",
        Retrieval(lambda: held_out(5), BLEND),
        say="hold images",
    ),
)
