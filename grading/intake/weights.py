"""Quarantine: a weights file is looked through unopened, opened elsewhere, and kept as plain numbers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor

from grading.errors import AnswerError, WeightsError
from grading.intake.claims import devices
from grading.intake.formats import save_again
from grading.intake.state import State, all_finite, find_state
from grading.intake.torch_files import inspect
from grading.intake.wording import listed


@dataclass(frozen=True)
class WeightsManifest:
    """The weights that were handed in, as they may be used."""

    name: str  # of the file handed in
    sha256: str  # of the file handed in
    tensors: tuple[tuple[str, tuple[int, ...], str], ...]  # name, shape, dtype ("float32")
    parameters: int  # numbers in floating tensors
    finite: bool
    notes: tuple[str, ...]  # what the student should know
    path: Path  # the safetensors file that holds them now


def quarantine(file: Path, unpickle: Callable[[Path], object], store: Path) -> WeightsManifest:
    """Checks a weights file and keeps its state dict as `store/<stem>.safetensors`.

    `unpickle` opens the file with torch.load(weights_only=True) in a sandbox and hands back dicts, lists, numbers and
    plain tensors; it is asked only once the file has been found to hold nothing but tensors, as many as it claims.
    Raises WeightsError where the file is refused or holds no state dict.
    """
    machine = inspect(file)
    try:
        loaded = unpickle(file)
    except AnswerError as error:
        raise WeightsError(f"{file.name} cannot be opened: {error}. {save_again(file.name)}") from error
    state = find_state(loaded, file.name)
    notes = (*_notes_on_devices(devices(machine), file.name), *state.notes)
    return _keep(file, State(state.tensors, notes), store)


def _keep(file: Path, state: State, store: Path) -> WeightsManifest:
    store.mkdir(parents=True, exist_ok=True)
    path = store / f"{file.stem}.safetensors"
    plain = {key: tensor.detach().contiguous().clone() for key, tensor in state.tensors.items()}
    safetensors.torch.save_file(plain, path)
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return WeightsManifest(
        name=file.name,
        sha256=sha256,
        tensors=tuple((key, tuple(tensor.shape), _dtype(tensor)) for key, tensor in plain.items()),
        parameters=sum(tensor.numel() for tensor in plain.values() if tensor.is_floating_point()),
        finite=all_finite(plain),
        notes=state.notes,
        path=path,
    )


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _notes_on_devices(found: list[str], name: str) -> list[str]:
    if not found:
        return []
    return [
        f"{name} was saved from {listed(found)}. Load it with torch.load({name!r}, map_location=device), "
        "or it cannot be opened on a computer without that device."
    ]
