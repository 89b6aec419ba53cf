"""The only comparators. Each checks kind, shape and finiteness before it looks at values."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grading.errors import BadAnswer, SubmissionError
from grading.records import Verdict

HALF, NEARLY = 0.5, 0.75  # shares: the right numbers with a fault of their own; with one that hardly shows
RTOL, ATOL = 1e-4, 1e-5  # float32 algebra on a CPU, relative to the largest expected value


class Disagreement(SubmissionError):
    """The student's answer is not the right one; carries the verdict."""

    def __init__(self, message: str, **parts: Any) -> None:
        super().__init__(message)
        self.verdict = Verdict(parts.pop("share", 0.0), message, **parts)


LARGEST = 1e308  # of the numbers that Python has, those above are no floating-point ones


def shown(value: Any, most: int = 6) -> str:
    """A value as people like to read it: a few numbers, and the shape."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, Tensor):
        return str(value)[:200]
    numbers = [f"{number:.6g}" for number in value.flatten()[:most].tolist()]
    if value.ndim == 0:
        return numbers[0]
    return f"[{', '.join(numbers)}{', …' if value.numel() > most else ''}] of shape {list(value.shape)}"


def tensor(value: Any, what: str, shape: Iterable[int] | None = None) -> Tensor:
    """The answer as a finite float64 tensor of that shape. Raises Disagreement otherwise; Python numbers are welcome."""
    if isinstance(value, bool | int | float):
        value = torch.tensor(float(value) if abs(value) < LARGEST else math.inf)
    if not isinstance(value, Tensor):
        raise Disagreement(f"{what} should be a tensor", expected="a tensor", actual=type(value).__name__)
    if value.is_complex():
        raise Disagreement(f"{what} should hold real numbers", expected="real numbers", actual=str(value.dtype))
    if shape is not None and list(value.shape) != list(shape):
        raise Disagreement(
            f"{what} has the wrong shape", expected=f"shape {list(shape)}", actual=f"shape {list(value.shape)}"
        )
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        raise Disagreement(
            f"{what} holds nan or inf ({bad} of {value.numel()} numbers)",
            expected="finite numbers",
            actual=shown(value),
        )
    return value.double()


class Parts(dict[str, Any]):
    """An answer of several named parts; one that is asked for and missing is a bad answer, whoever asks for it."""

    def __missing__(self, name: str) -> Any:
        raise BadAnswer(f"the answer's part {name!r} is missing")


def parts(answer: Any, **kinds: type | tuple[type, ...]) -> Parts:
    """An answer of several named parts, as a probe gives it; a part may be None unless its kind says otherwise.

    Raises BadAnswer for anything else: a probe is ours, so only code that meddles with the wire answers otherwise.
    """
    if not isinstance(answer, dict):
        raise BadAnswer(f"the answer should have parts named {', '.join(kinds)}")
    for name, kind in kinds.items():
        found = answer.get(name, ...)
        if found is ... or (found is not None and not isinstance(found, kind)):
            raise BadAnswer(f"the answer's part {name!r} is missing or is not what it should be")
    return Parts(answer)


def all_parts(answer: Any, **kinds: type | tuple[type, ...]) -> Parts:
    """The same, of parts that a probe always has something to say of. Raises BadAnswer where one is None."""
    found = parts(answer, **kinds)
    for name in kinds:
        if found[name] is None:
            raise BadAnswer(f"the answer's part {name!r} is empty")
    return found


def pieces(answer: Any, numbers: int) -> list[tuple[str, Tensor]]:
    """Places in code and what each gave, of an answer [(text, tensor), …]: those that gave so many numbers."""
    found = [piece for piece in answer if isinstance(piece, list | tuple)] if isinstance(answer, list) else []
    pairs = [(str(piece[0]), piece[1]) for piece in found if len(piece) == 2]
    return [(text, value) for text, value in pairs if isinstance(value, Tensor) and value.numel() == numbers]


def numbers(value: Any, what: str) -> list[float]:
    """A list of finite numbers, such as the steps a network was asked about; [] of None. Raises BadAnswer otherwise."""
    found = [] if value is None else value
    fits = isinstance(found, list | tuple) and all(isinstance(each, int | float) for each in found)
    if not fits or not all(abs(each) < LARGEST for each in found):
        raise BadAnswer(f"{what} should be a list of numbers")
    return [float(each) for each in found]


def table(value: Any, what: str, least: int = 1) -> Tensor:
    """The answer as finite float64 numbers [T], one for each of so many steps or more. Raises Disagreement otherwise."""
    found = tensor(value, what)
    if found.ndim != 1 or len(found) < least:
        raise Disagreement(
            f"{what} should be a row of numbers, one for each step",
            expected=f"shape [T], T at least {least}",
            actual=f"shape {list(found.shape)}",
        )
    return found


def images_like(value: Any, what: str, batch: int) -> Tensor:
    """The answer as finite float64 images [B, C, H, W] of any size above zero. Raises Disagreement otherwise."""
    found = tensor(value, what)
    if found.ndim != 4 or len(found) != batch or not found.numel():
        raise Disagreement(
            f"{what} should be a batch of images",
            expected=f"shape [{batch}, C, H, W]",
            actual=f"shape {list(found.shape)}",
        )
    return found


def scalar(value: Any, what: str) -> float:
    """The answer as one finite number; shapes [] and [1] and the like are welcome. Raises Disagreement otherwise."""
    found = tensor(value, what)
    if found.numel() != 1:
        raise Disagreement(f"{what} should be one number", expected="a scalar", actual=f"shape {list(found.shape)}")
    return found.item()


def close(actual: Tensor, expected: Tensor, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """Whether |actual - expected| <= atol + rtol * max|expected| everywhere; false for nan, inf and any other shape."""
    if actual.shape != expected.shape or not torch.isfinite(expected).all():
        return False
    bound = atol + rtol * expected.double().abs().max().item() if expected.numel() else atol
    return bool(((actual.double() - expected.double()).abs() <= bound).all())


@dataclass(frozen=True)
class Slip:
    """What a known mistake answers, what to tell the student, and how much of the item is right all the same."""

    answer: Tensor
    message: str
    share: float = 0.0


def one_of(
    actual: Any, allowed: Iterable[Tensor], what: str, slips: Mapping[str, Slip] | None = None, show: str = ""
) -> None:
    """Raises Disagreement unless the answer is one of those allowed; the first is the one to show. They share one shape.

    A slip is only named where its answer is none of those allowed.
    """
    right = list(allowed)
    found = tensor(actual, what, right[0].shape)
    if any(close(found, expected) for expected in right):
        return
    told = {"expected": shown(right[0]), "actual": shown(found), "reproduce": show}
    known = {
        bug: slip
        for bug, slip in (slips or {}).items()
        if close(found, slip.answer) and not any(close(slip.answer, expected) for expected in right)
    }
    if known:
        bug = _nearest(found, known)
        raise Disagreement(known[bug].message, bug=bug, share=known[bug].share, **told)
    raise Disagreement(f"{what} is not the expected value", **told)


def _nearest(found: Tensor, known: Mapping[str, Slip]) -> str:
    """The slip that gives the answer best; of those that give it alike, but for float32's last digits, the first."""
    errors = {bug: (found - slip.answer.double()).abs().max().item() for bug, slip in known.items()}
    enough = 3 * min(errors.values()) + 1e-6 * found.abs().max().item()
    return next(bug for bug, error in errors.items() if error <= enough)


