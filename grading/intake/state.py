"""Finding the state dict in what a weights file holds, and judging whether it can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grading.errors import WeightsError
from grading.intake import limits
from grading.intake.formats import save_again
from grading.intake.wording import listed, shown

USUAL = ("model_state_dict", "state_dict", "model", "net", "network", "module", "weights", "params", "ema")
NESTED = 3  # dicts within dicts
DTYPES = frozenset(
    {
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool,
    }
)  # fmt: skip
WRAPPERS = (
    ("_orig_mod.", "torch.compile", "_orig_mod"),
    ("module.", "nn.DataParallel", "module"),
)


@dataclass(frozen=True)
class State:
    """A flat state dict and what a student should know about how it was found."""

    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


def find_state(loaded: object, name: str) -> State:
    """The state dict in what was loaded from the file `name`. Raises WeightsError where there is none, or too much."""
    tensors, notes = _find(loaded, name, NESTED)
    if not tensors:
        raise WeightsError(f"{name} holds no tensors. {save_again(name)}")
    for key, tensor in tensors.items():
        _check(key, tensor, name)
    numbers = sum(tensor.numel() for tensor in tensors.values())
    if len(tensors) > limits.TENSORS or numbers > limits.NUMBERS:
        raise WeightsError(
            f"{name} holds {len(tensors):,} tensors and {numbers:,} numbers; at most {limits.TENSORS:,} tensors "
            f"and {limits.NUMBERS:,} numbers are accepted. Hand in a smaller model."
        )
    return State(tensors, (*notes, *_notes_on_wrappers(tensors, name), *_notes_on_values(tensors, name)))


def all_finite(tensors: Mapping[str, Tensor]) -> bool:
    """Whether no tensor holds nan or infinity."""
    return _first_not_finite(tensors) is None


def _find(loaded: object, name: str, depth: int) -> tuple[dict[str, Tensor], list[str]]:
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{name} holds a {_kind(loaded)}, not a state dict. {save_again(name)}")
    if "param_groups" in loaded:
        raise WeightsError(f"{name} holds an optimizer's state, not weights. {save_again(name)}")
    inner = {str(key): value for key, value in loaded.items() if _holds_tensors(value)}
    flat = {str(key): value for key, value in loaded.items() if isinstance(value, Tensor)}
    usual = [key for key in USUAL if key in inner]
    if depth and inner and (usual or not flat):
        return _inside(loaded, inner, usual, name, depth)
    extra = [str(key) for key in loaded if str(key) not in flat]
    return flat, [_note_on_extra(extra, name)] if extra else []


def _inside(
    loaded: Mapping[Any, Any], inner: Mapping[str, Any], usual: list[str], name: str, depth: int
) -> tuple[dict[str, Tensor], list[str]]:
    """Several state dicts side by side, none with a usual name (generator, discriminator), are kept all, prefixed."""
    chosen = usual[:1] or list(inner)
    if len(chosen) == 1:
        tensors, notes = _find(inner[chosen[0]], name, depth - 1)
    else:
        tensors = {f"{key}.{inside}": tensor for key in chosen for inside, tensor in inner[key].items()}
        tensors = {key: tensor for key, tensor in tensors.items() if isinstance(tensor, Tensor)}
        notes = []
    others = [str(key) for key in loaded if str(key) not in chosen]
    if len(chosen) > 1 and not others:
        return tensors, notes  # several models in one file: nothing to be told of it
    besides = f" and also holds {listed(others)}" if others else ""
    note = (
        f"{name} keeps its weights under {listed(chosen)}{besides}. They were taken from there; weights alone are enough: "
        + _line(name)
    )
    return tensors, [note, *notes]


def _holds_tensors(value: object) -> bool:
    """Whether it is a dict with tensors in it, or a dict of such dicts; an optimizer's state is neither."""
    if not isinstance(value, Mapping) or "param_groups" in value:
        return False
    return any(isinstance(inside, Tensor) or _holds_tensors(inside) for inside in value.values())


def _kind(loaded: object) -> str:
    return "single tensor" if isinstance(loaded, Tensor) else f"value of type {type(loaded).__name__}"


def _check(key: str, tensor: Tensor, name: str) -> None:
    if len(key) > limits.KEY or not key.isprintable() or key == "__metadata__":
        raise WeightsError(f"{name} holds a tensor under an impossible name, '{shown(key)}'. {save_again(name)}")
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.dtype not in DTYPES:
        kind = f"{str(tensor.dtype).removeprefix('torch.')}, {tensor.layout}, {tensor.device.type}"
        raise WeightsError(
            f"{name}: the tensor '{shown(key)}' is of a kind that is not accepted ({kind}). "
            "Use ordinary tensors of real numbers, for instance with .float()."
        )
    if tensor.numel() > max(limits.SMALL, tensor.untyped_storage().nbytes() // tensor.element_size()):
        raise WeightsError(
            f"{name}: the tensor '{shown(key)}' claims {tensor.numel():,} numbers and holds fewer. "
            "Call .clone() on expanded tensors before saving."
        )


def _note_on_extra(extra: list[str], name: str) -> str:
    return f"{name} also holds {listed(extra)}, which is not needed. Hand in only the weights: {_line(name)}"


def _notes_on_wrappers(tensors: Mapping[str, Tensor], name: str) -> list[str]:
    return [
        f"Every key of {name} begins with '{prefix}': the model was wrapped by {wrapper}. "
        f"Save the model inside: torch.save(model.{attribute}.state_dict(), {name!r})."
        for prefix, wrapper, attribute in WRAPPERS
        if tensors and all(key.startswith(prefix) for key in tensors)
    ]


def _notes_on_values(tensors: Mapping[str, Tensor], name: str) -> list[str]:
    key = _first_not_finite(tensors)
    if key is None:
        return []
    what = "NaN" if torch.isnan(tensors[key]).any() else "infinity"
    return [
        f"{name} holds {what}, first in '{shown(key)}'. Training has diverged: lower the learning rate, train again "
        "and save a checkpoint whose loss is finite."
    ]


def _first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    return next((key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()), None)


def _line(name: str) -> str:
    return f"torch.save(model.state_dict(), {name!r})."
