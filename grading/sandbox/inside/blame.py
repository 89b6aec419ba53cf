"""What went wrong with a question, and where: in the student's code, in what it needs, or in what asks; beside worker.py."""

import dis
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from torch import nn

from .lacking import WAITS, Lacking, NotHandedIn
from .names import bound_in

CODE, TODO, LACKING, OUTSIDE = "code", "todo", "lacking", "outside"  # the faults that are told apart
LONGEST = 600  # characters of what an exception says


def failure(error: BaseException, folder: Path) -> dict[str, Any]:
    """What went wrong, as a student wants to read it.

    `fault`: "todo", it is still to do; "lacking", the code misses something that is not here, and that is nobody's fault;
    "outside", it went wrong in what asks, with what the code had answered in hand; "code", else
    """
    text = shortened(str(error).replace(f"{folder}/", "").replace(str(folder), "the submission"))
    out_of_memory = isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text
    told = {"error": type(error).__name__, "text": text, "where": where(error, folder), "memory": out_of_memory}
    if missed := lacking(error, folder):
        return {**told, "text": missed, "fault": LACKING}
    if still_to_do(error, folder):
        return {**told, "fault": TODO}
    return {**told, "fault": CODE if blamed(error, folder) else OUTSIDE}


def shortened(text: str) -> str:
    """The text without what torch says of its own insides, and not too long."""
    for mark in ("\nException raised from", "\nC++ CapturedTraceback", "\nframe #0", "\n\nFrom user code"):
        text = text.partition(mark)[0]
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 3 :]}"


def frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """The frames that an exception went through, the innermost last, each with the number of its line."""
    return list(traceback.walk_tb(error.__traceback__))


def own_frames(error: BaseException, folder: Path) -> list[tuple[FrameType, int]]:
    """Those of them that are of the submission's own lines."""
    return [
        (frame, number)
        for frame, number in frames(error)
        if _own(frame, folder) and frame.f_code.co_name != "__getattr__"
    ]


def _own(frame: FrameType, folder: Path) -> bool:
    return frame.f_code.co_filename.startswith(str(folder))


def where(error: BaseException, folder: Path) -> str:
    """The innermost line of the submission; with its number, unless the module was made of what was handed in."""
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        return f"{Path(error.filename).name}, line {error.lineno}: {(error.text or '').strip()[:200]}"
    own = own_frames(error, folder)
    if not own:
        return ""
    frame, number = own[-1]
    name = Path(frame.f_code.co_filename).name.removesuffix(".lifted")
    counted = "" if "__rest__" in frame.f_globals else f", line {number}"
    return f"{name}{counted}: {line_of(frame, number)}"[:500]


def line_of(frame: FrameType, number: int) -> str:
    """The text of a line of what a frame runs."""
    return linecache.getline(frame.f_code.co_filename, number).strip()


def blamed(error: BaseException, folder: Path) -> bool:
    """Whether it went wrong in the submission's own lines, or for want of something that it should have."""
    ends = isinstance(error, SystemExit | KeyboardInterrupt | MemoryError)
    wanting = isinstance(error, SyntaxError | FileNotFoundError | ImportError) or "could not be taken out of" in str(
        error
    )
    theirs = any(_own(frame, folder) or _made_by_theirs(frame, folder) for frame, _ in frames(error))
    return ends or wanting or theirs or _undefined(error, folder)


def _made_by_theirs(frame: FrameType, folder: Path) -> bool:
    """Whether it is of code without a file that the submission has made of a text, for itself."""
    return frame.f_code.co_filename == "<string>" and str(frame.f_globals.get("__file__", "")).startswith(f"{folder}/")


def _undefined(error: BaseException, folder: Path) -> bool:
    """Whether a module, a class or a model of the submission lacks something that it was asked for."""
    if not isinstance(error, AttributeError):
        return False
    made_by = sys.modules.get(getattr(type(error.obj), "__module__", ""))
    own = str(getattr(made_by, "__file__", "")).startswith(str(folder))
    return own or isinstance(error.obj, ModuleType | type | nn.Module)