def broadcast(value: Any, shape: Iterable[int], what: str) -> Tensor:
    """The answer as a finite float64 tensor, expanded to that shape. Raises Disagreement where it does not broadcast."""
    found = tensor(value, what)
    try:
        return found.expand(*shape)
    except RuntimeError:
        raise Disagreement(
            f"{what} does not go together with a batch of images",
            expected=f"a shape that broadcasts to {list(shape)}, such as [{next(iter(shape))}, 1, 1, 1]",
            actual=f"shape {list(found.shape)}",
        ) from None


def two(answer: Any, what: str) -> tuple[Any, Any]:
    """An answer of two things. Raises Disagreement otherwise."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Disagreement(f"{what} should be two things", expected="a tuple of two", actual=type(answer).__name__)
    return answer[0], answer[1]


def reductions(per_image: Tensor, numbers: int) -> dict[str, Tensor]:
    """The ways a loss [B] over `numbers` numbers in all may be reduced; a handout that names none allows each."""
    return {
        "sum over everything": per_image.sum(),
        "mean over the batch": per_image.mean(),
        "mean over everything": per_image.sum() / numbers,
        "one number per image": per_image,
    }


def which(actual: Tensor, candidates: Mapping[str, Tensor], rtol: float = RTOL, atol: float = 1e-6) -> str:
    """The name of the first candidate the answer is close to (shapes [] and [1] count as one), or an empty string."""
    for name, candidate in candidates.items():
        if actual.numel() == candidate.numel() and close(actual.flatten(), candidate.flatten(), rtol, atol):
            return name
    return ""


def within(value: float, expected: float, standard_error: float, sigmas: float = 5.0) -> bool:
    """Whether an estimate lies within so many standard errors; false for nan. Five sigmas: 6e-7 false alarms."""
    return math.isfinite(value) and abs(value - expected) <= sigmas * standard_error + 1e-12
