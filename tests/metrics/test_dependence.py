"""Images that follow their weights, and images that do not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from metrics_fakes import Student, setting
from torch import Tensor

from grading import assets
from grading.errors import Crashed
from grading.metrics import dependence as module
from grading.metrics.dependence import dependence
from grading.metrics.within import Part
from grading.sandbox.inside.redrawing import changed

KNOWN = assets.load("fashion_mnist")


def real(labels: Tensor, chunk: int) -> Tensor:
    """A real image of each class that is asked for."""
    return torch.stack([KNOWN.images[KNOWN.labels == label][number % 2] for number, label in enumerate(labels)])


def content(file: dict[str, Any]) -> bytes:
    return bytes(file["bytes"].numpy().tobytes()[: file["size"]])


def found(follows: Callable[[Tensor, str], Tensor] | None = None) -> dict[str, float]:
    student = Student(real)
    if follows:
        student.follows = follows
    return {each.name: each.value for each in dependence(student, setting("vae.accuracy"))}


def test_images_that_follow_their_weights() -> None:
    told = found()
    assert told["without_weights"] <= 0.4
    assert 1e-5 < told["moved"] < 0.01


def test_images_that_are_there_without_weights() -> None:
    told = found(lambda images, how: images)
    assert told["without_weights"] > 0.7
    assert told["moved"] == 0


def test_images_for_one_file_only() -> None:
    assert found(lambda images, how: torch.rand(images.shape))["moved"] > 0.7


@pytest.mark.parametrize("how", ["anew", "nearly"])
def test_a_question_that_is_not_answered(how: str) -> None:
    def follows(images: Tensor, changed: str) -> Tensor:
        if changed == how:
            raise Crashed("not with these")
        return torch.rand(images.shape) if changed == "anew" else images * 0.999

    told = found(follows)
    assert told["without_weights"] <= 0.4, "code may raise where its weights are noise"
    assert (told["moved"] > 100) is (how == "nearly")


@pytest.mark.parametrize("nested", [False, True])
def test_a_changed_file_has_the_shape_of_the_first(nested: bool, tmp_path: Path) -> None:
    state = {
        "weight": torch.randn(30, 20),
        "running_var": torch.rand(20),
        "steps": torch.tensor(7),
        "bias": torch.zeros(2),
    }
    path, other = tmp_path / "model.pt", tmp_path / "other.pt"
    images = torch.rand(4, 784)
    torch.save({"epoch": 3, "state": dict(state), "beside": images} if nested else state, path)
    for how, near in (("anew", False), ("nearly", True)):
        torch.manual_seed(0)
        other.write_bytes(content(changed(str(path), how, list(state))))
        loaded = torch.load(other, weights_only=True)
        assert not nested or torch.equal(loaded["beside"], images)
        loaded = loaded["state"] if nested else loaded
        assert {name: each.shape for name, each in loaded.items()} == {name: each.shape for name, each in state.items()}
        assert loaded["steps"] == 7 and (loaded["running_var"] >= 0).all()
        assert torch.allclose(loaded["weight"], state["weight"], rtol=0.01) is near
        assert not torch.equal(loaded["weight"], state["weight"])


def test_weights_under_other_names_are_changed_too(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"net": {"a.weight": torch.ones(20) * 2}}, path)
    (tmp_path / "other.pt").write_bytes(content(changed(str(path), "nearly", ["weight"])))
    assert not torch.equal(torch.load(tmp_path / "other.pt", weights_only=True)["net"]["a.weight"], torch.ones(20) * 2)


def test_weights_that_are_no_part_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are drawn anew in the file that is nearly the same."""
    monkeypatch.setattr(module, "within", lambda student, setting: Part(["head.weight"], [], []))
    student = Student(real)
    dependence(student, setting("vae.accuracy"))
    assert student.redrawn == {"anew": [], "nearly": ["head.weight"]}


def test_weights_that_are_drawn_anew_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": torch.randn(90), "b": torch.randn(90), "beside": torch.randn(90)}, path)
    (tmp_path / "other.pt").write_bytes(content(changed(str(path), "nearly", ["a", "b"], ["b"])))
    before, after = (torch.load(tmp_path / name, weights_only=True) for name in ("model.pt", "other.pt"))
    apart = {name: (before[name] - after[name]).abs().max().item() for name in before}
    assert 0 < apart["a"] < 0.02 < 1 < apart["b"]
    assert apart["beside"] == 0


def test_images_that_take_too_long_are_not_asked_for_again() -> None:
    student = Student(real)
    told = dependence(student, replace(setting("vae.accuracy"), seconds=0.0))
    values = {each.name: each.value for each in told}
    assert values.items() >= {"without_weights": 0.0, "moved": 1e-3}.items()
    assert ["take too long" in each.note for each in told] == [
        each.name in ("without_weights", "moved") for each in told
    ]
