"""Weights files as torch.save writes them, and as attackers do."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grading.errors import WeightsError
from grading.intake import WeightsManifest, quarantine


class Bomb:
    """Runs a command where it is unpickled in earnest."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


class Net(nn.Module):
    """A model small enough to be saved in every test."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.decoder = nn.Linear(3, 4)


def saved(path: Path, value: object, **how: Any) -> Path:
    """The file that torch.save writes."""
    torch.save(value, path, **how)
    return path


def opened(path: Path) -> object:
    """What the sandbox does."""
    return torch.load(path, map_location="cpu", weights_only=True)


def never(path: Path) -> object:
    """Stands for the sandbox where a file must be refused unopened."""
    raise AssertionError(f"{path.name} was opened")


def kept(path: Path, unpickle: Callable[[Path], object] = opened) -> WeightsManifest:
    """The manifest of a file that is accepted."""
    return quarantine(path, unpickle, path.parent / "store")


def refusal(path: Path, unpickle: Callable[[Path], object] = never) -> str:
    """The sentence that a file is refused with; asserts that it was not opened and that nothing was kept."""
    with pytest.raises(WeightsError) as refused:
        kept(path, unpickle)
    assert not (path.parent / "store").exists()
    sentence = str(refused.value)
    assert sentence.isprintable() and len(sentence) < 600 and path.name in sentence
    return sentence


def members_of(path: Path) -> dict[str, bytes]:
    """The parts of a zip, in order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(path: Path, parts: Mapping[str, bytes], deflate: bool = False) -> Path:
    """The same file with other parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_pickle(path: Path, program: bytes, storages: Mapping[str, bytes] | None = None) -> Path:
    """A zip as torch.save writes it, around a pickle made by hand."""
    parts = {"archive/data.pkl": program, "archive/version": b"3\n"}
    return rezipped(path, parts | {f"archive/data/{key}": data for key, data in (storages or {"0": bytes(16)}).items()})


def text(word: str) -> bytes:
    """Pickles a string."""
    return b"X" + struct.pack("<L", len(word)) + word.encode()


def number(value: int) -> bytes:
    """Pickles a whole number."""
    return b"J" + struct.pack("<l", value) if abs(value) < 2**31 else pickle.dumps(value, 2)[2:-1]


def tuple_of(*items: bytes) -> bytes:
    """Pickles a tuple."""
    return b"(" + b"".join(items) + b"t"


def tensor(
    size: tuple[int, ...], stride: tuple[int, ...], stored: int = 4, offset: int = 0, kind: str = "FloatStorage"
) -> bytes:
    """Pickles a tensor of 4 stored numbers as torch.save would, whatever it claims."""
    storage = tuple_of(text("storage"), f"ctorch\n{kind}\n".encode(), text("0"), text("cpu"), number(stored)) + b"Q"
    shape = tuple_of(*map(number, size)) + tuple_of(*map(number, stride))
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + tuple_of(storage, number(offset), shape, b"\x89", b"N") + b"R"


def program(*values: bytes) -> bytes:
    """A pickle of a dict with these values."""
    items = b"".join(text(str(place)) + value for place, value in enumerate(values))
    return b"\x80\x02}(" + items + b"u."


def in_memory(value: object) -> bytes:
    """What torch.save would write."""
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def state(**tensors: Tensor) -> dict[str, Tensor]:
    """A small state dict."""
    return {"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2), **tensors}
