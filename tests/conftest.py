"""What tests share: one warm host, and assignments by id."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from grading import assignments
from grading.metrics import auxiliary, denoising, dependence, joint, replays, training, within
from grading.metrics.replays import Heard, Replay
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A host on the best sandbox there is here."""
    with Host(choose(None)) as warm:
        yield warm


def affordable(assignment: assignments.Assignment) -> tuple[str, ...]:
    """Ids of the items that take seconds."""
    return tuple(item.id for item in assignment.rubric.items if not item.slow and not item.manual)


def scored(assignment: assignments.Assignment) -> tuple[str, ...]:
    """Ids of those among them that are worth points."""
    worth = {item.id for item in assignment.rubric.items if item.points}
    return tuple(item for item in affordable(assignment) if item in worth)


@pytest.fixture(autouse=True)
def computed_again(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Students of the tests of metrics have no code that could be watched: what they say is taken for what weights compute.

    Not for the tests of replays themselves.
    """
    if "metrics" not in request.path.parts or "watched" in request.keywords:
        return

    def replayed(student: object, heard: Heard, weights: object, also: str = "") -> Replay:
        asked = heard.asked
        anew = [torch.full(asked.answer[0].shape, 0.5)] if asked.answer and also == "anew" else []
        return Replay(unlike=0.0, anew=anew, about=asked.about)

    def none(student: object, file: str) -> dict[str, Tensor]:
        return {}

    for module in (auxiliary, denoising, replays, within):
        monkeypatch.setattr(module, "replayed", replayed)
    for module in (auxiliary, denoising, joint, training, within):
        monkeypatch.setattr(module, "weights_of", none)
    monkeypatch.setattr(
        dependence, "within", lambda student, setting: within.Part([], [], replays.told([Replay(unlike=0.0)]))
    )
