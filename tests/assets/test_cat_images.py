"""The cats of AFHQ, from a folder laid out as it is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from grading.assets.datasets import cat_images
from grading.errors import DataMissing


def draw(file: Path, shade: int, side: int = 64) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (shade, 0, 255)).save(file)


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("folder", ["afhq/train/cat", "afhq_v2/train/cat"])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_all_of_them_by_name(folder: str, suffix: str, root: Path) -> None:
    for name, shade in (("b", 200), ("a", 100), ("c", 250)):
        draw(root / folder / f"{name}.{suffix}", shade)
    (root / folder / "readme.txt").write_text("no cat")
    found = cat_images(32)
    assert found.shape == (3, 3, 32, 32)
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    assert (found[:, 0, 16, 16].int() - torch.tensor([100, 200, 250])).abs().max() <= 3  # jpg is not exact
    assert (found[:, 2].int() - 255).abs().max() <= 3


def test_antialiased(root: Path) -> None:
    """Stripes a pixel wide become grey; without antialiasing they would stay black or white."""
    stripes = np.tile(np.array([0, 255], np.uint8), 32)
    (root / "afhq/train/cat").mkdir(parents=True)
    Image.fromarray(np.tile(stripes[None, :, None], (64, 1, 3))).save(root / "afhq/train/cat/a.png")
    assert (cat_images(16)[..., 4:-4].float() - 127.5).abs().max() < 10
    assert set(cat_images(64).unique().tolist()) == {0, 255}


def test_none_there(root: Path) -> None:
    (root / "afhq/train/cat").mkdir(parents=True)
    with pytest.raises(DataMissing, match=r"Set DATA_ROOT to the folder that holds afhq/train/cat"):
        cat_images(32)


def test_one_of_them_broken(root: Path) -> None:
    draw(root / "afhq/train/cat/a.png", 9)
    file = root / "afhq/train/cat/b.png"
    file.write_bytes((root / "afhq/train/cat/a.png").read_bytes()[:60])
    with pytest.raises(DataMissing, match=r"b\.png is not a whole image"):
        cat_images(32)
