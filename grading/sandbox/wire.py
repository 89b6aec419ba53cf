"""The judge's end of the wire: frames from a process that may want to do harm.

Nothing is unpickled. The length, the number of tensors, their types, shapes and bytes, and the size of the text around
them are checked before anything is built from them.
"""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from grading.errors import BadAnswer
from grading.sandbox.inside.frames import DEEPEST, frame, unpack

__all__ = ["Caps", "frame", "parse", "payload_length"]

DTYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class Caps:
    """How much one answer may hold."""

    frame_bytes: int = 512 << 20
    header_bytes: int = 8 << 20
    numbers: int = 1 << 27  # in all tensors together: the judge makes eight bytes of each, whatever it came in
    tensors: int = 20_000
    dimensions: int = 8


def payload_length(prefix: bytes, caps: Caps) -> int:
    """The length a frame announces in its first 8 bytes. Raises BadAnswer above the cap."""
    (length,) = struct.unpack("<Q", prefix)
    if not 8 <= length <= caps.frame_bytes:
        raise BadAnswer(f"the answer announces {length:,} bytes; at most {caps.frame_bytes:,} are accepted")
    return int(length)


def parse(blob: bytes, caps: Caps) -> Any:
    """The value in a frame's payload. Raises BadAnswer where it is malformed or over a cap."""
    (size,) = struct.unpack("<Q", blob[:8])
    if size > min(caps.header_bytes, len(blob) - 8):
        raise BadAnswer("the answer's header is malformed or too large")
    try:
        header = json.loads(blob[8 : 8 + size])
        body = json.loads(header.pop("__metadata__")["body"])
        _check_tensors(header, len(blob) - 8 - size, caps)
        return _unpacked(body, safetensors.torch.load(blob))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, SafetensorError) as error:
        raise BadAnswer(f"the answer is malformed: {str(error)[:200]}") from None


def _unpacked(body: Any, tensors: dict[str, Tensor]) -> Any:
    _check_depth(body)
    return unpack(body, tensors)


def _check_depth(body: Any) -> None:
    """A packed container is three levels of JSON at most."""
    level, depth = [body], 0
    while level:
        depth += 1
        if depth > 4 * DEEPEST:
            raise BadAnswer("the answer is nested too deeply")
        inner: list[Any] = []
        for item in level:
            inner += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
        level = inner


def _check_tensors(header: dict[str, Any], available: int, caps: Caps) -> None:
    if len(header) > caps.tensors:
        raise BadAnswer(f"the answer holds {len(header):,} tensors; at most {caps.tensors:,} are accepted")
    total = numbers = 0
    for entry in header.values():
        kind, shape = entry["dtype"], entry["shape"]
        if kind not in DTYPES:
            raise BadAnswer(f"the answer holds a tensor of type {str(kind)[:20]}, which cannot be judged")
        if len(shape) > caps.dimensions or any(type(n) is not int or n < 0 for n in shape):
            raise BadAnswer("the answer holds a tensor of an impossible shape")
        if math.prod(max(n, 1) for n in shape) > caps.frame_bytes:  # an empty one too: its strides may overflow
            raise BadAnswer("the answer holds a tensor of an impossible shape")
        total += DTYPES[kind] * math.prod(shape)
        numbers += math.prod(shape)
        if numbers > caps.numbers:
            raise BadAnswer(f"the answer holds more than {caps.numbers:,} numbers")
    if total != available:
        raise BadAnswer("the answer's tensors do not fill the bytes it brought")
