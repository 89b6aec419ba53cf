"""Our FID against clean-fid's: the same values, sooner. Ends with 1 where a promise is not kept (make bench-fid).

The network is torchvision's Inception-v3 with random weights: it does the work of the real one, whose weights are not
ours to give. Images are drawn here. Both sides get the same images, the same network, and two threads.
"""

import copy
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from grading.metrics.extraction import clean_resize, fast_features
from grading.metrics.frechet import Gaussian, frechet_distance, gaussian
from grading.sandbox.inside.torchvision_operators import define_if_missing

THREADS, DIMENSIONS, SAMPLES = 2, 2048, 2500
IMAGES, WARM_UP, ROUNDS = 128, 16, 3  # 128: clean-fid's default batch
SAME = 1e-4  # largest difference over largest value


@dataclass(frozen=True)
class Race:
    """What both did, and what was promised."""

    what: str
    theirs: list[float]  # seconds, a run each
    ours: list[float]
    difference: float  # relative
    at_least: float  # how many times as fast

    @property
    def ratio(self) -> float:
        """Median over median."""
        return statistics.median(self.theirs) / statistics.median(self.ours)

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.ratio >= self.at_least and self.difference <= SAME


class RandomInception(nn.Module):
    """Pixels [N, 3, 299, 299] in [0, 255] -> features [N, 2048], by weights drawn at random.

    The layers are normalised by what `images` make of them, so that features differ between images, as in a trained one.
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        from torchvision.models import inception_v3

        torch.manual_seed(0)
        self.network = inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False)
        self.network.fc, self.network.dropout = nn.Identity(), nn.Identity()
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the statistics of all that it has seen
        with torch.no_grad():
            self.train()(clean_resize(images, 299))
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """As clean-fid calls its own: pixels as they are, normalised inside."""
        features: Tensor = self.network((pixels - 128) / 128)
        return features


def drawn_images(count: int) -> Tensor:
    """Smooth random images, uint8 [N, 3, 32, 32]."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return (255 * F.interpolate(coarse, size=(32, 32), mode="bicubic").clamp(0, 1)).to(torch.uint8)


def drawn_statistics(seed: int) -> Gaussian:
    """The statistics of 2,500 features of 2,048 dimensions, non-negative and correlated as those of a network."""
    rng = torch.Generator().manual_seed(seed)
    mixing = torch.randn(DIMENSIONS, DIMENSIONS, generator=torch.Generator().manual_seed(0))
    scales = torch.arange(1, DIMENSIONS + 1) ** -0.5
    return gaussian((torch.randn(SAMPLES, DIMENSIONS, generator=rng) * scales @ mixing + 0.1 * seed).relu())


def timed(action: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What it gives, and the seconds."""
    began = time.perf_counter()
    answer = action()
    return answer, time.perf_counter() - began


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest, over the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def distances(tell: Callable[[str], None]) -> Race:
    """(a) From the statistics at D = 2048 to the distance. clean-fid's takes a minute or more, and is run once."""
    from cleanfid import fid

    first, second = drawn_statistics(1), drawn_statistics(2)
    arrays = [part.numpy() for each in (first, second) for part in (each.mean, each.covariance)]
    small = [part[:256, :256] if part.ndim == 2 else part[:256] for part in arrays]

    def theirs() -> Tensor:
        return torch.tensor(fid.frechet_distance(*arrays), dtype=torch.float64)

    def ours() -> Tensor:
        return torch.tensor(frechet_distance(first, second), dtype=torch.float64)

    tell("clean-fid's distance")
    fid.frechet_distance(*small)  # warm-up
    wanted, seconds = timed(theirs)
    tell("our distance")
    ours()  # warm-up
    runs = [timed(ours) for _ in range(ROUNDS)]
    return Race("distance, D = 2048", [seconds], [run[1] for run in runs], difference(runs[0][0], wanted), 5)


def features(tell: Callable[[str], None]) -> Race:
    """(b) From a folder of images to their features; clean-fid with its default batch size and workers."""
    from cleanfid import fid

    images = drawn_images(IMAGES)
    network = RandomInception(images[:WARM_UP])
    ours_of = fast_features(copy.deepcopy(network), 299)  # a copy: making it fast changes how its weights are laid out
    with tempfile.TemporaryDirectory() as name:
        folder, few = Path(name) / "all", Path(name) / "few"
        write(images, folder)
        write(images[:WARM_UP], few)

        def theirs(of: Path) -> Tensor:
            device = torch.device("cpu")
            return torch.from_numpy(fid.get_folder_features(str(of), network, device=device, verbose=False))

        def ours(of: Path) -> Tensor:
            return ours_of(read(of))

        theirs(few), ours(few)  # warm-up
        runs = []
        for number in range(ROUNDS):
            tell(f"features, round {number + 1} of {ROUNDS}")
            runs.append((timed(lambda: theirs(folder)), timed(lambda: ours(folder))))
    (wanted, _), (found, _) = runs[0]
    what = f"features, {IMAGES} images"
    return Race(what, [run[0][1] for run in runs], [run[1][1] for run in runs], difference(found, wanted), 1.5)


def write(images: Tensor, folder: Path) -> None:
    """As PNG, in order."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{number:04}.png")


def read(folder: Path) -> Tensor:
    """uint8 [N, 3, H, W]; part of what is timed, as it is of clean-fid's."""
    pixels = [np.asarray(Image.open(file).convert("RGB")) for file in sorted(folder.glob("*.png"))]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


def table(races: list[Race]) -> Table:
    """A row per promise."""
    caption = f"Median seconds and number of runs. Difference: largest over largest value, promised {SAME:g}."
    grid = Table("", "clean-fid", "ours", "ratio", "promised", "difference", "kept", caption=caption, box=SIMPLE)
    for race in races:
        cells = (
            f"{statistics.median(race.theirs):.2f} ({len(race.theirs)})",
            f"{statistics.median(race.ours):.2f} ({len(race.ours)})",
            f"{race.ratio:.1f}",
            f"≥ {race.at_least:g}",
            f"{race.difference:.1e}",
            "[green]yes[/]" if race.kept else "[red]no[/]",
        )
        grid.add_row(race.what, *cells)
    return grid


def main() -> int:
    """Runs both races; 0 where both promises are kept."""
    define_if_missing()  # before clean-fid imports torchvision
    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("begin", total=2 + ROUNDS)

        def tell(what: str) -> None:
            progress.update(task, advance=1, description=what)

        races = [distances(tell), features(tell)]
    console.print(table(races))
    return 0 if all(race.kept for race in races) else 1


if __name__ == "__main__":
    sys.exit(main())
