"""Which classifier and which encoder the judge has for a data set, and what the encoder is trained with."""

from torch import nn

from grading.assets.colour_networks import ColourClassifier, ColourEncoder
from grading.assets.networks import EncoderHeads, FeatureEncoder, JudgeClassifier


def networks_of(name: str) -> tuple[nn.Module, nn.Module]:
    """An untrained classifier and an untrained feature encoder for the images of a data set."""
    if name == "cifar10":
        return ColourClassifier(), ColourEncoder()
    return JudgeClassifier(), FeatureEncoder()


def heads_of(name: str) -> EncoderHeads:
    """What that encoder is trained with."""
    return EncoderHeads(width=96, side=8, channels=3, weight=50) if name == "cifar10" else EncoderHeads()
