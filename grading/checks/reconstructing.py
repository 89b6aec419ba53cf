"""Autoencoders whose forward gives images: shapes, range, halves that work alone, and each image by itself.

Models are asked untrained, in evaluation mode.

Judged by docs/right.md#ranges, #modes-and-layers.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import NEARLY, Disagreement, close, parts, shown, tensor
from grading.subjects import Subject

SHAPE, PIXELS, COUNT, POINTS, LATENT = (1, 28, 28), 28 * 28, 6, 100, 2
ALIKE, SAME, ATOL = 1e-6, 1e-5, 1e-4


def autoencoder(student: Subject, reference: Subject, rng: Generator) -> None:
    """Autoencoder encodes images as two numbers and decodes them as images in [0, 1]; encoder and decoder work alone.

    x [N, 1, 28, 28] -> x_hat like x; encoder: images -> z [N, 2]; decoder: z [M, 2] -> M images, for any M.
    """
    x, z = _drawn(rng), torch.randn(POINTS, LATENT, generator=rng)
    kinds = dict.fromkeys(("x_hat", "single", "latent", "halves", "decoded"), object)
    answer = parts(student.autoencoder_pass(x=x, z=z, seed="a"), **kinds)
    _judge_latent(answer["latent"])
    x_hat = _images(answer["x_hat"], COUNT, "forward")
    _judge_range(x_hat)
    _judge_each(x_hat, _images(answer["single"], 1, "forward"))
    halves = _images(answer["halves"], COUNT, "the decoder")
    _images(answer["decoded"], POINTS, "the decoder")
    if not close(halves, x_hat, 0.0, SAME):
        raise Disagreement(
            "forward gives something else than the decoder makes of what the encoder gives",
            bug="forward-otherwise",
            expected=shown(halves),
            actual=shown(x_hat),
        )
    _judge_shape(answer["x_hat"], x)


def denoiser(student: Subject, reference: Subject, rng: Generator) -> None:
    """DenoiseAE takes noisy images and gives images in [0, 1] of exactly 28 x 28, each by itself.

    x [N, 1, 28, 28] -> the same shape.
    """
    x = _drawn(rng)
    answer = parts(student.denoised(x=x, seed="a"), images=object, single=object)
    images = _images(answer["images"], COUNT, "forward")
    _judge_range(images)
    _judge_each(images, _images(answer["single"], 1, "forward"))
    _judge_shape(answer["images"], x)


def _drawn(rng: Generator) -> Tensor:
    """Images from dark to bright: an untrained network tells those of one brightness hardly apart."""
    return torch.rand(COUNT, *SHAPE, generator=rng) * torch.linspace(0.1, 1.0, COUNT).view(-1, 1, 1, 1)


def _judge_latent(latent: object) -> None:
    z = tensor(latent, "what the encoder gives")
    if z.numel() != COUNT * LATENT:
        raise Disagreement(
            "the encoder should give two numbers an image: latent_dim is 2",
            bug="latent-size",
            expected=f"[{COUNT}, {LATENT}]",
            actual=str(list(z.shape)),
        )
    rows = z.reshape(COUNT, LATENT)
    if (rows - rows[:1]).abs().max() < ALIKE:
        raise Disagreement("z does not depend on the images", bug="encoder-ignores-x", actual=shown(rows))


def _images(answer: object, count: int, what: str) -> Tensor:
    """So many images in whatever shape, as [N, 784]."""
    found = tensor(answer, f"what {what} gives")
    if found.numel() != count * PIXELS:
        raise Disagreement(
            f"{what} should give images of 28 x 28",
            bug="image-size",
            expected=f"[{count}, 1, 28, 28]",
            actual=str(list(found.shape)),
        )
    return found.reshape(count, PIXELS)


def _judge_range(images: Tensor) -> None:
    around_zero = bool(images.mean().abs() < 0.25)  # an untrained sigmoid gives what lies around 1/2
    if images.min() < -ATOL or images.max() > 1 + ATOL or around_zero:
        raise Disagreement(
            "images should lie in [0, 1]: the decoder ends with a sigmoid",
            bug="no-sigmoid",
            actual=f"from {images.min():.3g} to {images.max():.3g}",
        )


def _judge_each(images: Tensor, single: Tensor) -> None:
    if not close(images[:1], single, 0.0, SAME):
        raise Disagreement(
            "an image comes out otherwise in a batch than alone: the images of a batch are mixed up",
            bug="batch-mixed",
            expected=shown(single),
            actual=shown(images[:1]),
        )


def _judge_shape(answer: object, x: Tensor) -> None:
    """The numbers are right; so is the shape?"""
    found = tensor(answer, "what forward gives")
    if list(found.shape) != list(x.shape):
        raise Disagreement(
            "forward gives the right numbers in another shape than its images",
            bug="not-images",
            share=NEARLY,
            expected=str(list(x.shape)),
            actual=str(list(found.shape)),
        )
