"""What a pickle may say."""

import io
import os
import random
import struct
from argparse import Namespace
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from intake_weights import (
    Bomb,
    Net,
    kept,
    number,
    opened,
    program,
    refusal,
    saved,
    state,
    tensor,
    text,
    tuple_of,
    with_pickle,
)
from torch import nn

from grading.errors import WeightsError
from grading.intake.claims import followed
from grading.intake.opcodes import ALLOWED_NAMES, Malformed, follow, instructions
from grading.intake.torch_files import inspect


def test_hand_made_pickle_is_what_torch_reads(tmp_path: Path) -> None:
    """The attacks below differ from this file in one thing each."""
    path = with_pickle(tmp_path / "vae.pt", program(tensor((2, 2), (2, 1))))
    assert kept(path).tensors == (("0", (2, 2), "float32"),)


def test_stride_zero_bomb(tmp_path: Path) -> None:
    path = saved(tmp_path / "vae.pt", {"weight": torch.zeros(1).expand(10**6, 10**6)})
    assert path.stat().st_size < 1_700
    loaded = opened(path)
    assert isinstance(loaded, dict) and loaded["weight"].shape == (10**6, 10**6)  # torch itself opens it
    sentence = refusal(path)
    assert "claims a tensor of 1000000 × 1000000, 1,000,000,000,000 numbers, and holds 1 for it" in sentence
    assert ".clone()" in sentence


def test_expanded_buffer_of_modest_size_is_welcome(tmp_path: Path) -> None:
    mask = torch.ones(1).expand(100, 100)
    assert ("mask", (100, 100), "float32") in kept(saved(tmp_path / "vae.pt", state(mask=mask))).tensors


def test_many_views_of_one_storage(tmp_path: Path) -> None:
    """Each is within its storage; together they are 300 million numbers."""
    shared = torch.zeros(100_000)
    path = saved(tmp_path / "vae.pt", {str(place): shared[:] for place in range(3_000)})
    assert "holds 300,000,000 numbers; at most 200,000,000 are accepted" in refusal(path)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (tensor((5,), (1,)), "reaches past the numbers stored"),
        (tensor((2,), (4,)), "reaches past the numbers stored"),
        (tensor((2,), (1,), offset=3), "reaches past the numbers stored"),
        (tensor((0,), (1,), stored=5), "should hold 20 bytes for one tensor and has 16"),
        (tensor((2,), (1,), stored=10**12), "should hold 4,000,000,000,000 bytes"),
        (tensor((-1,), (1,)), "a tensor has no size"),
        (tensor((2,), (-1,), offset=3), "a tensor has no size"),
        (tensor((2, 2), (1,)), "a tensor has no size"),
        (tensor((1,) * 65, (1,) * 65), "a tensor has no size"),
        (tensor((2**62, 2**62), (0, 0)), "claims a tensor of"),
    ],
)
def test_tensors_that_claim_what_is_not_there(tmp_path: Path, value: bytes, sentence: str) -> None:
    assert sentence in refusal(with_pickle(tmp_path / "vae.pt", program(value)))


def test_storage_that_is_not_in_the_file(tmp_path: Path) -> None:
    path = with_pickle(tmp_path / "vae.pt", program(tensor((2,), (1,))), {"1": bytes(16)})
    assert "should hold 16 bytes for one tensor and has 0" in refusal(path)


