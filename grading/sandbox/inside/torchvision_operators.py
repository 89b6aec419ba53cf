"""Lets torchvision import beside a torch build for which its compiled operators are missing.

torchvision registers fake kernels for `torchvision::nms` and `torchvision::qnms` while it is imported. Where its own
compiled library does not load (a CPU build of torch beside the default wheel of torchvision), those operators were never
defined and the import stops. Defining them, without a kernel, is enough for everything that does not call them.
A matching pair of torch and torchvision is left exactly as it is.
"""

import ctypes
import importlib.machinery
import importlib.util
from pathlib import Path

import torch

_definitions: list[torch.library.Library] = []  # a Library takes its operators with it when it is collected


def _compiled_operators_load() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # no torchvision: nothing to mend
    folder = Path(spec.submodule_search_locations[0])
    libraries = [folder / f"_C{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    found = next((library for library in libraries if library.exists()), None)
    if found is None:
        return False
    try:
        ctypes.CDLL(str(found))
    except OSError:
        return False
    return True


def define_if_missing() -> bool:
    """Defines torchvision's two operators if its own library cannot; returns whether it did."""
    if _definitions or _compiled_operators_load():
        return bool(_definitions)
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _definitions.append(library)
    return True
