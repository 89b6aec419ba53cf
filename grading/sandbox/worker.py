"""The program that runs beside student code: it is asked a question, and hands back what the code answered.

It holds no expected value, no threshold and no reference. It imports torch once, then forks one child per session; a
question costs milliseconds and a child that dies takes nothing with it. Everything it says is untrusted by the judge.

Files it finds: `submission/` (the student's, read-only) and `probes.py` (how to ask this assignment) in the folder named
on its command line. The control socket is the file descriptor named there; every session brings a socket of its own.

Frames: 8 bytes of length (little endian), then a safetensors blob. Its metadata entry `body` is JSON in which
{"tensor": name} stands for a tensor, {"list": …}, {"tuple": …} and {"dict": …} for containers.
"""

import ast
import contextlib
import importlib.util
import inspect
import io
import json
import os
import random
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import safetensors.torch
import torch

THREADS = 2
confine: Any  # the module of that name, once it is imported: only where this file is run
DEEPEST = 16  # containers within containers
SCRATCH = ("/tmp", "/dev/shm")  # where student code can write; in a box of its own these are emptied when they fill up


# ---------------------------------------------------------------- frames


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


# ---------------------------------------------------------------- the student's code


class Code:
    """The submission, module by module: `code.A5_vae_submission` is loaded when it is first asked for.

    A file that does not import costs only the questions that need it. `code.kept` is a place for a probe to keep what is
    dear to build, such as a model with its weights.
    """

    def __init__(self, folder: Path) -> None:
        self.kept: dict[str, Any] = {}
        self._folder = folder
        self._modules: dict[str, ModuleType] = {}

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._modules:
            self._modules[name] = load_module(name, self._folder / f"{name}.py")
        return self._modules[name]

    def source(self, name: str) -> ast.Module:
        """The parsed source of one file, for probes that must take a piece out without running the whole."""
        return ast.parse((self._folder / f"{name}.py").read_text(encoding="utf-8"))

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder


def load_module(name: str, path: Path) -> ModuleType:
    """Imports one file under its own name. Raises FileNotFoundError, or whatever the file raises."""
    if not path.exists():
        raise FileNotFoundError(f"{path.name} was not handed in")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


# ---------------------------------------------------------------- cuda written into student code


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
    torch.nn.Module.cuda = lambda self, device=None: self  # type: ignore[method-assign]
    OnCpu().__enter__()  # type: ignore[no-untyped-call]  # for the rest of this process


def mentions_accelerator(folder: Path) -> bool:
    """Whether any file of the submission speaks of one; code that does not is left on plain torch, which is faster."""
    words = (b"cuda", b"mps", b"xpu")
    return any(word in path.read_bytes() for path in folder.rglob("*.py") for word in words)


# ---------------------------------------------------------------- questions and answers


def weights(path: str) -> Any:
    """What a weights file holds, read with torch's restricted unpickler."""
    return torch.load(path, map_location="cpu", weights_only=True)


def answer(code: Code, probes: ModuleType, question: dict[str, Any]) -> dict[str, Any]:
    """Asks one probe; never raises anything but SystemExit's kin that the caller turns into an answer as well."""
    seed_everything(question["seed"])
    if question["probe"] == "weights!":  # not the name of any function
        return {"ok": weights(str(code.folder / question["args"]["name"]))}
    probe = getattr(probes, question["probe"])
    return {"ok": probe(code, **question["args"])}


def seed_everything(seed: int) -> None:
    """Seeds every source of random numbers that student code is likely to use."""
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def failure(error: BaseException, folder: Path) -> dict[str, Any]:
    """What went wrong, as a student wants to read it."""
    lines = [entry for entry in traceback.extract_tb(error.__traceback__) if entry.filename.startswith(str(folder))]
    where = f"{Path(lines[-1].filename).name}, line {lines[-1].lineno}: {lines[-1].line}" if lines else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{Path(error.filename).name}, line {error.lineno}: {(error.text or '').strip()}"
    text = str(error)
    out_of_memory = isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text
    return {"error": type(error).__name__, "text": text[:2000], "where": where[:500], "memory": out_of_memory}


def serve(connection: socket.socket, home: Path) -> None:
    """Answers questions until the judge has no more."""
    folder = home / "submission"
    code, probes = Code(folder), None
    while True:
        question = read_frame(connection)
        try:
            if probes is None:
                probes = load_module("probes", home / "probes.py")
            reply = frame(answer(code, probes, question))
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the judge must hear of them
            reply = frame(failure(error, folder))
        connection.sendall(reply)


# ---------------------------------------------------------------- processes


def limit(limits: dict[str, int]) -> None:
    """Puts resource limits (by their names in `resource`) on this process and what it starts."""
    for name, value in limits.items():
        hard = value + 2 if name == "RLIMIT_CPU" else value  # at the hard one the kernel kills without saying why
        resource.setrlimit(getattr(resource, name), (value, hard))


def lay_out(folder: Path) -> None:
    """A writable working folder that shows the submission's files, so that code which saves a plot can."""
    place = Path(tempfile.mkdtemp(prefix="work-"))
    for path in folder.iterdir():
        (place / path.name).symlink_to(path)
    os.chdir(place)