def still_to_do(error: BaseException, folder: Path) -> bool:
    """Whether the code itself says so, rather than torch of an operation that it does not have."""
    if not isinstance(error, NotImplementedError):
        return False
    if 'is missing the required "forward" function' in str(error):
        return True
    return any(
        _own(frame, folder) and "NotImplementedError" in line_of(frame, number) for frame, number in frames(error)[-1:]
    )


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def lacking(error: BaseException, folder: Path) -> str:
    """What the code missed that is not here through no fault of its own; "" where it missed nothing of the kind."""
    for each in chain(error):
        if isinstance(each, Lacking) and _raised_by_ours(each, folder):
            return str(each)
        if isinstance(each, ImportError) and not isinstance(each, NotHandedIn) and _of_a_package(each, folder):
            return f"a package that the code uses needs something that is not installed here ({shortened(str(each))})"
        name = getattr(each, "name", None)
        if isinstance(each, NameError | AttributeError) and isinstance(name, str) and not _by_hand(each, folder):
            left_out = [frame.f_globals.get("__rest__") for frame, _ in frames(each)[-1:]]
            if any(isinstance(text, str) and name in bound_in(text) for text in left_out):
                return f"it needs {name}, which is made where the script is run; what is run was left out here"
    return ""


def _by_hand(error: BaseException, folder: Path) -> bool:
    """Whether a `raise` in the submission's own lines raised it; a module made here says itself what was left out of it."""
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None or not _own(innermost.tb_frame, folder):
        return False
    code = innermost.tb_frame.f_code
    ours = code.co_name == "__getattr__" and "__rest__" in innermost.tb_frame.f_globals
    return not ours and dis.opname[code.co_code[innermost.tb_lasti]] == "RAISE_VARARGS"


def _raised_by_ours(error: Lacking, folder: Path) -> bool:
    """Whether a probe, or what stands for something that is not here, has raised it, rather than the submission itself.

    What runs in one process with us can alter this function too, or use a package that is not here for no other end. It
    gains that a human looks, who is told what was raised and where; a mark it cannot gain.
    """
    return any(_ours(frame.f_code.co_filename, folder) for frame, _ in frames(error)[-1:])


def _ours(file: str, folder: Path) -> bool:
    """Whether code of that file was written by us: this package, the probes, a module that waits for a newer Python."""
    if Path(file).parent == Path(__file__).parent or Path(file) == folder.parent / "probes.py":
        return True
    return file.startswith(f"{folder}/") and "".join(linecache.getlines(file)).startswith(WAITS)


def _of_a_package(error: ImportError, folder: Path) -> bool:
    """Whether it was raised in an installed package, which misses another."""
    within = any("site-packages" in frame.f_code.co_filename for frame, _ in frames(error)[-1:])
    return within and bool(own_frames(error, folder))


def last_returned(ask: Callable[[], Any], folder: Path) -> str:
    """Asks again, and tells what the submission's functions returned last before it went wrong; "" for nothing."""
    told = ""

    def watch(frame: FrameType, event: str, value: Any) -> None:
        nonlocal told
        own = event == "return" and value is not None and _own(frame, folder)
        if own and not frame.f_code.co_name.startswith(("<", "__")):
            told = f"{frame.f_code.co_name} returned {described(value)}"

    sys.setprofile(watch)
    try:
        ask()
    except BaseException:  # it went wrong before, whatever it raises
        pass
    finally:
        sys.setprofile(None)
    return told[:LONGEST]


def handed(args: Mapping[str, Any]) -> str:
    """What code was handed, in a few words: names, and the shapes of tensors or plain values; "" for nothing."""
    said = []
    for name, value in list(args.items())[:8]:
        if hasattr(value, "shape"):
            said.append(f"{name} {list(value.shape)}")
        elif isinstance(value, int | float | str):
            said.append(f"{name} = {value!r}"[:60])
    return ", ".join(said)


def described(value: Any, depth: int = 0) -> str:
    """What a value is, in a few words: its type, and the shape of a tensor."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return (
            f"a {str(value.dtype).removeprefix('torch.')} {type(value).__name__.lower()} of shape {list(value.shape)}"
        )
    if isinstance(value, list | tuple) and depth < 2:
        inner = ", ".join(described(each, depth + 1) for each in value[:4])
        return f"a {type(value).__name__} of {len(value)}{f' ({inner})' if inner else ''}"
    if isinstance(value, dict) and depth < 2:
        return (
            ", ".join(f"{name}: {described(each, depth + 1)}" for name, each in list(value.items())[:6])
            or "an empty dict"
        )
    return f"{value!r}"[:60] if isinstance(value, int | float | str | bool) else f"a {type(value).__name__}"
