"""How large a model is, counted from its weights: those handed in, or those of an untrained model as it crosses over."""

from typing import Any

from torch import Tensor

from grading.checks.compare import Disagreement, parts
from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.subjects import Submission

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batch normalisation: kept, not trained


def count(student: Submission, setting: Setting) -> Evidence:
    """The number of parameters in a weights file, as it came out of the quarantine."""
    manifest = student.weights(setting.sampling.file)
    title = f"parameters in {manifest.name}"
    return Evidence((exactly("parameters", title, manifest.parameters, len(manifest.tensors)),))


def instantiated(student: Submission, setting: Setting) -> Evidence:
    """The number of parameters of the row's model, untrained, of the sizes that the notebook makes it with."""
    answer = student.state(model=setting.sampling.model)
    return Evidence((exactly("parameters", "trainable parameters", counted(answer), len(answer["names"])),))


def exactly(name: str, title: str, number: int, tensors: int) -> Measurement:
    """A count of the numbers in so many tensors."""
    n = float(number)
    return Measurement(name, title, n, n, n, tensors, "", "counted by the judge")


def state_dict(answer: Any) -> dict[str, Tensor]:
    """A model's tensors by their names, of {"names": …, "values": …}. Raises BadAnswer or Disagreement for anything else."""
    held = parts(answer, names=list, values=list)
    names, values = held["names"] or [], held["values"] or []
    if not names or len(names) != len(values) or not all(isinstance(value, Tensor) for value in values):
        raise Disagreement("the model's state dict cannot be read")
    return dict(zip(map(str, names), values, strict=True))


def counted(answer: Any) -> int:
    """The numbers in a state dict, {"names": …, "values": …}, without the statistics of batch normalisation.

    A matrix that stands there under two names, since two attributes share it, counts once. Raises BadAnswer or Disagreement
    for what is no state dict.
    """
    known = state_dict(answer)
    trained = [value for name, value in known.items() if not _statistic(name, known)]
    return sum(value.numel() for number, value in enumerate(trained) if not _twice(value, trained[:number]))


def _statistic(name: str, known: dict[str, Tensor]) -> bool:
    """Whether this is a running mean or the like: beside a weight of as many numbers, or a single number."""
    owner, _, last = name.rpartition(".")
    weight = known.get(f"{owner}.weight" if owner else "weight")
    like = known[name].numel() == 1 or (weight is not None and weight.numel() == known[name].numel())
    return last in STATISTICS and like


def _twice(value: Tensor, before: list[Tensor]) -> bool:
    return value.ndim > 1 and any(value.shape == other.shape and bool((value == other).all()) for other in before)
