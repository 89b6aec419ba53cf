"""That noise is judged by law: right noise of every make passes, other noise does not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from grading.checks.compare import Disagreement
from grading.checks.noising import clipped_noise
from grading.errors import NotMeasured

RNG = torch.Generator()


class Noisy:
    """A subject whose notebook makes noise in one or several ways."""

    def __init__(self, *ways: Callable[[Tensor], Tensor]) -> None:
        self.ways = ways

    def noisy_images(self, images: Tensor, seed: str) -> list[tuple[str, Tensor]]:
        return [(f"way {number}", way(images)) for number, way in enumerate(self.ways)]

    def training_turns(self, images: Tensor, seed: str) -> list[dict[str, object]]:
        return []

    def clips_somewhere(self) -> bool:
        return False


def right(x: Tensor) -> Tensor:
    return (x + 0.5 * torch.randn_like(x)).clamp(0, 1)


def by_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(np.clip(np.random.default_rng().normal(x.numpy(), 0.5), 0, 1))


def test_right_noise_passes_again_and_again() -> None:
    for seed in range(100):
        torch.manual_seed(seed)
        clipped_noise(Noisy(right), None, RNG)
    clipped_noise(Noisy(by_numpy), None, RNG)


def test_the_noise_alone_beside_it_does_no_harm() -> None:
    torch.manual_seed(0)
    clipped_noise(Noisy(lambda x: torch.randn(3, 3), lambda x: 0.5 * torch.randn_like(x), right, right), None, RNG)


def test_a_right_place_and_a_wrong_one_are_a_humans_to_judge() -> None:
    torch.manual_seed(0)
    with pytest.raises(NotMeasured, match="2 places, and not alike"):
        clipped_noise(Noisy(right, lambda x: x + torch.randn_like(x)), None, RNG)


@pytest.mark.parametrize(
    ("way", "bug"),
    [
        (lambda x: x + 0.5 * torch.randn_like(x), "noise-not-clipped"),
        (lambda x: (x + 0.3 * torch.randn_like(x)).clamp(0, 1), "noise-factor"),
        (lambda x: (x + 0.55 * torch.randn_like(x)).clamp(0, 1), "noise-factor"),
        (lambda x: (x + torch.randn_like(x)).clamp(0, 1), "noise-factor"),
        (lambda x: (x + 0.5 * torch.rand_like(x)).clamp(0, 1), "noise-not-gaussian"),
        (lambda x: (x + torch.rand_like(x) - 0.5).clamp(0, 1), "noise-not-gaussian"),
        (lambda x: (x * (1 + 0.5 * torch.randn_like(x))).clamp(0, 1), "noise-multiplied"),
        (
            lambda x: (x + 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1),
            "noise-fixed",
        ),
    ],
)
def test_other_noise_is_recognised(way: Callable[[Tensor], Tensor], bug: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(Disagreement) as error:
        clipped_noise(Noisy(way), None, RNG)
    assert error.value.verdict.bug == bug


def test_where_no_place_is_found_a_human_judges() -> None:
    with pytest.raises(NotMeasured):
        clipped_noise(Noisy(), None, RNG)
    with pytest.raises(NotMeasured):
        clipped_noise(Noisy(lambda x: torch.randn(2)), None, RNG)
