"""The cache of features: found again, made anew where broken, never in the way."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from grading.metrics.extraction import Extractor
from grading.metrics.feature_cache import cache_folder, cached_features, write_whole

IMAGES = torch.arange(5 * 3 * 4 * 4).remainder(256).to(torch.uint8).view(5, 3, 4, 4)


class Counting:
    """Features that count how often they were made."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.calls += 1
        return images.float().flatten(1)[:, :6].contiguous() + self.calls


@pytest.fixture
def made() -> Counting:
    return Counting()


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ELBOGRADE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def extractor(made: Counting, name: str = "net", version: str = "1") -> Extractor:
    return Extractor(name, "distance", "note", 6, made, version)


def test_a_second_time_it_is_read(made: Counting, folder: Path) -> None:
    first = cached_features(extractor(made), IMAGES)
    assert torch.equal(cached_features(extractor(made), IMAGES.clone()), first)
    assert made.calls == 1
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "version", "images"),
    [
        ("other", "1", IMAGES),
        ("net", "2", IMAGES),
        ("net", "1", IMAGES.flip(0)),
        ("net", "1", IMAGES[:4]),
        ("net", "1", IMAGES.view(5, 3, 2, 8)),
    ],
)
def test_anything_else_is_made(name: str, version: str, images: Tensor, made: Counting) -> None:
    cached_features(extractor(made), IMAGES)
    cached_features(extractor(made, name, version), images)
    assert made.calls == 2


def test_a_view_is_known_by_what_it_shows(made: Counting) -> None:
    cached_features(extractor(made), IMAGES[:4])
    cached_features(extractor(made), IMAGES.clone()[:4].contiguous(memory_format=torch.channels_last))
    assert made.calls == 1


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def of_another_shape(file: Path) -> None:
    save_file({"features": torch.zeros(5, 7)}, file)


def not_finite(file: Path) -> None:
    save_file({"features": torch.full((5, 6), torch.nan)}, file)


def under_another_name(file: Path) -> None:
    save_file({"other": torch.zeros(5, 6)}, file)


@pytest.mark.parametrize("damage", [truncated, emptied, of_another_shape, not_finite, under_another_name])
def test_a_broken_file_is_made_anew(damage: Callable[[Path], None], made: Counting, folder: Path) -> None:
    cached_features(extractor(made), IMAGES)
    (file,) = folder.iterdir()
    damage(file)
    again = cached_features(extractor(made), IMAGES)
    assert made.calls == 2
    assert torch.equal(load_file(file)["features"], again)


def test_a_folder_that_cannot_be_written_costs_only_speed(
    made: Counting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ELBOGRADE_CACHE", str(tmp_path / "file" / "cache"))
    for calls in (1, 2):
        assert cached_features(extractor(made), IMAGES).shape == (5, 6)
        assert made.calls == calls


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_what_another_user_left_is_not_read(made: Counting, folder: Path) -> None:
    cached_features(extractor(made), IMAGES)
    (file,) = folder.iterdir()
    os.chown(file, 54321, 54321)
    cached_features(extractor(made), IMAGES)
    assert made.calls == 2


def test_half_a_file_is_never_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing(self: Path, target: Path) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "kept" / "file", b"content")
    assert not list((tmp_path / "kept").iterdir())


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ELBOGRADE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "elbograde"
    monkeypatch.setenv("ELBOGRADE_CACHE", "~/elsewhere")
    assert cache_folder() == tmp_path / "elsewhere"
