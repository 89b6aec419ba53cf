"""What the judge looks with: pinned, small, balanced, and good enough to judge by."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from grading import assets
from grading.assets.networks import in_batches
from grading.assets.normalise import NORMALISATIONS, min_max
from grading.errors import AssetError

NAMES = sorted(path.parent.name for path in assets.HERE.glob("*/manifest.json"))
COLOUR = ("cifar10",)
MOST_BYTES = {"cifar10": 15 * 2**20}
LEAST_ACCURACY = {"cifar10": 0.85}


def copied(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(assets.HERE / name, tmp_path / name)
    monkeypatch.setattr(assets, "HERE", tmp_path)
    return tmp_path / name


def test_there_are_some() -> None:
    assert "fashion_mnist" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_pins_hold_and_every_file_is_pinned(name: str) -> None:
    folder = assets.HERE / name
    pins = json.loads((folder / "manifest.json").read_text())["sha256"]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}
    assert found == pins


@pytest.mark.parametrize("name", NAMES)
def test_those_of_one_data_set_are_small(name: str) -> None:
    assert sum(path.stat().st_size for path in (assets.HERE / name).iterdir()) <= MOST_BYTES.get(name, 12 * 2**20)


@pytest.mark.parametrize("file", ["classifier", "encoder", "held_out", "statistics", "training"])
def test_a_changed_byte_is_refused(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copied("fashion_mnist", tmp_path, monkeypatch) / f"{file}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(AssetError, match=rf"{file}\.safetensors is missing or is not the file"):
        assets.load.__wrapped__("fashion_mnist")


def test_a_missing_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied("fashion_mnist", tmp_path, monkeypatch) / "encoder.safetensors").unlink()
    with pytest.raises(AssetError, match="encoder"):
        assets.load.__wrapped__("fashion_mnist")


def test_an_unknown_data_set() -> None:
    with pytest.raises(AssetError, match="make assets"):
        assets.load("imagenet")


@pytest.mark.parametrize("name", NAMES)
def test_held_out_images(name: str) -> None:
    found = assets.load(name)
    assert len(found.images) == len(found.labels) >= 1000
    assert len(found.labels.bincount().unique()) == 1, "as many of each class"
    assert found.images.shape[1:] == ((3, 32, 32) if name in COLOUR else (1, 28, 28))
    assert (found.images.min(), found.images.max()) == (0, 1)
    assert found.facts["held_out_images"] == len(found.images)
    assert len(found.facts["classes"]) == len(found.labels.unique())


@pytest.mark.parametrize("name", NAMES)
def test_the_classifier_is_good_enough(name: str) -> None:
    found = assets.load(name)
    predicted = in_batches(found.classifier, found.images).argmax(1)
    accuracy = (predicted == found.labels).double().mean().item()
    assert accuracy >= LEAST_ACCURACY.get(name, 0.91)
    assert accuracy == pytest.approx(found.facts["classifier_test_accuracy"], abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_the_networks_are_for_looking_only(name: str) -> None:
    found = assets.load(name)
    for network in (found.classifier, found.encoder):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_those_of_real_images(name: str) -> None:
    found = assets.load(name)
    ways = ["as_is"] if name in COLOUR else list(NORMALISATIONS)
    assert set(found.statistics) == {f"{way}.{part}" for way in ways for part in ("mean", "covariance")}
    for way in ways:
        normalise = NORMALISATIONS[way]
        features = in_batches(found.encoder, normalise(found.images)).double()
        mean, covariance = found.statistics[f"{way}.mean"], found.statistics[f"{way}.covariance"]
        standard_error = (covariance.diagonal() / len(features)).sqrt()
        assert ((features.mean(0) - mean).abs() < 5 * standard_error).all()
        assert torch.linalg.eigvalsh(covariance).min() > 0
        assert features.T.cov().trace() == pytest.approx(covariance.trace().item(), rel=0.05)


def test_min_max() -> None:
    images = torch.stack([torch.linspace(-3, 1, 784).view(1, 28, 28), torch.full((1, 28, 28), 0.7)])
    found = min_max(images)
    assert (found[0].min(), found[0].max()) == (0, 1)
    assert (found[1] == 0).all(), "a flat image has no extremes to stretch"
