"""Students without a sandbox: what they return is chosen here, so what the metrics say of it is known beforehand."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from grading import rubric
from grading.assets import Assets, load
from grading.assets.build import descriptors
from grading.errors import Crashed
from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.rubric import Item

RUBRIC = rubric.load(Path(__file__).parents[2] / "rubrics/cmput328_a5/rubric.toml")


class Student:
    """Answers a generation probe with `make(labels, chunk)`; has no loader; its weights are in order."""

    repeats = True  # the same seed leads to the same answer
    follows: Callable[[Tensor, str], Tensor]  # what becomes of images with other weights, "anew" or "nearly"

    def __init__(self, make: Callable[[Tensor, int], Tensor], state: dict[str, Tensor] | None = None) -> None:
        self.make, self.asked, self.state = make, [], state or {"weight": torch.zeros(3)}
        self.instead: Mapping[str, bytes | None] = {}
        self.redrawn: dict[str, list[str]] = {}
        self.follows = lambda images, how: (
            torch.rand(images.shape) if how == "anew" else images + 1e-3 * torch.randn(images.shape)
        )

    def file(self, name: str) -> Path:
        return self.weights(name).path

    def weights_there(self) -> list[str]:
        return ["vae.pt"]

    @contextmanager
    def with_other_files(self, files: Mapping[str, bytes | None]) -> Iterator["Student"]:
        self.instead = files
        yield self
        self.instead = {}

    def weights(self, name: str) -> SimpleNamespace:
        with tempfile.NamedTemporaryFile(suffix=".safetensors", delete=False) as file:
            file.write(save(self.state))
        return SimpleNamespace(name=name, parameters=1, tensors=(), path=Path(file.name))

    def anew(self, probe: str, args: dict[str, Any], seed: str, seconds: float | None = None) -> Any:
        if probe == "changed!":
            self.redrawn[args["how"]] = args["anew"]
            how = args["how"].encode()
            padded = bytearray(how) + bytes(-len(how) % 8)
            return {"size": len(how), "bytes": torch.frombuffer(padded, dtype=torch.int64)}
        if seed == "depends":
            torch.manual_seed(0)
            images, how = self._made(args["labels"], 0), next(filter(None, self.instead.values()), None)
            return images if how is None else self.follows(images, how.decode())
        if "labels" not in args:
            return self.ask(probe, args, seed)
        return self.make(args["labels"], int(seed.removeprefix("chunk ")) + (not self.repeats))

    def ask(self, probe: str, args: dict[str, Any], seed: str | None = None, seconds: float | None = None) -> Any:
        if seed == "early":
            raise Crashed("there is no network here")
        self.asked.append((probe, seed))
        if "labels" not in args:
            raise Crashed("there is no loader here")
        return self.make(args["labels"], int(seed.removeprefix("chunk ")))

    def _made(self, labels: Tensor, chunk: int) -> Any:
        answer = self.make(labels, chunk)
        return answer[: len(labels)] if answer is not None else None


def item(name: str) -> Item:
    return next(row for row in RUBRIC.items if row.id == name)


def setting(name: str, assets: Assets | None = None, seconds: float = 300.0, quick: bool = False) -> Setting:
    row = item(name)
    return Setting(row.sampling, row.ramp, assets or load("fashion_mnist"), seconds, quick, "tests")


def shut_gates(name: str, found: Evidence) -> set[str]:
    """The measurements of the rubric's gates that are shut."""
    return {row.measurement for row in item(name).gates if not row.gate().open(found.named(row.measurement))}


def real_images(assets: Assets) -> Callable[[Tensor, int], Tensor]:
    """Held-out images of the classes asked for, others in every chunk."""

    def make(labels: Tensor, chunk: int) -> Tensor:
        answer = torch.empty(len(labels), 1, 28, 28)
        for label in labels.unique():
            members, wanted = (assets.labels == label).nonzero().flatten(), labels == label
            start = chunk * int(wanted.sum())
            answer[wanted] = assets.images[members[torch.arange(start, start + int(wanted.sum())) % len(members)]]
        return answer

    return make


@cache
def with_known_training_set() -> tuple[Assets, Assets]:
    """The assets as if the first half of the held-out images were the training set; and that training set."""
    assets = load("fashion_mnist")
    middle = len(assets.images) // 2
    training = replace(assets, images=assets.images[:middle], labels=assets.labels[:middle])
    pretended = descriptors((training.images * 255).round().to(torch.uint8))
    return replace(assets, images=assets.images[middle:], labels=assets.labels[middle:], training=pretended), training


def pleasing_noise(assets: Assets, labels: Tensor, steps: int = 12) -> Tensor:
    """Noise, driven up the classifier's own gradient until it names the class asked for."""
    pixels = torch.randn(len(labels), 1, 28, 28, generator=torch.Generator().manual_seed(0)).requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(assets.classifier(pixels.sigmoid()), labels).backward()
        optimizer.step()
    return pixels.detach().sigmoid()
