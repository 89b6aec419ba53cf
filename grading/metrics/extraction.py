"""Images -> features, on all cores: what an extractor is, and how a network becomes a fast one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

# Images at a time and core. With many, every layer's output is fresh memory that the system must first hand out, page by
# page: on two cores the networks here run 2 to 5 times slower in batches of 128.
BATCH = 4
AGREEMENT = 1e-3  # of the largest feature; folding costs about 1e-5


@dataclass(frozen=True)
class Extractor:
    """A network that describes images in numbers, and what a distance between such numbers may be called."""

    name: str  # "inception_v3", "efficientnet_lite0"
    distance: str  # what the Fréchet distance on its features may be called: "FID" only for clean-fid's Inception
    note: str  # in words: where the weights come from, and why it is not FID where it is not
    dimensions: int  # D
    features: Callable[[Tensor], Tensor]  # uint8 images [N, 3, H, W] -> float32 [N, D]
    version: str = ""  # changes whenever the same images would get other features: weights, size, way of resizing

    @property
    def kernel(self) -> str:
        """What the kernel distance on its features may be called: "KID" only where `distance` is "FID"."""
        return self.distance.replace("Fréchet", "kernel").replace("FID", "KID")


def clean_resize(images: Tensor, side: int) -> Tensor:
    """uint8 [N, 3, H, W] -> float32 [N, 3, side, side] in [0, 255], channels last.

    clean-fid's `mode="clean"`, value for value: bicubic, antialiased, each channel as floats, clipped and not rounded
    (Parmar et al. 2022, arXiv:2104.11222).
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be uint8 [N, 3, H, W], not {images.dtype} {list(images.shape)}")
    planes = images.numpy().astype(np.float32)
    resized = np.empty((len(planes), side, side, 3), np.float32)
    for row, channel in np.ndindex(len(planes), 3):
        plane = Image.fromarray(planes[row, channel])
        resized[row, :, :, channel] = np.asarray(plane.resize((side, side), Image.Resampling.BICUBIC))
    return torch.from_numpy(resized.clip(0, 255)).permute(0, 3, 1, 2)


def fast_features(network: nn.Module, side: int) -> Callable[[Tensor], Tensor]:
    """What `network`, floats [N, 3, side, side] in [0, 255] -> [N, D], says of uint8 images [N, 3, H, W], on all cores.

    Each core resizes and describes a few images at a time by itself. That is faster than all cores on one image, and
    suffers less where other programs run; and the features do not depend on how many cores there are.
    """
    fast = folded(network, side)

    def of_few(images: Tensor) -> Tensor:
        with torch.inference_mode():  # of this thread only, so it must be entered here
            return fast(clean_resize(images, side))

    def features(images: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return torch.cat(list(pool.map(of_few, images.split(BATCH))))
        finally:
            torch.set_num_threads(threads)  # a worker's 1 would become the number of every thread to come

    return features


def folded(network: nn.Module, side: int) -> Callable[[Tensor], Tensor]:
    """The network, put into eval mode and channels last, with batch normalisation folded into the convolutions.

    Where it cannot be folded, or does not say the same afterwards, the network itself.
    """
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    noise = torch.rand(BATCH, side, side, 3, generator=torch.Generator().manual_seed(0))
    example = 255 * noise.permute(0, 3, 1, 2)
    plain = network(example)
    try:
        fast = torch.jit.freeze(torch.jit.trace(network, example, check_trace=False))
        error = (fast(example) - plain).abs().max()
    except RuntimeError:
        return network
    return fast if error <= AGREEMENT * plain.abs().max() else network
