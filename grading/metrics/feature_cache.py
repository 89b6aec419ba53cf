"""Features that are worth keeping: those of real images, which are the same for every submission."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from grading.metrics.extraction import Extractor


def cached_features(extractor: Extractor, images: Tensor) -> Tensor:
    """The features [N, D] of uint8 images [N, 3, H, W], from the cache where they are in it.

    They are kept under a name made of the images' bytes and the extractor's name and version. A broken file is made anew,
    and a folder that cannot be written to costs only speed. Meant for real images; generated ones would fill the disk.
    """
    file = cache_folder() / f"{_key(extractor, images)}.safetensors"
    kept = _read(file, [len(images), extractor.dimensions])
    if kept is not None:
        return kept
    features = extractor.features(images)
    with contextlib.suppress(OSError):
        write_whole(file, save({"features": features}))
    return features


def cache_folder() -> Path:
    """Where features and downloaded weights are kept: `ELBOGRADE_CACHE`, else `~/.cache/elbograde`."""
    try:
        return Path(os.environ.get("ELBOGRADE_CACHE") or "~/.cache/elbograde").expanduser()
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / "elbograde"


def owned(file: Path) -> bool:
    """Whether it is a file that this user or root wrote; another user's could hold anything."""
    try:
        return file.is_file() and file.stat().st_uid in (0, os.getuid())
    except OSError:
        return False


def write_whole(file: Path, content: bytes) -> None:
    """Writes all of it or nothing, so that nobody ever reads half a file. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
        try:
            part.write(content)
            part.close()
            Path(part.name).replace(file)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _key(extractor: Extractor, images: Tensor) -> str:
    about = f"{extractor.name} | {extractor.version} | {list(images.shape)} | {images.dtype} | "
    return hashlib.sha256(about.encode() + images.contiguous().numpy().tobytes()).hexdigest()


def _read(file: Path, shape: list[int]) -> Tensor | None:
    if not owned(file):
        return None
    try:
        features = load(file.read_bytes())["features"]
    except (OSError, SafetensorError, KeyError):
        return None
    whole = list(features.shape) == shape and features.dtype == torch.float32 and bool(features.isfinite().all())
    return features if whole else None
