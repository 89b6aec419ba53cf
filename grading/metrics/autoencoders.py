"""How well plain and denoising autoencoders do after the handout's training, and pictures of what they learnt."""

import torch
from torch import Generator, Tensor

from grading.checks.compare import parts, tensor
from grading.metrics.apart import in_another_order
from grading.metrics.curves import scatter
from grading.metrics.epochs import drawn
from grading.metrics.pictures import grid
from grading.metrics.retraining import (
    BATCH,
    SHOWN,
    Trained,
    as_images,
    in_batches,
    into_a_fresh_box,
    measurements,
    squared_errors,
    ten,
    trained,
)
from grading.metrics.setting import Setting
from grading.records import Evidence, Picture
from grading.seeds import generator
from grading.subjects import Submission

LATENT, SIGMA = 2, 0.5
PLAIN = [False] * SHOWN
ERROR = "mean squared error per pixel"
TOLD, MEASURED = "mean over the epoch, as trained", "on 1,000 training images, by the judge"


def plain(student: Submission, setting: Setting) -> Evidence:
    """The squared error of an autoencoder with two latent numbers, where they lie, and what the decoder makes of a grid."""
    found = trained(student, setting, _plain_losses)
    known, held = setting.assets.images, setting.assets.labels
    into_a_fresh_box(student, found)
    latents, seen = (
        in_batches(lambda x, y: _latents(student, x, y), *pair)
        for pair in ((known, held), (found.images, found.labels))
    )
    into_a_fresh_box(student, found)
    rng = generator(setting.seed, "order")
    again, redrawn = (_in_another_order(student, z, rng) for z in (latents, seen))
    errors, train_errors = squared_errors(again, known), squared_errors(redrawn, found.images)
    pictures = (
        drawn(found.epochs, TOLD, MEASURED, ERROR),
        scatter(latents, held, "z[0]", "z[1]", "Where held-out images lie in the latent space, by their digit."),
        _from_a_grid(student, latents),
        grid(
            [("held out", ten(known), PLAIN), ("drawn again", ten(again), PLAIN)],
            "Held-out images, and the same after encoder and decoder.",
        ),
    )
    return Evidence(measurements(found, train_errors, errors, (ERROR, "")), pictures)


def _in_another_order(student: Submission, z: Tensor, rng: Generator) -> Tensor:
    return in_another_order(lambda rows: _decoded(student, z[rows]), len(z), BATCH, rng)


def _plain_losses(student: Submission, images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    latents = in_batches(lambda x, y: _latents(student, x, y), images, labels)
    return squared_errors(in_batches(lambda z, _: _decoded(student, z), latents, labels), images)


def _latents(student: Submission, x: Tensor, labels: Tensor) -> Tensor:
    return tensor(student.encode(model="autoencoder", x=x, classes=labels), "z", (len(x), LATENT)).float()


def _decoded(student: Submission, z: Tensor) -> Tensor:
    return as_images(student.decode(model="autoencoder", z=z, c=None), len(z), "what the decoder gives")


def _from_a_grid(student: Submission, latents: Tensor) -> Picture:
    """What the decoder makes of ten by ten points that span where images lie."""
    low, high = torch.quantile(latents, torch.tensor([0.02, 0.98]), dim=0)
    across, up = (torch.linspace(low[i], high[i], SHOWN) for i in range(2))
    rows = []
    for height in up.flip(0):
        points = torch.stack([across, height.expand(SHOWN)], dim=1)
        rows.append((f"z[1] = {height:.1f}", _decoded(student, points), PLAIN))
    span = f"z[0] goes from {low[0]:.1f} to {high[0]:.1f}"
    return grid(rows, f"What the decoder makes of points in the latent space; {span}.")


def denoising(student: Submission, setting: Setting) -> Evidence:
    """The squared error between the clean image and what a denoising autoencoder makes of it with noise on."""
    found = trained(student, setting, _denoising_losses)
    into_a_fresh_box(student, found)
    rng = generator(setting.seed, "noise")
    errors = _denoising_losses(student, found.images, found.labels, rng)
    held_out = _denoising_losses(student, setting.assets.images, setting.assets.labels, rng)
    pictures = (drawn(found.epochs, TOLD, MEASURED, ERROR), _pairs(student, found, setting))
    return Evidence(measurements(found, errors, held_out, (f"{ERROR} to the clean image", "")), pictures)


def _denoising_losses(student: Submission, images: Tensor, labels: Tensor, rng: Generator) -> Tensor:
    noisy = _with_noise(images, rng)
    return squared_errors(in_batches(lambda x, _: _denoised(student, x), noisy, labels), images)


def _with_noise(images: Tensor, rng: Generator) -> Tensor:
    return (images + SIGMA * torch.randn(images.shape, generator=rng)).clamp(0, 1)


def _denoised(student: Submission, x: Tensor) -> Tensor:
    return as_images(parts(student.denoised(x=x), images=object)["images"], len(x), "what DenoiseAE gives")


def _pairs(student: Submission, found: Trained, setting: Setting) -> Picture:
    clean = ten(setting.assets.images)
    noisy = _with_noise(clean, generator(setting.seed, "noisy pictures"))
    rows = [("noisy", noisy, PLAIN), ("denoised", _denoised(student, noisy), PLAIN), ("clean", clean, PLAIN)]
    return grid(
        rows, "Held-out images with noise of standard deviation 0.5, what DenoiseAE makes of them, and without."
    )
