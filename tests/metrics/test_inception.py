"""Which network is taken when: Inception where its weights are, else the one that is installed, which says why."""

import io
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from grading.errors import AssetError
from grading.metrics import inception
from grading.metrics.extraction import clean_resize
from grading.metrics.extractors import best_extractor
from grading.metrics.feature_cache import owned


def images(n: int, side: int = 32, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (n, 3, side, side), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Inception's weights and without a network."""
    monkeypatch.delenv("ELBOGRADE_INCEPTION", raising=False)
    monkeypatch.setenv("ELBOGRADE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(inception, "CLEAN_FID_FOLDER", tmp_path / "tmp")
    monkeypatch.setattr(urllib.request, "urlopen", answering(URLError("no route to host")))


def answering(answer: bytes | Exception, length: int | None = None, asked: list[object] | None = None) -> object:
    """A stand-in for urlopen."""

    class Response(io.BytesIO):
        headers = {} if length is None else {"Content-Length": str(length)}

    def urlopen(url: str, timeout: float) -> Response:
        if asked is not None:
            asked.append((url, timeout))
        if isinstance(answer, Exception):
            raise answer
        return Response(answer)

    return urlopen


class Layers(nn.Module):
    """Stands in for Inception's layers."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.line = nn.Linear(3, dimensions)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x.mean((2, 3)))[:, :, None, None]


class Network(nn.Module):
    """A TorchScript file in the shape of clean-fid's: the features are in `layers`."""

    def __init__(self, dimensions: int = 2048) -> None:
        super().__init__()
        self.layers = Layers(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def scripted(network: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(network), buffer)
    return buffer.getvalue()


def test_inception_from_the_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network, file = Network(), tmp_path / "mine.pt"
    file.write_bytes(scripted(network))
    monkeypatch.setenv("ELBOGRADE_INCEPTION", str(file))
    found = best_extractor(download=False)
    assert (found.name, found.distance, found.kernel, found.dimensions) == ("inception_v3", "FID", "KID", 2048)
    with torch.no_grad():
        wanted = network.layers((clean_resize(images(5), 299) - 128) / 128).flatten(1)
    assert torch.allclose(found.features(images(5)), wanted, atol=1e-4)


@pytest.mark.parametrize("folder", ["cache", "tmp"])
def test_inception_where_it_is_kept(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / inception.FILE).write_bytes(scripted(Network()))
    assert best_extractor(download=False).distance == "FID"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        (lambda: b"not a network", "is not the network that clean-fid uses"),
        (lambda: scripted(Network(64)), r"its features are \[1, 64\]"),
        (lambda: scripted(Layers(2048)), "is not the network that clean-fid uses"),
    ],
)
def test_a_named_file_that_is_no_inception(
    content: Callable[[], bytes] | None, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mine.pt"
    monkeypatch.setenv("ELBOGRADE_INCEPTION", str(file))
    if content:
        file.write_bytes(content())
    with pytest.raises(AssetError, match=reason):
        inception.inception_v3()
    found = best_extractor()
    assert found.name == "efficientnet_lite0"
    assert str(file) in found.note


def test_nothing_is_downloaded_where_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(urllib.request, "urlopen", answering(b"", asked=asked))
    found = best_extractor(download=False)
    assert not asked
    assert found.name == "efficientnet_lite0"
    assert "ELBOGRADE_INCEPTION is not set" in found.note


@pytest.mark.parametrize(
    ("answer", "length", "reason"),
    [
        (URLError("no route to host"), None, "no route to host"),
        (TimeoutError("timed out"), None, "timed out"),
        (b"half", 8, "only 4 of 8 bytes came"),
        (b"", None, "only 0 of 0 bytes came"),
    ],
)
def test_a_download_that_fails(
    answer: bytes | Exception, length: int | None, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, float]] = []
    monkeypatch.setattr(urllib.request, "urlopen", answering(answer, length, asked))  # type: ignore[arg-type]
    found = best_extractor()
    assert found.name == "efficientnet_lite0"
    assert reason in found.note
    assert asked[0][0].endswith(inception.FILE)
    assert asked[0][1] <= 10
    assert not list((tmp_path / "cache").glob("*"))


def test_a_download_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "PATIENCE", -1)
    monkeypatch.setattr(urllib.request, "urlopen", answering(b"a byte now and then"))
    assert "not done after" in best_extractor().note


def test_a_download_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []
    content = scripted(Network())
    monkeypatch.setattr(urllib.request, "urlopen", answering(content, len(content), asked))
    assert [best_extractor().distance for _ in range(2)] == ["FID", "FID"]
    assert len(asked) == 1
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [inception.FILE]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_what_another_user_left_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    file = tmp_path / "tmp" / inception.FILE
    file.write_bytes(scripted(Network()))
    assert owned(file)
    os.chown(file, 54321, 54321)
    assert not owned(file)
    assert best_extractor(download=False).name == "efficientnet_lite0"
