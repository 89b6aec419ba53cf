"""Whether a noise-estimating network finds the noise in images that it has not seen, where hardly any noise is on them.

A network that denoises towards images which it keeps, or which another model draws, finds the difference to those instead.
"""

import torch
from torch import Tensor

from grading.metrics.intervals import point
from grading.records import Measurement

TITLE = "correlation of the estimate with a little noise, on real images that were moved a little"


def found_noise(shown: Tensor, clean: Tensor, estimate: Tensor) -> Measurement:
    """The mean correlation, over images [N, ...], of what is estimated with what the images shown are more than clean ones.

    shown: a times the clean images, plus noise; a is found by regression
    """
    shown, clean, estimate = (each.flatten(1).double() for each in (shown, clean, estimate))
    centred = clean - clean.mean(1, keepdim=True)
    a = (shown * centred).sum(1) / centred.square().sum(1).clamp_min(1e-9)
    alike = torch.nn.functional.cosine_similarity(shown - a.unsqueeze(1) * clean, estimate, dim=1)
    return point("early_noise", TITLE, alike.mean().item(), len(shown))
