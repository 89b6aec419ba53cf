"""How many samples until the mark is decided, on a clock that only the drawing moves."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from grading.metrics import sampling
from grading.metrics.sampling import Sample, in_looks


class Drawing:
    """Draws ten images per chunk, each chunk in its own time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, durations: Sequence[float] = (1.0,)) -> None:
        self.now, self.durations, self.begun = 100.0, durations, []
        self.numbers: list[int] = []
        monkeypatch.setattr(sampling, "time", SimpleNamespace(monotonic=lambda: self.now))

    def __call__(self, chunk: int) -> tuple[Tensor, Tensor]:
        self.begun.append(self.now - 100.0)
        self.numbers.append(chunk)
        self.now += self.durations[min(chunk, len(self.durations) - 1)]
        return torch.full((10, 1, 28, 28), float(chunk)), torch.arange(10)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Sample, Drawing, list[int]]]:
    def run(decided_at: int, looks: Sequence[int], seconds: float, durations: Sequence[float] = (1.0,)):
        draw, looked = Drawing(monkeypatch, durations), []

        def decided(images: Tensor, labels: Tensor) -> bool:
            assert len(images) == len(labels)
            looked.append(len(labels))
            return len(labels) >= decided_at

        return in_looks(draw, decided, looks, seconds), draw, looked

    return run


def test_stops_when_decided(run) -> None:
    sample, draw, looked = run(50, (20, 50, 100), 1e9)
    assert looked == [20, 50]
    assert draw.numbers == [0, 1, 2, 3, 4]
    assert (len(sample.images), sample.cut_short, sample.stopped) == (50, False, "the mark was decided")


def test_stops_at_the_last_look(run) -> None:
    sample, _, looked = run(10**9, (20, 50), 1e9)
    assert looked == [20, 50]
    assert (len(sample.labels), sample.cut_short) == (50, False)
    assert sample.stopped == "all the samples planned were drawn"


def test_a_look_between_two_chunks_waits_for_the_whole_chunk(run) -> None:
    sample, _, looked = run(10**9, (15, 18, 25), 1e9)
    assert looked == [20, 20, 30]
    assert len(sample.labels) == 30


def test_chunks_come_in_order(run) -> None:
    sample, _, _ = run(10**9, (40,), 1e9)
    assert sample.images[::10, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert sample.labels.tolist() == 4 * list(range(10))


def test_stops_when_the_time_is_used_up(run) -> None:
    sample, draw, looked = run(10**9, (100,), 10.0, (3.0,))
    assert draw.begun == [0, 3, 6], "a chunk begun at 9 would end at 12"
    assert sample.cut_short
    assert "10 s" in sample.stopped
    assert len(sample.labels) == 30
    assert looked == []


def test_a_chunk_that_just_fits_is_drawn(run) -> None:
    _, draw, _ = run(10**9, (100,), 9.0, (3.0,))
    assert draw.begun == [0, 3, 6]


def test_the_longest_chunk_so_far_counts(run) -> None:
    _, draw, _ = run(10**9, (100,), 10.0, (5.0, 1.0))
    assert draw.begun == [0, 5], "6 + 5 > 10, although the last chunk took 1 s"


def test_the_first_chunk_is_always_drawn(run) -> None:
    sample, draw, _ = run(10**9, (100,), 1.0, (50.0,))
    assert draw.numbers == [0]
    assert len(sample.labels) == 10


@pytest.mark.parametrize("seconds", [1.0, 7.5, 20.0])
@pytest.mark.parametrize("duration", [0.3, 1.0, 4.0])
def test_no_chunk_ends_later_than_the_budget_but_the_first(run, seconds: float, duration: float) -> None:
    _, draw, _ = run(10**9, (1000,), seconds, (duration,))
    assert all(begun + duration <= seconds + 1e-9 for begun in draw.begun[1:])