@pytest.mark.parametrize(
    "name",
    [
        "os system", "posix system", "builtins eval", "builtins getattr", "__builtin__ exec", "subprocess Popen",
        "torch load", "torch.storage _load_from_bytes", "torch.hub load", "numpy f2py", "operator attrgetter",
        "functools partial", "runpy run_path", "pip main", "_codecs encode", "collections defaultdict",
        "torch._utils _rebuild_tensor_v3", "torch ComplexFloatStorage", "torch._tensor _rebuild_from_type_v2",
        "collections OrderedDict.__class__", "collections  OrderedDict", "torch Tensor", "torch.nn.parameter Parameter",
    ],
)  # fmt: skip
def test_names_that_are_not_needed(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.partition(" ")
    call = f"c{module}\n{attribute}\n".encode() + tuple_of(text("touch owned")) + b"R"
    sentence = refusal(with_pickle(tmp_path / "vae.pt", program(call)))
    assert f"{module}.{attribute.replace(' ', '.')}" in sentence


def test_names_are_compared_whole(tmp_path: Path) -> None:
    """A module and a name joined by a space are one text to the reader; the split between them is not free."""
    for name in (b"ccollections OrderedDict\n\n", b"c\ncollections OrderedDict\n"):
        assert "which weights do not need" in refusal(with_pickle(tmp_path / "vae.pt", program(name + b")R")))


@pytest.mark.parametrize(
    ("trick", "instruction"),
    [
        (text("os") + text("system") + b"\x93", "STACK_GLOBAL"),
        (b"\x82\x01", "EXT1"),
        (b"(" + text("ls") + b"ios\nsystem\n", "posix"),
        (b"(cos\nsystem\n" + text("ls") + b"o", "posix"),
        (b"ccollections\nOrderedDict\n)\x81", "NEWOBJ"),
        (b"ccollections\nOrderedDict\n)}\x92", "NEWOBJ_EX"),
        (b"Pstorage\n", "PERSID"),
        (b"}2", "DUP"),
        (b"}0", "POP"),
        (b"(1", "POP_MARK"),
        (b"V\\u0041\n", "UNICODE"),
        (b"\x97", "NEXT_BUFFER"),
        (b"\x8a\x02\x00\x01\x8b\x01\x00\x00\x00\x01", "LONG4"),
    ],
)
def test_instructions_that_are_not_needed(tmp_path: Path, trick: bytes, instruction: str) -> None:
    sentence = refusal(with_pickle(tmp_path / "vae.pt", program(trick)))
    refused = "names os.system" if instruction == "posix" else f"does not write by default ({instruction}"
    assert refused in sentence


@pytest.mark.parametrize(
    "trick",
    [
        tensor((2,), (1,)) + tuple_of(number(1)) + b"b",  # BUILD on a tensor is Tensor.set_: any shape on any storage
        b"ctorch\nFloatStorage\n" + tuple_of(number(10**9)) + b"R",
        tuple_of(number(1)) + number(1) + b"a",
        tuple_of(number(1)) + b"(" + number(1) + b"e",
        b"ctorch._utils\n_rebuild_tensor_v2\n" + tuple_of(number(1), number(0), b"))", b"\x89", b"N") + b"R",
        b"ctorch._utils\n_rebuild_parameter\n" + tuple_of(number(1)) + b"R",
        b"ctorch._utils\n_rebuild_parameter\n)R",
        tuple_of(text("module"), b"ctorch\nFloatStorage\n", text("0"), text("cpu"), number(1)) + b"Q",
        tuple_of(text("storage"), b"ctorch\nSize\n", text("0"), text("cpu"), number(1)) + b"Q",
        number(7) + b"Q",
        b"t", b"u", b"R", b"h\x09", b"q\x00" * 3 + b"tttt",
    ],
)  # fmt: skip
def test_instructions_that_do_not_fit_together(tmp_path: Path, trick: bytes) -> None:
    assert "malformed pickle" in refusal(with_pickle(tmp_path / "vae.pt", program(trick)))


def test_other_protocols(tmp_path: Path) -> None:
    for protocol in (3, 4, 5):
        sentence = refusal(saved(tmp_path / "vae.pt", state(), pickle_protocol=protocol))
        assert "protocol" in sentence or "pickle instructions that torch.save does not write by default" in sentence


@pytest.mark.parametrize("zipped", [True, False])
def test_whole_model(tmp_path: Path, zipped: bool) -> None:
    sentence = refusal(saved(tmp_path / "vae.pt", Net(), _use_new_zipfile_serialization=zipped))
    assert "is a whole pickled model (Net, Linear, BatchNorm1d)" in sentence
    assert "Save only its weights: model = torch.load('vae.pt', weights_only=False)" in sentence
    assert sentence.endswith("torch.save(model.state_dict(), 'vae.pt').")
    inside = refusal(saved(tmp_path / "vae.pt", {"model": Net(), "epoch": 3}, _use_new_zipfile_serialization=zipped))
    assert "is a whole pickled model" in inside


def test_whole_model_without_layers(tmp_path: Path) -> None:
    """Saved from a script, it names nothing of torch.nn.modules."""
    build = b"c__main__\nScore\n)\x81}b"
    assert "is a whole pickled model (Score)" in refusal(with_pickle(tmp_path / "vae.pt", b"\x80\x02" + build + b"."))


def test_whole_model_with_a_bomb_inside(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.payload = Bomb(tmp_path / "owned")  # type: ignore[assignment]
    sentence = refusal(saved(tmp_path / "vae.pt", model))
    assert "is a whole pickled model (Sequential, Linear)" in sentence and "It also names posix.system." in sentence


def test_settings_saved_beside_the_weights(tmp_path: Path) -> None:
    sentence = refusal(saved(tmp_path / "vae.pt", {"model": state(), "args": Namespace(lr=0.1)}))
    assert "names argparse.Namespace, which weights do not need" in sentence
    assert "Save it again with torch.save(model.state_dict(), 'vae.pt')" in sentence


def test_settings_in_place_of_the_weights(tmp_path: Path) -> None:
    """An object of the standard library is no model, though it is made in the same way."""
    assert "names argparse.Namespace, which weights do not need" in refusal(
        with_pickle(tmp_path / "vae.pt", b"\x80\x02cargparse\nNamespace\n)\x81.")
    )


def test_numpy_score_saved_beside_the_weights(tmp_path: Path) -> None:
    sentence = refusal(saved(tmp_path / "vae.pt", {"model": state(), "best": np.float64(0.1)}))
    assert "holds NumPy values besides tensors" in sentence


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, dtype=torch.uint16),
        torch.zeros(2, dtype=torch.float8_e4m3fn),
        torch.eye(3).to_sparse(),
        torch.zeros(2, device="meta"),
    ],
)
def test_unusual_tensors(tmp_path: Path, odd: torch.Tensor) -> None:
    sentence = refusal(saved(tmp_path / "vae.pt", state(odd=odd)))
    assert "holds tensors of a kind that is not accepted" in sentence and "use float16, bfloat16" in sentence


