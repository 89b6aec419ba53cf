"""Whether what a model answers is what its weights compute: the same operations, computed again where its code is not.

The code is watched once while it answers (inside/recording.py). What was taken down is a claim; a process that has imported
nothing of the submission computes it again with the weights that the quarantine kept, on other inputs, and what comes out is
held against what the code answered there. So nobody needs to believe the process that was watched.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from grading.checks.compare import Disagreement, parts
from grading.errors import AnswerError
from grading.metrics.intervals import point
from grading.metrics.other_weights import ANEW, NEARLY, NOT_ANSWERED, losses
from grading.records import Measurement
from grading.sandbox.inside.recording import tensors_in
from grading.sandbox.inside.replaying import distance
from grading.seeds import generator
from grading.subjects import Submission

LEAST = 1e-6  # of a deviation that distances are relative to
HOLDS = 0.01  # of the deviation of the numbers: more than rounding does in another order
TITLES = {
    "unlike": "how far what the code answers is, of its contrast, from what its operations and weights give",
    "constants": "numbers that take part in it and are no weights",
    "loss_without_weights": "the loss of some images with the weights drawn anew",
    "loss_moved": "how far that loss moves, of itself, with nearly the same weights and no other files of weights",
}


@dataclass(frozen=True)
class Asked:
    """A question that was asked for a mark, and its answer."""

    args: Mapping[str, Any]
    answer: Sequence[Tensor]  # the tensors of it that can be computed again
    about: Tensor  # the images that it was about, or whatever the judge wants to know of it


class Heard:
    """Asks one probe, and keeps one of the questions, with the answer, that the judge draws while they come."""

    def __init__(
        self,
        student: Submission,
        probe: str,
        seed: str,
        first: int | None = None,
        begin: Callable[[], None] | None = None,
        seconds: float | None = None,
    ) -> None:
        """first: how many of the tensors in an answer can be computed again; None: all

        seed: of what is drawn, with the probe;  begin: begins a process of the submission's that can be asked; without, any
        that has heard nothing serves;  seconds: for each question
        """
        self.probe, self.asked = probe, Asked({}, (), torch.empty(0))
        self._student, self._rng, self._first, self._count = student, generator(seed, "heard", probe), first, 0
        self._begin = begin
        self._more = {} if seconds is None else {"seconds": seconds}

    def begin(self) -> None:
        """Begins a process that can be asked."""
        self._begin() if self._begin else self._student.begin_again()

    def __call__(self, about: Tensor, **args: Any) -> Any:
        """The answer."""
        answer = getattr(self._student, self.probe)(**args, **self._more)
        asked = Asked(args, list(tensors_in(answer))[: self._first], about)
        self._count += 1
        if int(torch.randint(self._count, (), generator=self._rng)) == 0:
            self.asked = asked
        return answer


@dataclass(frozen=True)
class Replay:
    """What came of computing an answer again."""

    why: str = ""  # why that could not be; "" where it could
    unlike: float = NOT_ANSWERED  # root mean square, relative to the deviation of the numbers
    constants: int = 0  # numbers that are neither weights nor given nor computed
    matters: Mapping[str, float] = field(default_factory=dict)  # how far each weight moves it, drawn anew, by name
    tables: Sequence[str] = ()  # the weights that rows are taken out of, by labels or steps
    anew: Sequence[Tensor] = ()  # what comes out with all weights drawn anew, on the inputs of the first question
    about: Tensor | None = None  # what that question was about

    @property
    def holds(self) -> bool:
        """Whether the answers are what came out."""
        return self.unlike <= HOLDS


def replayed(student: Submission, heard: Heard, weights: Mapping[str, Tensor], also: str = "") -> Replay:
    """Watches a probe while it is asked about other images with the same labels, and computes the answer that it gave again.

    weights: by their names in the state dict;  also: "anew" or "moved", where one of them is wanted. Ends the session that
    is open.
    """
    asked = heard.asked
    try:
        heard.begin()
        shown = {"probe": heard.probe, "args": {name: _others(value) for name, value in asked.args.items()}}
        claim = parts(student.ask("recorded!", shown), program=str, constants=list, why=str)
        if claim["why"]:
            return Replay(str(claim["why"])[:300])
        question: dict[str, Any] = {
            "program": claim["program"],
            "constants": [each for each in claim["constants"] if isinstance(each, Tensor)],
            "names": list(weights),
            "values": list(weights.values()),
            "inputs": list(tensors_in(asked.args)),
            "first": len(asked.answer),
            "also": also,
        }
        found = student.anew("replayed!", question, "replayed")
    except (AnswerError, Disagreement) as error:
        return Replay(str(error)[:300])
    if found["why"]:
        return Replay(found["why"])
    unlike = _unlike(found["outputs"], asked.answer)
    return Replay("", unlike, found["constants"], found["moved"], found["tables"], found["anew"], asked.about)


def _others(value: Any) -> Any:
    """The same rows of numbers in another order; labels stay, since code may follow them as it likes."""
    return value.roll(1, 0) if isinstance(value, Tensor) and value.is_floating_point() and value.ndim else value


@dataclass(frozen=True)
class Earned:
    """A loss that an encoder and a decoder have earned on some images."""

    encoder: Heard
    decoder: Heard
    own: float  # of some images
    of_drawn: Callable[[Tensor, Tensor], float]  # of what the decoder draws, and of what it was asked about
    anew: Callable[[], float]  # measured again, of the same images as its own
    unit: str


def follows_weights(student: Submission, file: str, weights: Mapping[str, Tensor], earned: Earned) -> list[Measurement]:
    """Whether a loss is what the weights compute; where that cannot be computed again, whether it follows other weights.

    file: where the weights were handed in; "" where they were trained here
    """
    first, second = replayed(student, earned.encoder, weights), replayed(student, earned.decoder, weights, "anew")
    without, moved = NOT_ANSWERED, 0.0
    if first.holds and second.holds and second.about is not None:
        without = earned.of_drawn(second.anew[0], second.about)
    elif file:
        others = losses(student, file, earned.anew)
        without, moved = others[ANEW], abs(others[NEARLY] - earned.own) / max(abs(earned.own), 1e-6)
    without = min(without, NOT_ANSWERED) if math.isfinite(without) else NOT_ANSWERED
    return [
        *told([first, second]),
        point("loss_without_weights", TITLES["loss_without_weights"], without, unit=earned.unit),
        point("loss_moved", TITLES["loss_moved"], min(moved, NOT_ANSWERED)),
    ]


def weights_of(student: Submission, file: str) -> dict[str, Tensor]:
    """What the quarantine has kept of a weights file, by the names in the model's state dict."""
    return load_file(student.weights(file).path)


def told(replays: Sequence[Replay]) -> list[Measurement]:
    """What several of them say: the worst of each."""
    unlike, constants = max(each.unlike for each in replays), max(each.constants for each in replays)
    note = "; ".join(dict.fromkeys(f"not computed again: {each.why}" for each in replays if each.why))
    return [
        point("unlike", TITLES["unlike"], unlike, note=note),
        point("constants", TITLES["constants"], float(constants)),
    ]


def _unlike(given: Sequence[Tensor], answer: Sequence[Tensor]) -> float:
    """The largest distance between the tensors of an answer and those that were computed again."""
    if [each.shape for each in given] != [each.shape for each in answer]:
        return NOT_ANSWERED
    far = [distance(one, known, LEAST) for one, known in zip(given, answer, strict=True)]
    return min(max(far, default=0.0), NOT_ANSWERED) if all(map(math.isfinite, far)) else NOT_ANSWERED
