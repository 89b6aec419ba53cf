"""clean-fid is the definition: the same resizing, the same features, the same distance."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy
import torch
from PIL import Image
from torch import Tensor, nn

from grading.metrics.extraction import clean_resize, fast_features
from grading.metrics.frechet import frechet_between, frechet_distance, gaussian
from grading.sandbox.inside import torchvision_operators

TOO_NEW = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18)


@pytest.fixture(scope="module")
def clean_fid() -> Iterator[ModuleType]:
    torchvision_operators.define_if_missing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanfid import fid

        yield fid


def features(n: int, dim: int, seed: int) -> Tensor:
    """Correlated features."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=rng) @ torch.randn(dim, dim, generator=rng) / dim**0.5 + 0.1 * seed


@pytest.mark.skipif(TOO_NEW, reason="clean-fid calls scipy.linalg.sqrtm(disp=…), which scipy 1.18 no longer knows")
@pytest.mark.parametrize(("n", "m", "dim"), [(300, 200, 32), (30, 200, 96), (200, 30, 96), (40, 60, 96), (97, 97, 96)])
def test_the_distance(n: int, m: int, dim: int, clean_fid: ModuleType) -> None:
    first, second = features(n, dim, 1), features(m, dim, 2)
    theirs = clean_fid.fid_from_feats(first.double().numpy(), second.double().numpy())
    assert frechet_between(first, second) == pytest.approx(float(theirs), rel=1e-6)
    assert frechet_distance(gaussian(first), gaussian(second)) == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize("side", [8, 32, 299, 400])
def test_the_resizing(side: int, clean_fid: ModuleType) -> None:
    from cleanfid.resize import build_resizer

    image = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    theirs = np.stack([build_resizer("clean")(each.permute(1, 2, 0).numpy()) for each in image])
    assert torch.equal(clean_resize(image, 299).permute(0, 2, 3, 1), torch.from_numpy(theirs))


def test_the_features_of_a_folder(clean_fid: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 32, 32)).to(torch.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / f"{number}.png")
    network = nn.Sequential(nn.Conv2d(3, 8, 7, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten())
    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = clean_fid.get_folder_features(
            str(tmp_path), network, num_workers=0, device=torch.device("cpu"), mode="clean", verbose=False
        )
    assert torch.allclose(fast_features(network, 299)(images), torch.from_numpy(theirs), rtol=1e-4, atol=1e-3)