def session(control: socket.socket, connection: socket.socket, output: int, home: Path, order: dict[str, Any]) -> None:
    """The child: closes what it must not hold, puts up its walls, then serves. Never returns."""
    control.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    enclosed(order["walls"])
    quiet = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((quiet, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.close(quiet)
    sys.stdin, sys.stdout, sys.stderr = open(0), line_writer(1), line_writer(2)
    torch.set_num_threads(THREADS)
    lay_out(home / "submission")
    sys.path.append(str(home / "submission"))
    if mentions_accelerator(home / "submission"):
        without_accelerator()
    limit(order["limits"])
    with contextlib.suppress(EOFError, OSError):
        serve(connection, home)
    os._exit(0)


def enclosed(walls: dict[str, Any]) -> None:
    """Puts up the walls that are put up for every session, and makes this process the first to go when memory runs out."""
    confine.prctl(confine.PR_SET_DUMPABLE, 1)  # ordinary again: only the parent hides its memory
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if not walls.get("at_start"):
        confine.enclose(walls)
        confine.prctl(confine.PR_SET_DUMPABLE, 1)  # another user id has undone it
    confine.die_with_parent()
    if walls.get("seccomp"):
        load_in_process()


def load_in_process() -> None:
    """Data loaders without processes of their own: those talk through sockets, which are refused here."""
    from torch.utils.data import DataLoader

    build, signature = DataLoader.__init__, inspect.signature(DataLoader.__init__)
    parallel = ("num_workers", "prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout")

    def alone(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs).arguments
        build(**{name: value for name, value in given.items() if name not in parallel})

    DataLoader.__init__ = alone  # type: ignore[method-assign]


def line_writer(descriptor: int) -> io.TextIOWrapper:
    """A text stream that hands on every line as it is written, and never fails on a character."""
    return io.TextIOWrapper(io.FileIO(descriptor, "w"), encoding="utf-8", errors="replace", line_buffering=True)


def received(control: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """The judge's orders, one JSON line each, with the file descriptors that came along."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 4)
        if not message:
            return
        yield json.loads(message), list(descriptors)


def shelter(walls: dict[str, Any]) -> None:
    """What this process itself lives behind. It runs no student code, but its children do."""
    confine.prctl(confine.PR_SET_NO_NEW_PRIVS, 1)
    if walls.get("at_start"):
        if walls["uid"]:
            confine.become(walls["uid"])
        confine.die_with_parent()  # giving up root has undone bubblewrap's --die-with-parent
    elif walls:
        confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)  # whoever loses his parent becomes a child of this process
        if os.geteuid() != 0:
            confine.landlock_scopes()  # so that a signal to everybody goes to everybody in here
    confine.prctl(confine.PR_SET_DUMPABLE, 0)  # no ptrace and no /proc/<pid>/mem for other processes of this uid


def end_children(child: int, walls: dict[str, Any]) -> int:
    """Kills the session and everything it left behind; returns the session's wait status."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if walls.get("executioner"):
            confine.kill_all_of(walls["uid"], walls["executioner"])
        elif walls:  # everybody in this process's pid namespace, or within its Landlock scope
            os.kill(-1, signal.SIGKILL)
    # The session may not have become that user yet, or not have made its group.
    for kill in (os.killpg, os.kill) if child else ():  # 0 would be this process's own group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    status = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, value = os.waitpid(-1, 0)
            status = value if pid == child else status
    return status


def own_limits() -> list[tuple[int, int]]:
    """The resource limits of this process."""
    return [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]


def half_full(places: Iterable[str]) -> list[str]:
    """Those of the places where the code can write in which it has left so much that the next session might miss it."""
    sizes = {place: os.statvfs(place) for place in places}
    return [
        place for place, size in sizes.items() if 2 * size.f_bavail < size.f_blocks or 2 * size.f_favail < size.f_files
    ]


def emptied(place: str) -> bool:
    """Whether everything in a folder could be removed."""
    for path in Path(place).iterdir():
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return not any(Path(place).iterdir())


def fit_for_more(limits: list[tuple[int, int]]) -> bool:
    """Whether the code has left this worker as it was: with its limits, and with room to write (made here if need be)."""
    if os.getpid() != 1:
        return own_limits() == limits and emptied(tempfile.gettempdir())
    for place in half_full(SCRATCH):
        emptied(place)
    return own_limits() == limits and not half_full(SCRATCH)


def main() -> None:
    """Imports are done: says so, then forks a session for every order until the judge goes away.

    A worker that is not fit for another session ends instead, and the judge starts a fresh one.
    """
    home, control_number, walls = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    shelter(walls)
    os.umask(0o077)
    # Every other signal from within the box is stopped by the kernel, or comes from another user.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = own_limits()
    control = socket.socket(fileno=control_number)
    control.set_inheritable(False)
    control.sendall(b'{"ready": true}\n')
    child = 0
    for order, descriptors in received(control):
        if order["order"] == "begin":
            if not fit_for_more(limits):
                return
            child = os.fork()
            if child == 0:
                connection = socket.socket(fileno=descriptors[0])
                session(control, connection, descriptors[1], home, {**order, "walls": walls})
            for descriptor in descriptors:
                os.close(descriptor)
            control.sendall(json.dumps({"pid": child}).encode() + b"\n")
        else:
            control.sendall(json.dumps({"status": end_children(child, walls)}).encode() + b"\n")
            child = 0
    if child:
        end_children(child, walls)


def prepare() -> Any:
    """Imports what student code is likely to import, once for all sessions; returns what walls are made with."""
    sys.path.append(str(Path(__file__).parent))
    import confine  # type: ignore[import-not-found]  # these two lie beside this file
    import numpy  # noqa: F401
    import torchvision_operators  # type: ignore[import-not-found]

    torchvision_operators.define_if_missing()
    os.environ.setdefault("MPLBACKEND", "Agg")
    return confine


if __name__ == "__main__":
    confine = prepare()
    main()
    os._exit(0)  # nothing here is worth the time that torch takes to end
