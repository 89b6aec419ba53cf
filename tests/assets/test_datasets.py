"""Which images are chosen from a data set, and that none is downloaded by asking whether it is there."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from grading.assets import datasets
from grading.assets.datasets import balanced_indices, labelled_images, on_disk, spread_indices


def labels_of(n: int) -> Tensor:
    return torch.randint(0, 10, (n,), generator=torch.Generator().manual_seed(0))


def test_as_many_of_each_class_in_ascending_order() -> None:
    labels, ease = labels_of(2000), torch.rand(2000, generator=torch.Generator().manual_seed(1))
    chosen = spread_indices(labels, ease, 30)
    assert labels[chosen].bincount().tolist() == [30] * 10
    assert (chosen.diff() > 0).all(), "none twice, in order"
    assert torch.equal(chosen, spread_indices(labels, ease, 30))


def test_they_are_as_easy_and_as_hard_as_all() -> None:
    """In each class one of every stretch of equally many, from the hardest to the easiest: quantiles are kept."""
    labels, ease = labels_of(2000), torch.rand(2000, generator=torch.Generator().manual_seed(1)).square()
    chosen = spread_indices(labels, ease, 30)
    for label in range(10):
        all_of_it, some = ease[labels == label], ease[chosen][labels[chosen] == label]
        assert abs(some.mean() - all_of_it.mean()) < 0.005
        levels = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
        assert (torch.quantile(some, levels) - torch.quantile(all_of_it, levels)).abs().max() < 0.05


def test_all_of_a_class_where_all_are_wanted() -> None:
    labels = torch.arange(10).repeat(7)
    ease = torch.rand(70, generator=torch.Generator().manual_seed(0))
    assert torch.equal(spread_indices(labels, ease, 7), torch.arange(70))


def test_another_classifiers_accuracy_is_estimated_better_than_from_as_many_drawn_at_random() -> None:
    """One that finds hard what the first finds hard, but not the same: the error is a third smaller at least."""
    rng, spread, drawn = torch.Generator().manual_seed(0), [], []
    labels = labels_of(4000)
    for trial in range(60):
        ease = torch.rand(4000, generator=rng) ** 0.5
        chance = (0.75 * ease + 0.25 * torch.rand(4000, generator=rng)).round()
        truth = chance.mean()
        spread.append(chance[spread_indices(labels, ease, 30)].mean() - truth)
        drawn.append(chance[balanced_indices(labels, 30, seed=trial)].mean() - truth)
    errors = [torch.stack(each).square().mean().sqrt() for each in (spread, drawn)]
    assert errors[0] < 0.67 * errors[1]
    assert abs(torch.stack(spread).mean()) < 3 * errors[0] / 60**0.5, "and it is unbiased"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", [*datasets.TORCHVISION_NAMES, "afhq"])
def test_nothing_is_downloaded_by_asking(name: str, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, asked = datasets._dataset, []

    def watched(name: str, train: bool, download: bool = False) -> object:
        asked.append(download)
        return original(name, train, download)

    monkeypatch.setattr(datasets, "_dataset", watched)
    assert not on_disk(name)
    assert True not in asked
    assert list(empty.iterdir()) == []


def idx(*shape: int) -> bytes:
    """A file of MNIST's kind, all zeros."""
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    return bytes([0, 0, 8, len(shape)]) + sizes + bytes(torch.Size(shape).numel())


def test_what_is_there_is_found_and_read(empty: Path) -> None:
    folder = empty / datasets.FOLDERS["mnist"]
    folder.mkdir(parents=True)
    for split, count in (("train", 5), ("t10k", 3)):
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx(count, 28, 28))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(count))
    assert on_disk("mnist")
    assert not on_disk("cifar10")
    images, labels = labelled_images("mnist", train=False)
    assert (images.shape, images.dtype, labels.shape) == ((3, 1, 28, 28), torch.uint8, (3,))


def test_half_of_cifar10_is_not_there(empty: Path) -> None:
    folder = empty / datasets.FOLDERS["cifar10"]
    folder.mkdir()
    (folder / "test_batch").write_bytes(b"not the images")
    assert not on_disk("cifar10")
