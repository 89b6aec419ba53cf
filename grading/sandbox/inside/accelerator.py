"""Code that was written for a GPU, or for several processes, made to run in one process on a CPU; lies beside worker.py."""

import inspect
from pathlib import Path
from typing import Any

import torch


class OnCpu(torch.overrides.TorchFunctionMode):
    """Every torch call that names an accelerator is made on the CPU instead."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = {key: to_cpu(key, value) for key, value in (kwargs or {}).items()}
        name = getattr(func, "__name__", "")
        if name in ("cuda", "mps", "xpu"):
            return args[0]
        if args and name == "to":
            args = (args[0], *(to_cpu("device", value) for value in args[1:]))
        elif any(isinstance(value, torch.device) for value in args):
            args = tuple(to_cpu("device", value) if isinstance(value, torch.device) else value for value in args)
        return func(*args, **kwargs)


def to_cpu(key: str, value: Any) -> Any:
    """The CPU in place of another device; any other value as it is."""
    if key == "device" and (isinstance(value, int) and not isinstance(value, bool)):
        return "cpu"
    if isinstance(value, torch.device):
        return value if value.type in ("cpu", "meta") else torch.device("cpu")
    if isinstance(value, str) and value.split(":")[0] in ("cuda", "mps", "xpu"):
        return "cpu"
    return value


class CpuGenerator(torch.Generator):
    """A generator that is on the CPU wherever it was asked to be."""

    def __new__(cls, device: Any = "cpu") -> "CpuGenerator":
        return torch._C.Generator.__new__(cls, "cpu")  # type: ignore[call-arg]


def without_accelerator() -> None:
    """Makes code that was written for a GPU run here as it stands."""
    load = torch.load

    def load_on_cpu(file: Any, map_location: Any = None, **kwargs: Any) -> Any:
        return load(file, map_location="cpu", **kwargs)

    set_default = torch.set_default_device
    torch.set_default_device = lambda device: set_default(to_cpu("device", device))
    torch.load = load_on_cpu  # type: ignore[assignment]
    torch.Generator = CpuGenerator  # type: ignore[misc]
    for name in (
        "synchronize",
        "empty_cache",
        "manual_seed",
        "manual_seed_all",
        "set_device",
        "reset_peak_memory_stats",
    ):
        setattr(torch.cuda, name, lambda *args, **kwargs: None)
    for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Char", "Bool"):
        setattr(torch.cuda, f"{kind}Tensor", getattr(torch, f"{kind}Tensor"))
    torch.nn.Module.cuda = lambda self, device=None: self  # type: ignore[method-assign]
    OnCpu().__enter__()  # type: ignore[no-untyped-call]  # for the rest of this process


def mentions_accelerator(folder: Path) -> bool:
    """Whether any file of the submission speaks of one; code that does not is left on plain torch, which is faster."""
    words = (b"cuda", b"mps", b"xpu")
    return any(word in path.read_bytes() for path in folder.rglob("*.py") for word in words)


def load_in_process() -> None:
    """Data loaders without processes of their own: those talk through sockets, which are refused here."""
    from torch.utils.data import DataLoader

    build, signature = DataLoader.__init__, inspect.signature(DataLoader.__init__)
    parallel = ("num_workers", "prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout")

    def alone(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs).arguments
        build(**{name: value for name, value in given.items() if name not in parallel})

    DataLoader.__init__ = alone  # type: ignore[method-assign]
