"""Operations of an untrained network as a probe follows them (sandbox/inside/tracing.py): read, and told apart by kind."""

import math
from dataclasses import dataclass
from typing import Any

from grading.checks.compare import Disagreement
from grading.errors import BadAnswer

MOST = 2_000
LINEAR = {"linear", "addmm", "matmul", "bilinear", "mm", "bmm", "rmatmul"}
CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
TRANSPOSED = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
UPSAMPLINGS = TRANSPOSED | {"interpolate", "upsample", "upsample_nearest", "upsample_bilinear", "pixel_shuffle"}
NORMALISATIONS = {"batch_norm", "instance_norm", "group_norm", "layer_norm"}
WANTED = {"leaky_relu"}
BOUNDING = {"sigmoid"}
OTHER_ACTIVATIONS = {
    *("relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "tanh", "hardtanh"),
    *("hardswish", "hardsigmoid", "rrelu", "prelu", "softmax", "log_softmax", "logsigmoid", "tanhshrink", "threshold"),
}
ACTIVATIONS = WANTED | BOUNDING | OTHER_ACTIVATIONS


@dataclass(frozen=True)
class Operation:
    """One step from input to output."""

    name: str  # "linear", "conv2d", "leaky_relu" …
    layer: str  # the layer that does it, "encoder.0: Linear"; the class of the network for what forward does itself
    part: str  # the attribute of the network that was at work, "encoder"; "" for what forward does itself
    sources: tuple[int, ...]  # the steps that its inputs come from; -1 is the input of the network
    size: int  # how many numbers per image come out
    side: int = 0  # how many rows they have, where they are laid out as images [N, C, H, W]

    def __str__(self) -> str:
        return self.layer if ": " in self.layer else f"{self.name} in {self.layer}"


def followed(answer: Any) -> tuple[Operation, ...]:
    """The trace that a probe answers with. Raises Disagreement where there is nothing in it."""
    if not isinstance(answer, list) or not 0 < len(answer) <= MOST:
        raise Disagreement("forward does nothing with its input that could be followed")
    steps = tuple(map(_operation, answer))
    if not all(-1 <= source < len(steps) for step in steps for source in step.sources):
        raise BadAnswer("the trace of the network speaks of steps that are not in it")
    return steps


def _operation(entry: Any) -> Operation:
    """One entry of the trace; it comes from beside student code, so its parts are looked at one by one."""
    try:
        name, layer, sources = str(entry["operation"])[:60], str(entry["layer"])[:120], tuple(map(int, entry["from"]))
        part, shape = str(entry["part"])[:60], [int(number) for number in entry["gives"]]
        size = math.prod(shape) // max(1, int(entry["count"]))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RuntimeError) as error:
        raise BadAnswer("the trace of the network is not one") from error
    name = name.removeprefix("_")
    name = "max_pool" if name.startswith(("max_pool", "adaptive_max_pool")) else name
    return Operation(name, layer, part, sources, size, shape[-2] if len(shape) == 4 else 0)
