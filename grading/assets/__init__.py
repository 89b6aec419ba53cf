"""What the judge looks at images with: per data set a classifier, an encoder, held-out images and statistics.

Every file is named in `manifest.json` with its SHA-256, and refused where it does not match.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from grading.assets.normalise import NORMALISATIONS
from grading.assets.pairs import networks_of
from grading.errors import AssetError

__all__ = ["NORMALISATIONS", "Assets", "load"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Assets:
    """One data set, as the judge knows it."""

    name: str
    classifier: nn.Module
    encoder: nn.Module
    images: Tensor  # held-out, float32 [N, 1, 28, 28] in [0, 1]; [N, 3, 32, 32] of CIFAR-10
    labels: Tensor  # [N]
    statistics: dict[str, Tensor]  # mean and covariance of the encoder's features of real images, per normalisation
    training: dict[str, Tensor]  # where every training image lies on the principal axes of the pixels
    facts: dict[str, Any]
    sketches: dict[str, Tensor] = field(default_factory=dict)  # of all images, for training and test; of grey ones only


@cache
def load(name: str) -> Assets:
    """The assets of one data set. Raises AssetError where a file is missing or does not match its SHA-256."""
    folder = HERE / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except OSError as error:
        raise AssetError(f"there are no assets for {name!r} ({error}); build them with make assets") from error
    files = {Path(file).stem: _pinned(folder / file, digest) for file, digest in manifest["sha256"].items()}
    classifier, encoder = networks_of(name)
    classifier.load_state_dict(files["classifier"])
    encoder.load_state_dict(files["encoder"])
    held_out = files["held_out"]
    return Assets(
        name,
        classifier.eval().requires_grad_(False),
        encoder.eval().requires_grad_(False),
        held_out["images"].float() / 255,
        held_out["labels"],
        files["statistics"],
        files["training"],
        manifest,
        files.get("sketches", {}),
    )


def _pinned(file: Path, digest: str) -> dict[str, Tensor]:
    content = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise AssetError(f"{file.name} is missing or is not the file that the manifest names; run make assets")
    return load_safetensors(content)
