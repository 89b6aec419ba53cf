"""Weights files that are more, or less, than weights. Rows 35 to 41, 43 and 56."""

import collections
import io
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from .submissions import Target, Weights, attack

LOADER = ("vae.load",)
HONEST = ("vae.reparameterize", "diffusion.schedule")
State = dict[str, Tensor]


class Bomb:
    """Leaves a mark where it is unpickled in earnest."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch /tmp/{self._target.marker} {self._target.out}/{self._target.marker}",)


def loads(name: str, rows: tuple[int, ...], tries: str, change: object, say: str, **more: object) -> object:
    """An attack on the loader by the weights file alone."""
    return attack(name, rows, tries, Weights(change), **({"attacked": LOADER, "beside": HONEST, "say": say} | more))  # type: ignore[arg-type]


def parts_of(state: State) -> dict[str, bytes]:
    """The parts of the zip that torch.save writes."""
    stream = io.BytesIO()
    torch.save(state, stream)
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, parts: Mapping[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    """A zip of these parts."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def around(path: Path, program: bytes) -> None:
    """A zip as torch.save writes it, around a pickle made by hand, with 16 bytes of storage."""
    zipped(path, {"archive/data.pkl": program, "archive/version": b"3\n", "archive/data/0": bytes(16)})


def text(word: str) -> bytes:
    """Pickles a string."""
    return b"X" + struct.pack("<L", len(word)) + word.encode()


def number(value: int) -> bytes:
    """Pickles a whole number."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """Pickles a tensor over 4 stored numbers, whatever it claims."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(4) + b"tQ"
    shape = b"".join(b"(" + b"".join(map(number, each)) + b"t" for each in (size, stride))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(0) + shape + b"\x89NtR"


def plain_pickle(path: Path, state: State, target: Target) -> None:
    path.write_bytes(pickle.dumps(Bomb(target)))


def pickle_in_zip(path: Path, state: State, target: Target) -> None:
    parts = parts_of(state)
    name = next(name for name in parts if name.endswith("data.pkl"))
    zipped(path, parts | {name: pickle.dumps({"state_dict": Bomb(target)}, 2)})


def tar_of_old(path: Path, state: State, target: Target) -> None:
    """torch up to 2.5.1 unpickled such a file in earnest, whatever it had been told (CVE-2025-32434)."""
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(Bomb(target), 2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def items_on_a_tensor(path: Path, state: State, target: Target) -> None:
    """torch up to 2.9 wrote past the end where SETITEM came upon a tensor (CVE-2026-24747)."""
    around(path, b"\x80\x02" + tensor((4,), (1,)) + number(1 << 40) + b"G" + struct.pack(">d", 1.0) + b"s.")


def past_scanners(path: Path, state: State, target: Target) -> None:
    """Names that deny-lists have missed, called before an instruction that makes a scanner give up."""
    call = b"cnumpy.testing._private.utils\nrunstring\n(" + text(f"open('/tmp/{target.marker}', 'w')") + b"}tR0"
    call += b"ctorch.serialization\nload\n(" + text("diffusion.pt") + b"tR0"
    around(path, b"\x80\x02" + call + b"}.\xff\xff")


def by_the_stack(path: Path, state: State, target: Target) -> None:
    """A name that is put together while it is unpickled."""
    command = text(f"touch /tmp/{target.marker}")
    around(path, b"\x80\x04" + text("os") + text("system") + b"\x93" + b"(" + command + b"tR.")


def torchscript(path: Path, state: State, target: Target) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), path)


def whole_module(path: Path, state: State, target: Target) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.settings = Bomb(target)  # type: ignore[assignment]
    torch.save(model, path)


def stride_zero(path: Path, state: State, target: Target) -> None:
    around(path, b"\x80\x02}" + text("class_embedding.weight") + tensor((1_000_000, 1_000_000), (0, 0)) + b"s.")


def out_of_bounds(path: Path, state: State, target: Target) -> None:
    around(path, b"\x80\x02}" + text("class_embedding.weight") + tensor((2, 2), (1 << 40, 1)) + b"s.")


