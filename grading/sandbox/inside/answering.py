"""One question: the probe that it is put by, in the precision that the code wants, or what went wrong; beside worker.py."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

from .blame import OUTSIDE, failure, last_returned
from .loading import Code
from .recording import recorded_probe
from .redrawing import changed
from .replaying import replayed
from .seeding import seed_everything
from .whole_models import tensors_of


def weights(path: str) -> Any:
    """What a weights file holds, read with torch's restricted unpickler."""
    return torch.load(path, map_location="cpu", weights_only=True)


def answer(code: Code, probes: ModuleType, question: dict[str, Any]) -> dict[str, Any]:
    """Asks one probe; never raises anything but SystemExit's kin that the caller turns into an answer as well."""
    seed_everything(question["seed"])
    if question["probe"] == "probes!":  # not the name of any function: whether the probes themselves could be loaded
        return {"ok": None}
    if question["probe"] == "weights!":  # not the name of any function
        return {"ok": weights(str(code.folder / question["args"]["name"]))}
    if question["probe"] == "model!":  # nor this
        return {"ok": tensors_of(str(code.folder / question["args"]["name"]))}
    if question["probe"] == "changed!":  # nor this
        args = question["args"]
        return {"ok": changed(str(code.folder / args["name"]), args["how"], args["names"], args["anew"])}
    if question["probe"] == "replayed!":  # nor this
        return {"ok": replayed(**question["args"])}
    if question["probe"] == "recorded!":  # nor this
        return {"ok": recorded_answer(code, probes, question)}
    return {"ok": in_its_precision(lambda args: getattr(probes, question["probe"])(code, **args), question)}


def recorded_answer(code: Code, probes: ModuleType, question: dict[str, Any]) -> dict[str, Any]:
    """What is computed on the way to the answer of a probe; models are made when it is asked for the first time."""
    ask, args = getattr(probes, question["args"]["probe"]), question["args"]["args"]
    in_its_precision(lambda given: ask(code, **given), {"args": args, "seed": question["seed"]})
    seed_everything(question["seed"])
    return recorded_probe(ask, code, precise(args))


def in_its_precision(ask: Callable[[dict[str, Any]], Any], question: dict[str, Any]) -> Any:
    """The answer; where the code has made double precision the default, of a question in double precision."""
    before = torch.get_default_dtype()
    try:
        found = ask(precise(question["args"]))
    except Exception:
        if torch.get_default_dtype() == before:
            raise
    else:
        if torch.get_default_dtype() == before:
            return found
    seed_everything(question["seed"])
    return ask(precise(question["args"]))


def precise(value: Any) -> Any:
    """The same with every single-precision tensor in the default precision."""
    if isinstance(value, torch.Tensor):
        return value.to(torch.get_default_dtype()) if value.dtype == torch.float32 else value
    if isinstance(value, dict):
        return {key: precise(each) for key, each in value.items()}
    return type(value)(map(precise, value)) if isinstance(value, list | tuple) else value


def told(error: BaseException, code: Code, probes: ModuleType | None, question: dict[str, Any]) -> dict[str, Any]:
    """What went wrong; where it went wrong in what asks, with what the submission's functions returned before."""
    found = {**failure(error, code.folder), "returned": ""}
    if found["fault"] == OUTSIDE and probes is not None:
        found["returned"] = last_returned(lambda: answer(code, probes, question), code.folder)
    return found
