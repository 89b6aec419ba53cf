"""clean-fid's Inception-v3, whose features define FID; its weights are found, or downloaded, but not ours to embed."""

import hashlib
import http.client
import os
import time
import urllib.request
from pathlib import Path

import torch
from torch import Tensor, nn

from grading.errors import AssetError
from grading.metrics.extraction import Extractor, fast_features
from grading.metrics.feature_cache import cache_folder, owned, write_whole

FILE = "inception-2015-12-05.pt"
CLEAN_FID_FOLDER = Path("/tmp")  # where clean-fid itself keeps the file
SIDE, DIMENSIONS = 299, 2048
SILENCE, PATIENCE, CHUNK = 10, 300, 2**20  # seconds without a byte, seconds in all, bytes


def inception_v3(download: bool = True) -> Extractor:
    """clean-fid's `mode="clean"` (Parmar et al. 2022, arXiv:2104.11222): its weights and its resizing.

    The weights: the file that ELBOGRADE_INCEPTION names, else the one in our cache or in clean-fid's place, else, where
    `download` allows it, NVIDIA's. Raises AssetError, with the reason, where there are none.
    """
    file = weights_file(download)
    network = InceptionFeatures(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return Extractor(
        "inception_v3",
        "FID",
        f"Features of clean-fid's Inception-v3, from {file.name} (SHA-256 {digest}…), images resized as clean-fid does.",
        DIMENSIONS,
        fast_features(network, SIDE),
        version=f"{digest}, {SIDE}, 1",
    )


class InceptionFeatures(nn.Module):
    """The TorchScript network up to its last pooling: pixels [N, 3, 299, 299] in [0, 255] -> features [N, 2048]."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        try:
            self.layers = torch.jit.load(file).eval().layers
            shape = list(self(torch.full((1, 3, SIDE, SIDE), 128.0)).shape)
        except (RuntimeError, ValueError, AttributeError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise AssetError(f"{file} is not the network that clean-fid uses ({reason})") from error
        if shape != [1, DIMENSIONS]:
            raise AssetError(f"{file} is not the network that clean-fid uses: its features are {shape}")

    def forward(self, pixels: Tensor) -> Tensor:
        """As clean-fid's InceptionV3W, without resizing."""
        features: Tensor = self.layers((pixels - 128) / 128)
        return features.flatten(1)


def weights_file(download: bool) -> Path:
    """Where the weights are. Raises AssetError where they are not and cannot be had."""
    named = os.environ.get("ELBOGRADE_INCEPTION")
    if named:
        file = Path(named).expanduser()
        if not file.is_file():
            raise AssetError(f"ELBOGRADE_INCEPTION names {file}, and there is no such file")
        return file
    places = [cache_folder() / FILE, CLEAN_FID_FOLDER / FILE]
    # /tmp is everybody's: another user's file may be anything, a submission that ran as another user may have left it.
    found = next((place for place in places if owned(place)), None)
    if found is None and not download:
        raise AssetError(f"there is no {FILE} here (ELBOGRADE_INCEPTION is not set), and nothing was to be downloaded")
    return found or _downloaded(places[0])


def _downloaded(file: Path) -> Path:
    from cleanfid.downloads_helper import inception_url  # slow to import, and seldom needed

    try:
        write_whole(file, _fetched(inception_url))
    except (OSError, http.client.HTTPException) as error:
        raise AssetError(
            f"there is no {FILE} here (ELBOGRADE_INCEPTION is not set), and it could not be downloaded ({error})"
        ) from error
    return file


def _fetched(url: str) -> bytes:
    """All of it, or OSError; never hangs."""
    deadline = time.monotonic() + PATIENCE
    content = bytearray()
    with urllib.request.urlopen(url, timeout=SILENCE) as response:
        length = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(CHUNK):
            content += chunk
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {PATIENCE} seconds")
    if not content or len(content) < length:
        raise OSError(f"only {len(content)} of {length} bytes came")
    return bytes(content)
