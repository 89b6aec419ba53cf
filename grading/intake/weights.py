"""Quarantine: a weights file is looked through unopened, opened elsewhere, and kept as plain numbers."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
from torch import Tensor

from grading.errors import AnswerError, IntakeError, WeightsError, WholeModel
from grading.intake.apart import apart
from grading.intake.claims import devices
from grading.intake.formats import save_again
from grading.intake.state import State, all_finite, find_state
from grading.intake.torch_files import inspect
from grading.intake.wording import listed, shown


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
    whole: bool = False  # whether they were taken out of a pickled model
    nested: bool = False  # whether they were kept under a name, among other things perhaps


def quarantine(
    file: Path,
    unpickle: Callable[[Path], object],
    store: Path,
    take_apart: Callable[[Path], object] | None = None,
) -> WeightsManifest:
    """Checks a weights file and keeps its state dict as `store/<stem>.safetensors`.

    `unpickle` opens the file with torch.load(weights_only=True) in a sandbox and hands back dicts, lists, numbers and
    plain tensors; it is asked only once the file has been found to hold nothing but tensors, as many as it claims.
    `take_apart` takes the tensors out of a pickled model in a sandbox, and hands back the same, without running it.
    Raises WeightsError where the file is refused or holds no state dict.
    """
    try:
        found = apart(_devices, file, what=file.name)
    except IntakeError as error:
        raise WeightsError(str(error)) from error
    except WholeModel as refusal:
        if take_apart is None:
            raise
        return replace(_keep(file, _taken_out(file, take_apart, refusal), store), whole=True)
    try:
        loaded = unpickle(file)
    except AnswerError as error:
        raise WeightsError(f"{file.name} cannot be opened: {error}. {save_again(file.name)}") from error
    state = find_state(loaded, file.name)
    notes = (*_notes_on_devices(found, file.name), *state.notes)
    return replace(_keep(file, State(state.tensors, notes), store), nested=_under_a_name(loaded, state.tensors.keys()))


def _devices(file: Path) -> list[str]:
    """The devices that the tensors of a file were saved from. Raises WeightsError where it holds more than tensors."""
    return devices(inspect(file))


def _under_a_name(loaded: object, keys: Collection[str], depth: int = 3) -> bool:
    """Whether what was loaded keeps tensors of these names in a dict within a dict, or beside other things."""
    if not isinstance(loaded, Mapping) or not depth:
        return False
    if set(map(str, loaded)) >= set(keys):
        return len(loaded) > len(keys)
    inner = [value for value in loaded.values() if isinstance(value, Mapping)]
    return any(set(map(str, value)) >= set(keys) or _under_a_name(value, keys, depth - 1) for value in inner)


def _taken_out(file: Path, take_apart: Callable[[Path], object], refusal: WholeModel) -> State:
    """What was taken out of a pickled model. Raises the refusal, with the reason, where that cannot be done."""
    try:
        state = find_state(take_apart(file), file.name)
    except (AnswerError, WeightsError) as error:
        raise WeightsError(f"{refusal} Its tensors could not be taken out of it here ({shown(str(error))}).") from error
    note = f"{refusal} Here its tensors were taken out of it, and nothing of it was run."
    return State(state.tensors, (note, *state.notes))


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
