"""What is said of generated features: the distance, what real images would show, and when no limit is drawn."""

import pytest
import torch
from torch import Tensor

from grading.metrics.extraction import Extractor
from grading.metrics.feature_distance import enough_for_infinity, feature_distances, real_distances
from grading.metrics.frechet import frechet_between, frechet_infinity
from grading.metrics.kernel import kernel_distance

DIM = 64


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(n: int, seed: int, dim: int = DIM) -> Tensor:
    """Correlated features of one distribution."""
    scales = torch.arange(1, dim + 1) ** -0.5
    return torch.randn(n, dim, generator=rng(seed)) * scales @ torch.randn(dim, dim, generator=rng(0))


def named(distance: str) -> Extractor:
    return Extractor("net", distance, "Features of a net.", DIM, lambda images: images.float())


LITE = named("Fréchet distance (EfficientNet-lite0 features), not FID")


def test_what_is_measured() -> None:
    generated, real = features(40, 1), features(300, 2)
    frechet, kernel = feature_distances(generated, real, LITE, rng())
    assert (frechet.name, frechet.n, frechet.title) == ("frechet", 40, LITE.distance)
    assert frechet.value == frechet_between(generated, real)
    assert (kernel.name, kernel.n) == ("kernel_distance", 40)
    assert kernel.value == kernel_distance(generated, real)[0]
    assert frechet.low < frechet.value < frechet.high


def test_the_note_tells_numbers_and_bias() -> None:
    frechet, _ = feature_distances(features(40, 1), features(300, 2), LITE, rng())
    shown = real_distances(features(300, 2), 40, rng()).mean()
    for words in ("40 generated", "300 real", "64 features", "biased upwards", "most of it may be bias", LITE.note):
        assert words in frechet.note
    assert f"40 of the real images against the other 260 show {shown:.4g}" in frechet.note
    many, *_ = feature_distances(features(200, 1), features(300, 2), LITE, rng())
    assert "most of it may be bias" not in many.note
    assert "150 of the real images against the other 150" in many.note


def test_never_called_fid_unless_it_is() -> None:
    for measured in feature_distances(features(300, 1), features(300, 2), LITE, rng()):
        assert "FID" not in measured.title.replace("not FID", "")
        assert "KID" not in measured.title.replace("not KID", "")
    titles = [measured.title for measured in feature_distances(features(300, 1), features(300, 2), named("FID"), rng())]
    assert titles == ["FID", "FID, extrapolated to N = infinity", "KID"]


@pytest.mark.parametrize("n", [30, 200])
def test_images_as_good_as_real_show_what_real_ones_show(n: int) -> None:
    real = features(1000, 2)
    shown = real_distances(real, n, rng())
    found = feature_distances(features(n, 1), real, LITE, rng())[0].value
    assert found > 1, "the distance itself is far from zero"
    assert abs(found - shown.mean()) < 5 * shown.std()


@pytest.mark.parametrize("n", [30, 300])
def test_other_images_lie_farther(n: int) -> None:
    real, same = features(600, 2), features(n, 1)
    values = [feature_distances(same + shift, real, LITE, rng())[0].value for shift in (0.0, 1.0, 2.0)]
    kernels = [feature_distances(same + shift, real, LITE, rng())[-1].value for shift in (0.0, 1.0, 2.0)]
    shown = real_distances(real, n, rng())
    assert values == sorted(values)
    assert kernels == sorted(kernels)
    assert values[1] > shown.mean() + 5 * shown.std()


def test_no_limit_is_drawn_from_few_images() -> None:
    assert [m.name for m in feature_distances(features(255, 1), features(600, 2), LITE, rng())] == [
        "frechet",
        "kernel_distance",
    ]
    assert "frechet_infinity" in [m.name for m in feature_distances(features(256, 1), features(600, 2), LITE, rng())]
    assert not enough_for_infinity(features(600, 1), features(255, 2))


def test_why_no_limit_is_drawn_from_few_images() -> None:
    """Between sets of one distribution: at N = D/2 most of the bias stays, from 4 D on little does."""
    dim, real = 32, features(4000, 2, 32)
    left = {}
    for n in (dim // 2, 4 * dim):
        generated = features(n, 1, dim)
        left[n] = abs(frechet_infinity(generated, real, rng(3))[0]) / frechet_between(generated, real)
    assert left[dim // 2] > 0.5
    assert left[4 * dim] < 0.25


def test_the_same_for_the_same_generator() -> None:
    generated, real = features(40, 1), features(300, 2)
    assert feature_distances(generated, real, LITE, rng(1)) == feature_distances(generated, real, LITE, rng(1))
    assert not torch.equal(real_distances(real, 40, rng(1)), real_distances(real, 40, rng(2)))
