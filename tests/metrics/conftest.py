"""Students without a sandbox have no code that could be watched: what they say is taken for what their weights compute."""

import pytest
import torch
from torch import Tensor

from grading.metrics import auxiliary, denoising, dependence, joint, replays, training, within
from grading.metrics.replays import Heard, Replay


@pytest.fixture(autouse=True)
def computed_again(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for the tests of replays themselves."""
    if "watched" in request.keywords:
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
