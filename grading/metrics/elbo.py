"""The loss of a variational autoencoder on images it has never seen."""

import torch
from torch import Generator, Tensor

from grading.assets.networks import in_batches
from grading.checks.compare import Disagreement, tensor
from grading.checks.standard_divergence import kl_per_image
from grading.metrics.apart import cross_entropy, sampled
from grading.metrics.intervals import interval
from grading.metrics.pictures import grid
from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.seeds import generator
from grading.subjects import Submission

DRAWS, BATCH, SHOWN = 5, 250, 10


def validation(student: Submission, setting: Setting) -> Evidence:
    """The negative ELBO per image, in nats: cross-entropy summed over pixels, plus the KL divergence to N(0, I).

    Encoder and decoder are asked separately; z is drawn here, five times per image. From the held-out images the mean over
    the whole test set is estimated by regression on the encoder's features, whose mean over that set is known (Cochran
    1977, chapter 7): the images held out are as good as five times as many.
    """
    images, rng = setting.assets.images, generator(setting.seed, "validation")
    losses, drawn = zip(*(_batch(student, part, rng) for part in images.split(BATCH)), strict=True)
    features = in_batches(setting.assets.encoder, images)
    population = setting.assets.facts["statistics_images"]
    estimate = regression_estimate(
        torch.cat(losses), features, setting.assets.statistics["as_is.mean"], 1 - len(images) / population
    )
    note = f"estimate for the whole test set ({population:,} images); {DRAWS} draws of z per image"
    title = "negative ELBO per image on held-out images"
    measured = interval("negative_elbo", title, estimate, len(images), "nats", note)
    chosen = torch.arange(0, BATCH, BATCH // SHOWN)[:SHOWN]
    rows = [("held out", images[chosen], [False] * SHOWN), ("drawn again", drawn[0][chosen], [False] * SHOWN)]
    return Evidence((measured,), (grid(rows, "Held-out images, and the same after encoder and decoder."),))


def regression_estimate(values: Tensor, features: Tensor, mean: Tensor, left_out: float = 1.0) -> tuple[float, float]:
    """The population mean of `values` [N], of which `features` [N, D] are known with their population mean [D].

    left_out: the share of the population that was not sampled;  returns: the estimate and its standard error
    """
    centred = features.double() - mean.double()
    design = torch.cat([torch.ones(len(values), 1, dtype=torch.float64), centred], dim=1)
    fit = torch.linalg.lstsq(design, values.double().unsqueeze(1)).solution
    residual = values.double() - (design @ fit).squeeze(1)
    variance = residual.square().sum() / (len(values) - design.shape[1])
    return fit[0].item(), (left_out * variance / len(values)).sqrt().item()


def _batch(student: Submission, x: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
    """Loss per image [B], and the last drawing [B, 1, 28, 28]."""
    encoded = student.encode(x=x)
    if not isinstance(encoded, list | tuple) or len(encoded) != 2:
        raise Disagreement("the encoder should give two things: mu and logvar")
    mu, logvar = (tensor(part, what).float() for part, what in zip(encoded, ("mu", "logvar"), strict=True))
    losses = []
    for _ in range(DRAWS):
        z = sampled(mu, logvar, rng)
        again = tensor(student.decode(z=z), "the reconstruction").reshape(x.shape).float().clamp(0, 1)
        losses.append(cross_entropy(again, x))
    return torch.stack(losses).mean(0) + kl_per_image(mu, logvar), again
