"""What a weights file would build when opened: refused in plain words, or checked against the bytes in the file."""

import math
import sys
from collections.abc import Mapping, Sequence

from grading.errors import WeightsError, WholeModel
from grading.intake import limits
from grading.intake.formats import save_again
from grading.intake.opcodes import (
    ALLOWED_NAMES,
    Instruction,
    Machine,
    Malformed,
    TensorClaim,
    follow,
    names_in_pickle,
    unknown_instructions,
)
from grading.intake.wording import listed, shown

KINDS = "float16, bfloat16, float32, float64, int8 to int64, uint8 and bool"
UNUSUAL = ("Storage", "_rebuild_tensor_v3", "_rebuild_sparse_tensor", "_rebuild_qtensor", "_meta_tensor_no_storage")
HARMLESS = frozenset({"__builtin__ set", "builtins set"})  # every pickled module names one


def followed(program: Sequence[Instruction], name: str) -> Machine:
    """What the pickle would build. Raises WeightsError where it does anything but build tensors and containers."""
    refused = [path for path in names_in_pickle(program) if path not in ALLOWED_NAMES]
    if _whole_module(program, refused):
        raise WholeModel(_whole_module_sentence(refused, name))
    if refused:
        raise WeightsError(_refused_sentence(refused, name))
    unknown = unknown_instructions(program)
    if unknown:
        raise WeightsError(
            f"{name} uses pickle instructions that torch.save does not write by default ({listed(unknown, 3)}). "
            f"{save_again(name)}"
        )
    try:
        return follow(program)
    except Malformed as error:
        raise WeightsError(f"{name} holds a malformed pickle: {shown(str(error))}. {save_again(name)}") from None


def check_claims(machine: Machine, held: Mapping[str, int], name: str) -> None:
    """Raises WeightsError where the file claims more numbers than it holds, or than are accepted."""
    for storage in machine.storages:
        if storage.bytes > held.get(storage.key, -1):
            raise WeightsError(
                f"{name} is damaged: it should hold {storage.bytes:,} bytes for one tensor and has "
                f"{held.get(storage.key, 0):,}. {save_again(name)}"
            )
    total = 0
    for tensor in machine.tensors:
        _check_claim(tensor, name)
        total += math.prod(tensor.size)
    if total > limits.NUMBERS:
        raise WeightsError(
            f"{name} holds {total:,} numbers; at most {limits.NUMBERS:,} are accepted. "
            "Hand in only the weights of the model, and a smaller model if need be."
        )


def devices(machine: Machine) -> list[str]:
    """The devices other than the CPU that tensors were on when saved."""
    return sorted({storage.location for storage in machine.storages} - {"cpu"})


def _check_claim(tensor: TensorClaim, name: str) -> None:
    numbers, stored = math.prod(tensor.size), tensor.storage.numbers
    reach = tensor.offset + 1 + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
    if numbers and reach > stored:
        raise WeightsError(f"{name} is damaged: a tensor reaches past the numbers stored for it. {save_again(name)}")
    if numbers > max(stored, limits.SMALL):
        shape = " × ".join(str(n) for n in tensor.size[:8])
        raise WeightsError(
            f"{name} claims a tensor of {shown(shape)}, {shown(f'{numbers:,}')} numbers, and holds {stored:,} for it. "
            "Call .clone() on expanded tensors before saving."
        )


def _whole_module(program: Sequence[Instruction], refused: Sequence[str]) -> bool:
    """Whether an nn.Module was pickled rather than its state dict."""
    if not refused or any(path.startswith("torch.nn.modules.") for path in refused):
        return bool(refused)
    makes_objects = any(name == "NEWOBJ" for name, _ in program)
    return makes_objects and names_in_pickle(program)[:1] == list(refused[:1]) and not _standard(refused[0])


def _standard(path: str) -> bool:
    root = path.split(" ")[0].split(".")[0]
    return root in sys.stdlib_module_names or root in ("__builtin__", "copy_reg")


def _dotted(path: str) -> str:
    return path.replace(" ", ".")


def _whole_module_sentence(refused: Sequence[str], name: str) -> str:
    classes = [path.split(" ")[-1] for path in refused if not _standard(path)]
    others = [_dotted(path) for path in refused if _standard(path) and path not in HARMLESS]
    also = f" It also names {listed(others, 3)}." if others else ""
    return (
        f"{name} is a whole pickled model ({listed(classes, 3)}), which runs code when it is opened.{also} "
        f"Save only its weights: model = torch.load({name!r}, weights_only=False); torch.save(model.state_dict(), {name!r})."
    )


def _refused_sentence(refused: Sequence[str], name: str) -> str:
    names = listed((_dotted(path) for path in refused), 3)
    if any(path.endswith(UNUSUAL) for path in refused):
        return f"{name} holds tensors of a kind that is not accepted ({names}); use {KINDS}. {save_again(name)}"
    if any(path.startswith("numpy") for path in refused):
        return f"{name} holds NumPy values besides tensors ({names}). {save_again(name)}"
    return f"{name} names {names}, which weights do not need; it was not opened. {save_again(name)}"
