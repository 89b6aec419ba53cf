"""Which state dict is found in an opened file, and what is kept of it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from intake_weights import Net, kept, never, opened, refusal, saved, state
from torch import nn

from grading.errors import Crashed, SandboxError, TimedOut, WeightsError
from grading.intake import quarantine
from grading.intake.state import find_state


def names(value: object) -> list[str]:
    return list(find_state(value, "vae.pt").tensors)


def notes(value: object) -> tuple[str, ...]:
    return find_state(value, "vae.pt").notes


def test_manifest_tells_what_is_in_the_file(tmp_path: Path) -> None:
    net = Net()
    path = saved(tmp_path / "vae.pt", net.state_dict())
    manifest = kept(path)
    assert manifest.name == "vae.pt" and manifest.path == tmp_path / "store" / "vae.safetensors"
    assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ("encoder.weight", (3, 4), "float32") in manifest.tensors
    assert ("norm.num_batches_tracked", (), "int64") in manifest.tensors
    floating = [value for value in net.state_dict().values() if value.is_floating_point()]
    assert manifest.parameters == sum(value.numel() for value in floating) == 15 + 12 + 16
    assert manifest.finite and manifest.notes == ()


def test_numbers_survive_exactly(tmp_path: Path) -> None:
    values = {
        "half": torch.tensor([1.5, -0.0], dtype=torch.bfloat16),
        "turned": torch.arange(6.0).reshape(2, 3).T,
        "shared": (shared := torch.randn(4)),
        "shared too": shared,
        "part": shared[1:3],
        "empty": torch.zeros(0, 2),
        "flag": torch.tensor([True, False]),
        "parameter": nn.Parameter(torch.randn(2)),
    }
    manifest = kept(saved(tmp_path / "vae.pt", values))
    loaded = safetensors.torch.load_file(manifest.path)
    assert sorted(loaded) == sorted(values)
    for key, value in values.items():
        assert loaded[key].dtype == value.dtype and torch.equal(loaded[key], value), key
    assert [name for name, _, _ in manifest.tensors] == list(values)


def test_opened_with_the_path_it_was_given(tmp_path: Path) -> None:
    seen: list[Path] = []

    def unpickle(path: Path) -> object:
        seen.append(path)
        return opened(path)

    path = saved(tmp_path / "vae.pt", state())
    kept(path, unpickle)
    assert seen == [path]


@pytest.mark.parametrize("fault", [Crashed("RuntimeError: bad size"), TimedOut("no answer in 10 s")])
def test_sandbox_that_has_no_answer(tmp_path: Path, fault: Exception) -> None:
    def unpickle(path: Path) -> object:
        raise fault

    sentence = refusal(saved(tmp_path / "vae.pt", state()), unpickle)
    assert sentence == (
        f"vae.pt cannot be opened: {fault}. Save it again with torch.save(model.state_dict(), 'vae.pt')."
    )


def test_sandbox_that_broke_is_not_the_students_fault(tmp_path: Path) -> None:
    def unpickle(path: Path) -> object:
        raise SandboxError("it broke")

    with pytest.raises(SandboxError):
        quarantine(saved(tmp_path / "vae.pt", state()), unpickle, tmp_path / "store")


@pytest.mark.parametrize(
    "key", ["model_state_dict", "state_dict", "model", "net", "network", "module", "weights", "params", "ema", "vae"]
)
def test_nested_state_is_found(key: str) -> None:
    value = {"epoch": 3, key: state(), "optimizer": {"state": {"0": {"exp_avg": torch.ones(9)}}, "param_groups": []}}
    assert names(value) == ["fc.weight", "fc.bias"]
    [note] = notes(value)
    assert note == (
        f"vae.pt keeps its weights under {key} and also holds epoch, optimizer. "
        "They were taken from there; weights alone are enough: torch.save(model.state_dict(), 'vae.pt')."
    )


def test_nested_twice_and_not_more() -> None:
    assert names({"checkpoint": {"model": state()}}) == ["fc.weight", "fc.bias"]
    with pytest.raises(WeightsError, match="holds no tensors"):
        names({"a": {"b": {"c": {"d": state()}}}})


def test_model_goes_before_its_average() -> None:
    value = {"ema": {"average": torch.ones(1)}, "model": {"last": torch.ones(1)}}
    assert names(value) == ["last"] and "under model and also holds ema" in notes(value)[0]


def test_two_models_side_by_side_are_both_kept() -> None:
    value = {"generator": {"fc": torch.ones(1)}, "discriminator": {"fc": torch.ones(2)}, "epoch": 3}
    assert names(value) == ["generator.fc", "discriminator.fc"]
    assert "under generator, discriminator and also holds epoch" in notes(value)[0]


def test_flat_state_with_something_beside_it() -> None:
    value = {**state(), "epoch": 3, "extras": {"loss": [1.0]}}
    assert names(value) == ["fc.weight", "fc.bias"]
    assert notes(value)[0].startswith("vae.pt also holds epoch, extras, which is not needed. Hand in only the weights:")


def test_flat_state_that_merely_has_a_child_of_tensors() -> None:
    assert names({**state(), "cache": {"x": torch.ones(1)}}) == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (torch.ones(3), "holds a single tensor, not a state dict"),
        ([torch.ones(3)], "holds a value of type list, not a state dict"),
        (None, "holds a value of type NoneType"),
        ({}, "holds no tensors"),
        ({"epoch": 3, "model": {}}, "holds no tensors"),
        ({"state": {"0": {"exp_avg": torch.ones(1)}}, "param_groups": []}, "holds an optimizer's state, not weights"),
        ({"a\nb": torch.ones(1)}, r"under an impossible name, 'a\x0ab'"),
        ({"a" * 600: torch.ones(1)}, "under an impossible name"),
        ({"__metadata__": torch.ones(1)}, "under an impossible name"),
        ({"a": torch.ones(1, dtype=torch.complex64)}, "the tensor 'a' is of a kind that is not accepted (complex64"),
        ({"a": torch.eye(2).to_sparse()}, "(float32, torch.sparse_coo, cpu)"),
        ({"a": torch.ones(1, device="meta")}, "(float32, torch.strided, meta)"),
        ({"a": torch.ones(1).expand(2_000, 2_000)}, "the tensor 'a' claims 4,000,000 numbers and holds fewer"),
    ],
)
def test_states_that_cannot_be_kept(value: object, what: str) -> None:
    with pytest.raises(WeightsError) as refused:
        names(value)
    assert what in str(refused.value) and str(refused.value).isprintable()


def test_too_many_tensors_or_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.intake.limits.TENSORS", 1)
    with pytest.raises(WeightsError, match="holds 2 tensors and 8 numbers; at most 1 tensors"):
        names(state())
    monkeypatch.undo()
    monkeypatch.setattr("grading.intake.limits.NUMBERS", 7)
    with pytest.raises(WeightsError, match=r"and 7 numbers are accepted"):
        names(state())


def test_opened_file_is_judged_even_if_the_look_before_was_passed(tmp_path: Path) -> None:
    """A sandbox that was taken over can hand back anything."""
    sentence = refusal(saved(tmp_path / "vae.pt", state()), lambda _: {"a": torch.ones(1).expand(10**6, 10**6)})
    assert "Call .clone()" in sentence


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "infinity")])
def test_not_finite(tmp_path: Path, value: float, word: str) -> None:
    bad = torch.tensor([1.0, value])
    manifest = kept(saved(tmp_path / "vae.pt", state(good=torch.ones(1), bad=bad, worse=bad)))
    assert not manifest.finite
    assert manifest.notes[0].startswith(f"vae.pt holds {word}, first in 'bad'. Training has diverged")


def test_names_of_any_script_are_kept(tmp_path: Path) -> None:
    values: Mapping[str, Any] = {"schicht_größe": torch.ones(1), "层": torch.ones(1)}
    assert set(safetensors.torch.load_file(kept(saved(tmp_path / "vae.pt", values)).path)) == set(values)


def test_never_is_what_it_says(tmp_path: Path) -> None:
    """The stand-in used wherever a file must be refused unopened does fail when it is opened."""
    with pytest.raises(AssertionError, match="was opened"):
        quarantine(saved(tmp_path / "vae.pt", state()), never, tmp_path / "store")


def test_state_of_a_real_model_loads_back(tmp_path: Path) -> None:
    net, other = Net(), Net()
    manifest = kept(saved(tmp_path / "vae.pt", net.state_dict()))
    other.load_state_dict(safetensors.torch.load_file(manifest.path), strict=True)
    x = torch.randn(5, 4)
    assert torch.equal(other.encoder(x), net.encoder(x))
