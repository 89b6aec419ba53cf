"""The judge's networks for colour images: what goes in and out, and how images are varied for their training."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from grading.assets.colour_networks import varied
from grading.assets.networks import in_batches
from grading.assets.pairs import heads_of, networks_of


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randint(0, 256, (400, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def shifts(image: Tensor, shown: Tensor) -> list[tuple[bool, int, int]]:
    """In which ways `shown` is the image, mirrored or not, moved down and right so far."""
    padded = F.pad(image.float().unsqueeze(0), (3, 3, 3, 3), mode="reflect")[0].to(image.dtype)
    found = []
    for mirrored in (False, True):
        whole = padded.flip(2) if mirrored else padded
        windows = whole.unfold(1, 32, 1).unfold(2, 32, 1)  # [3, 7, 7, 32, 32]
        same = (windows == shown.view(3, 1, 1, 32, 32)).all(dim=4).all(dim=3).all(dim=0)
        found += [(mirrored, 3 - row, 3 - column) for row, column in same.nonzero().tolist()]
    return found


def test_every_image_is_itself_mirrored_and_moved(images: Tensor) -> None:
    torch.manual_seed(0)
    shown = varied(images)
    assert (shown.shape, shown.dtype) == (images.shape, images.dtype)
    ways = [shifts(image, other) for image, other in zip(images, shown, strict=True)]
    assert all(len(way) == 1 for way in ways), "each comes from the image in its place, in one way"
    mirrored, down, right = zip(*(way[0] for way in ways), strict=True)
    assert 150 < sum(mirrored) < 250
    for moved in (down, right):
        counts = [moved.count(step) for step in range(-3, 4)]
        assert sum(counts) == 400
        assert 30 < min(counts) <= max(counts) < 90, "each shift about as often"
    assert len(set(zip(down, right, strict=True))) > 40, "down and to the right on their own"


def test_anew_each_time(images: Tensor) -> None:
    torch.manual_seed(0)
    assert not torch.equal(varied(images[:20]), varied(images[:20]))


def test_what_goes_in_and_out() -> None:
    classifier, encoder = networks_of("cifar10")
    images = torch.rand(5, 3, 32, 32)
    assert in_batches(classifier, images, 2).shape == (5, 10)
    features = in_batches(encoder, images, 2)
    assert features.shape == (5, 96)
    loss = heads_of("cifar10").loss(features.clone(), images, torch.arange(5))
    assert loss.shape == () and loss > 0


def test_an_image_is_looked_at_by_itself() -> None:
    images = torch.rand(6, 3, 32, 32)
    for network in networks_of("cifar10"):
        assert torch.allclose(in_batches(network, images, 6), in_batches(network, images, 1), atol=1e-4)
