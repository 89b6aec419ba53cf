"""Models that were pickled whole: their tensors are taken out of them, and nothing of them is run."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from intake_weights import Bomb, Net, kept, never, saved, tensor, with_pickle
from torch import Tensor, nn

from grading.errors import Crashed, WeightsError
from grading.intake import WeightsManifest, quarantine
from grading.sandbox.inside.whole_models import NotTakenApart, tensors_of

LEGACY = {"_use_new_zipfile_serialization": False}


def apart(path: Path) -> WeightsManifest:
    """The manifest of a file that is taken apart; in the box what goes wrong is a crash."""

    def opened(file: Path) -> object:
        try:
            return tensors_of(str(file))
        except Exception as error:
            raise Crashed(f"{type(error).__name__}: {error}") from error

    return quarantine(path, never, path.parent / "store", opened)


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as told:
        apart(path)
    assert str(told.value).isprintable() and len(str(told.value)) < 900
    return str(told.value)


class Odd(nn.Module):
    """Everything that a state dict treats in a way of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("passing", torch.ones(3), persistent=False)
        self.register_buffer("none", None)
        self.register_parameter("nothing", None)
        self.shared = nn.Linear(2, 2)
        self.again = self.shared
        self.blocks = nn.ModuleList([nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)])
        self.named = nn.ModuleDict({"a": nn.Embedding(3, 2)})
        self.sequence = nn.Sequential(OrderedDict(first=nn.GRU(2, 2), second=nn.GELU()))
        self.settings = {"function": torch.nn.functional.relu, "device": torch.device("cpu"), "type": torch.float16}
        self.weight = nn.Parameter(torch.arange(6.0).reshape(2, 3).T)


@pytest.mark.parametrize("how", [{}, LEGACY])
@pytest.mark.parametrize("model", [Net, Odd, lambda: nn.DataParallel(Net()), lambda: nn.Sequential(Net(), Odd())])
def test_its_state_dict_is_what_comes_out(tmp_path: Path, how: dict[str, Any], model: Any) -> None:
    made = model()
    path = saved(tmp_path / "vae.pt", made, **how)
    with pytest.raises(WeightsError, match="whole pickled model"):
        kept(path, never)
    manifest = apart(path)
    expected = made.state_dict()
    assert [name for name, _, _ in manifest.tensors] == list(expected)
    assert manifest.whole
    from safetensors.torch import load_file

    found = load_file(manifest.path)
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert any("its tensors were taken out of it" in note for note in manifest.notes)


def test_models_within_a_dict(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", {"model": Net(), "epoch": 3, "optimizer": Bomb(tmp_path / "owned")})
    assert [name for name, _, _ in apart(path).tensors] == list(Net().state_dict())
    path = saved(tmp_path / "gan.pt", {"generator": Net(), "discriminator": nn.Linear(2, 2)})
    assert "discriminator.weight" in [name for name, _, _ in apart(path).tensors]


class Reduced(nn.Linear):
    """Does harm where it is unpickled in earnest."""

    target: Path

    def __reduce__(self) -> Any:
        return Bomb(Reduced.target).__reduce__()


class Restored(nn.Linear):
    """Does harm where its state is set."""

    def __setstate__(self, state: Any) -> None:
        Reduced.target.touch()


def test_nothing_of_it_is_run(tmp_path: Path) -> None:
    Reduced.target = tmp_path / "owned"
    model = Net()
    model.bomb = Bomb(Reduced.target)
    model.encoder = Restored(4, 3)
    model.settings = [eval, exec, Reduced(2, 2)]
    assert [name for name, _, _ in apart(saved(tmp_path / "vae.pt", model)).tensors] == list(Net().state_dict())
    model.extra = Reduced(2, 2)
    assert len(apart(saved(tmp_path / "again.pt", model)).tensors) == len(Net().state_dict())
    for way in (b"cos\nsystem\n(S'touch owned'\ntR.", b"c__builtin__\neval\n(S'1/0'\ntR."):
        head = b"ctorch.nn.modules.linear\nLinear\n)\x81"
        assert "no model was found" in refused(with_pickle(tmp_path / "hand.pt", b"\x80\x02" + head + b"0" + way))
    assert not Reduced.target.exists() and not Path("owned").exists()


def test_a_module_that_is_a_part_of_itself(tmp_path: Path) -> None:
    model = Net()
    model._modules["self"] = model
    assert "a module is a part of itself" in refused(saved(tmp_path / "vae.pt", model))


def test_as_many_modules_as_paths_lead_to(tmp_path: Path) -> None:
    """Forty modules, each twice a part of the next: a million million on the way."""
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(40):
        model = nn.Sequential(model, model)
    assert "too many modules" in refused(saved(tmp_path / "vae.pt", model))


def test_very_many_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million are too many names to be read; as many as can be read may still be too many."""
    many = saved(tmp_path / "vae.pt", nn.ModuleList(nn.Identity() for _ in range(300)))
    monkeypatch.setattr("grading.sandbox.inside.whole_models.MODULES", 300)
    assert "too many modules" in refused(many)
    monkeypatch.setattr("grading.intake.limits.PICKLE", 10_000)
    assert "of names and shapes" in refused(many)  # before it is opened


def test_tensors_that_claim_what_is_not_there(tmp_path: Path) -> None:
    head = b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}(X\x0b\x00\x00\x00_parameters}X\x01\x00\x00\x00w"
    for value in (
        tensor((10**6, 10**6), (0, 0)),
        tensor((5,), (1,)),
        tensor((2,), (2**40,)),
        tensor((2,), (1,), offset=2**50),
    ):
        assert "could not be taken out" in refused(with_pickle(tmp_path / "vae.pt", head + value + b"sub."))
    good = with_pickle(tmp_path / "good.pt", head + tensor((2, 2), (2, 1)) + b"sub.")
    assert apart(good).tensors == (("w", (2, 2), "float32"),)


def test_many_views_of_one_storage(tmp_path: Path) -> None:
    model = nn.Module()
    shared = torch.zeros(1_000_000)
    for number in range(300):
        model.register_buffer(f"b{number}", shared[:])
    assert "holds 300,000,000 numbers; at most 200,000,000" in refused(saved(tmp_path / "vae.pt", model))


def test_a_state_that_is_no_dict(tmp_path: Path) -> None:
    for state in (b"K\x05", b"]", b"X\x01\x00\x00\x00x", b"N"):
        program = b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81" + state + b"b."
        assert "could not be taken out" in refused(with_pickle(tmp_path / "vae.pt", program))


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "vae.pt").write_bytes(pickle.dumps(3, 2))
    with pytest.raises((NotTakenApart, pickle.UnpicklingError, RuntimeError)):
        tensors_of(str(tmp_path / "vae.pt"))


def test_tensors_alone_are_none_of_its_business(tmp_path: Path) -> None:
    opened: list[Path] = []

    def plainly(path: Path) -> dict[str, Tensor]:
        opened.append(path)
        return Net().state_dict()

    quarantine(saved(tmp_path / "vae.pt", Net().state_dict()), plainly, tmp_path / "store", never)
    assert len(opened) == 1
