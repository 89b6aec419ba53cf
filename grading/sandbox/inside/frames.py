"""Frames on the wire between judge and worker, as the worker makes and reads them; lies beside worker.py.

A frame: 8 bytes of length (little endian), then a safetensors blob. Its metadata entry `body` is JSON in which
{"tensor": name} stands for a tensor, {"list": …}, {"tuple": …} and {"dict": …} for containers.
"""

import json
import socket
import struct
from typing import Any

import safetensors.torch
import torch

DEEPEST = 16  # containers within containers


def pack(value: Any, tensors: dict[str, torch.Tensor], depth: int = 0) -> Any:
    """Turns a value into JSON, moving its tensors into `tensors`. Raises TypeError for what cannot travel."""
    if depth > DEEPEST:
        raise TypeError("the answer is nested too deeply")
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        with torch._C.DisableTorchFunctionSubclass():
            if value.layout != torch.strided:
                raise TypeError(f"a {value.layout} tensor cannot be handed back; a dense one can")
            plain = torch.Tensor.detach(torch.Tensor.as_subclass(value, torch.Tensor))
            tensors[name] = plain.to("cpu").resolve_conj().contiguous().clone()
        return {"tensor": name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": repr(float(value))}  # JSON has no nan and no infinity
    if isinstance(value, list | tuple | torch.Size):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [pack(item, tensors, depth + 1) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[str(key), pack(item, tensors, depth + 1)] for key, item in value.items()]}
    if hasattr(value, "__array__") and hasattr(value, "dtype"):
        return pack(torch.as_tensor(value), tensors, depth)
    raise TypeError(f"{type(value).__name__} is not something that can be handed back")


def unpack(body: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """The inverse of `pack`. Raises ValueError where the body is not one that `pack` makes."""
    if body is None or isinstance(body, bool | int | str):
        if isinstance(body, int) and not -(2**63) <= body < 2**63:
            raise ValueError("a whole number of more than 64 bits")
        return body
    if not isinstance(body, dict) or len(body) != 1:
        raise ValueError("not a packed value")
    [(kind, inner)] = body.items()
    if kind == "tensor" and inner in tensors:
        return tensors[inner]
    if kind == "float" and isinstance(inner, str):
        return float(inner)
    if kind in ("list", "tuple") and isinstance(inner, list):
        items = [unpack(item, tensors) for item in inner]
        return items if kind == "list" else tuple(items)
    if kind == "dict" and isinstance(inner, list):
        return {str(key): unpack(item, tensors) for key, item in inner}
    raise ValueError("not a packed value")


def frame(value: Any) -> bytes:
    """A whole frame, length included."""
    tensors: dict[str, torch.Tensor] = {}
    body = json.dumps(pack(value, tensors))
    blob = safetensors.torch.save(tensors, metadata={"body": body})
    return struct.pack("<Q", len(blob)) + blob


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """Reads `count` bytes; raises EOFError where the other side has gone."""
    buffer = bytearray()
    while len(buffer) < count:
        part = connection.recv(min(count - len(buffer), 1 << 20))
        if not part:
            raise EOFError
        buffer += part
    return bytes(buffer)


def read_frame(connection: socket.socket) -> Any:
    """Reads one frame from the judge."""
    (length,) = struct.unpack("<Q", read_exactly(connection, 8))
    blob = read_exactly(connection, length)
    (header,) = struct.unpack("<Q", blob[:8])
    metadata = json.loads(blob[8 : 8 + header])["__metadata__"]
    return unpack(json.loads(metadata["body"]), safetensors.torch.load(blob))