def test_everything_that_training_saves_is_understood(tmp_path: Path) -> None:
    """A checkpoint with optimizer, schedule and counters, shared, transposed, empty and scalar tensors of every type."""
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    net.decoder(net.norm(net.encoder(torch.ones(2, 4)))).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [40, 50])
    kinds = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    tensors = {kind: torch.ones(3, dtype=getattr(torch, kind)) for kind in kinds}
    shapes = {
        "t": torch.zeros(2, 3).T,
        "row": torch.zeros(4, 4)[1],
        "none": torch.zeros(0, 3),
        "one": torch.tensor(2.0),
    }
    rest = {"losses": [0.5, 1, None, True], "size": torch.Size([2]), "big": 2**70, "seen": Counter("ab"), "name": "é"}
    whole = {"model": {**net.state_dict(), **tensors, **shapes}, "optimizer": optimizer.state_dict()}
    rest |= {"schedule": schedule.state_dict(), "parameters": list(net.parameters())}
    path = saved(tmp_path / "vae.pt", whole | rest)
    assert len(inspect(path).tensors) > 30
    assert len(kept(path).tensors) == len(whole["model"])


def test_allowed_names_are_few() -> None:
    """Whoever adds a name here has looked at what it does when called with anything."""
    modules = {name.split(" ")[0] for name in ALLOWED_NAMES}
    assert modules == {"torch", "torch._utils", "collections"} and len(ALLOWED_NAMES) == 16


def test_following_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a program that names a command is only read."""
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("a command was run"))
    with pytest.raises(WeightsError):
        followed([("GLOBAL", "posix system"), ("EMPTY_TUPLE", None), ("REDUCE", None)], "vae.pt")


def test_names_are_refused_again_where_they_are_followed() -> None:
    with pytest.raises(Malformed, match="it names os system"):
        follow([("GLOBAL", "os system")])


def test_shared_tuples_are_not_unfolded(tmp_path: Path) -> None:
    """Thirty doublings of one tuple: a billion items if anything walked them, fifty bytes each to follow."""
    doubling = b"(" + number(1) + b"tq\x00" + b"h\x00h\x00\x86q\x00" * 60
    path = with_pickle(tmp_path / "vae.pt", b"\x80\x02" + doubling + b".")
    assert inspect(path).tensors == []


def test_damaged_pickles_never_crash_the_reader(tmp_path: Path) -> None:
    """500 pickles with a few bytes changed: each is followed or refused in a sentence."""
    rng = random.Random(0)
    whole = program(tensor((2, 2), (2, 1)), b"ccollections\nOrderedDict\n)R}b", number(3))
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            inspect(with_pickle(tmp_path / "vae.pt", bytes(damaged)))
        except WeightsError as refused:
            assert str(refused).isprintable()


def test_long_arguments_are_not_believed() -> None:
    for opcode in (b"X", b"T", b"B"):
        with pytest.raises(Malformed):
            instructions(io.BytesIO(b"\x80\x02" + opcode + struct.pack("<L", 2**31 - 1) + b"short"))


def test_dict_subclasses_count_as_state(tmp_path: Path) -> None:
    assert len(kept(saved(tmp_path / "vae.pt", OrderedDict(state()))).tensors) == 2