def deflated(path: Path, state: State, target: Target) -> None:
    zipped(path, parts_of({"weight": torch.zeros(50 << 20)}), zipfile.ZIP_DEFLATED)


def all_nan(path: Path, state: State, target: Target) -> None:
    torch.save({name: torch.full_like(value, float("nan")) for name, value in state.items()}, path)


def complex_numbers(path: Path, state: State, target: Target) -> None:
    torch.save({name: value.to(torch.complex64) for name, value in state.items()}, path)


def whole_numbers(path: Path, state: State, target: Target) -> None:
    torch.save({name: (100 * value).to(torch.int64) for name, value in state.items()}, path)


def stash(path: Path, state: State, target: Target) -> None:
    torch.save(state | {"stash": torch.randint(0, 255, (2_000_000,), dtype=torch.uint8)}, path)


def subclassed(path: Path, state: State, target: Target) -> None:
    class Odd(collections.OrderedDict):  # type: ignore[type-arg]
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch /tmp/{target.marker}",)

    torch.save(Odd(state), path)


def of_another_model(path: Path, state: State, target: Target) -> None:
    path.write_bytes((target.root / "reference" / "cmput328_a5" / "diffusion.pt").read_bytes())


def html(path: Path, state: State, target: Target) -> None:
    path.write_bytes(b"<html><script>alert(1)</script>Google Drive - Virus scan warning</html>")


def names_that_attack(path: Path, state: State, target: Target) -> None:
    torch.save({"<script>alert(1)</script>\x1b[2J": torch.ones(2), "__metadata__": torch.ones(1)}, path)


ATTACKS = (
    loads("pickle_bomb", (35,), "be unpickled", plain_pickle, "not a file that torch.save wrote|runs|posix|refus"),
    loads("pickle_in_weights", (35,), "be unpickled inside a good zip", pickle_in_zip, "posix"),
    loads("reduces_a_dict", (35, 38), "run a command by a subclass of dict", subclassed, "posix|system"),
    loads("old_tar_layout", (36,), "be read by torch's oldest loader", tar_of_old, "tar archive"),
    loads("writes_past_the_end", (36,), "corrupt memory by items set on a tensor", items_on_a_tensor, "vae.pt"),
    loads("past_the_scanners", (37,), "call names that scanners miss", past_scanners, "numpy"),
    loads("name_from_the_stack", (37,), "put a forbidden name together", by_the_stack, "instructions|posix|os"),
    loads("torchscript", (38,), "bring a program in place of weights", torchscript, "TorchScript"),
    loads(
        "whole_module",
        (38,),
        "bring a pickled module that runs a command where it is opened in earnest",
        whole_module,
        "whole pickled model",
    ),
    loads("stride_zero", (39,), "claim 10^12 numbers over 16 bytes", stride_zero, "claims|numbers"),
    loads("out_of_bounds", (39,), "read memory beyond its storage", out_of_bounds, "reaches past"),
    loads("deflated_weights", (40,), "unpack 200 kB to 200 MB", deflated, "compressed"),
    loads("nan_weights", (41,), "hand in weights that are all nan", all_nan, "nan|NaN"),
    loads("complex_weights", (41,), "hand in complex weights", complex_numbers, "kind|complex"),
    loads(
        "whole_number_weights",
        (41,),
        "hand in whole numbers as weights",
        whole_numbers,
        "",
        attacked=(),
        free=(
            "vae.accuracy",
        ),  # a model that was trained, made hard: it draws classes, and staff are told how alike they are
    ),
    loads("stash_in_weights", (41, 42), "hide 2 MB beside the weights", stash, "does not fit|stash"),
    loads("scripts_in_weights", (29, 41), "name tensors in HTML", names_that_attack, "impossible name"),
    loads("no_weights_at_all", (43,), "hand in a web page as weights", html, "HTML|web page|html"),
    loads("weights_of_another_model", (56,), "hand in another model's weights", of_another_model, "does not fit"),
)
