"""Which classifier and which encoder the judge has for a data set."""

from torch import nn

from grading.assets.colour_networks import ColourClassifier, ColourEncoder
from grading.assets.networks import FeatureEncoder, JudgeClassifier


def networks_of(name: str) -> tuple[nn.Module, nn.Module]:
    """An untrained classifier and an untrained feature encoder for the images of a data set."""
    if name == "cifar10":
        return ColourClassifier(), ColourEncoder()
    return JudgeClassifier(), FeatureEncoder()
