"""Training and pictures of the diffusion model, on one folder of images. It is given; nothing here is yours to write."""

import tempfile
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Union

import torch
from diffusion import Diffusion
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

SUFFIXES = {".png", ".jpg", ".jpeg"}
MOMENTS = (0, 0.25, 0.5, 0.75, 0.99)  # of the whole process, which are drawn


class Images(Dataset):
    """The images of one folder as [3, S, S] in [-1, 1]: resized to 1.12 S, cropped at random, flipped or not."""

    def __init__(self, folder: Path, image_size: int):
        from torchvision import transforms  # slow to import

        self.paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise FileNotFoundError(f"there are no images in {folder}")
        self.transform = transforms.Compose(
            [
                transforms.Resize((int(1.12 * image_size),) * 2),
                transforms.RandomCrop(image_size),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Lambda(to_signed),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB"))


def to_signed(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return 2 * x - 1


def to_unit(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1]; what lies outside is cut off."""
    return ((x + 1) / 2).clamp(0, 1)


def endless(loader: DataLoader) -> Iterator[Tensor]:
    """The batches of a loader, over and over."""
    while True:
        yield from loader


class Trainer:
    """Trains a `Diffusion`, keeps its weights, and draws what it does."""

    def __init__(
        self,
        diffusion_model: Diffusion,
        folder: Union[str, Path],
        *,
        image_size: int,
        train_batch_size: int = 32,
        train_lr: float = 1e-3,
        train_num_steps: int = 1000,
        gradient_accumulate_every: int = 2,
        save_and_sample_every: int = 100,
        results_folder: Union[str, Path] = "./results",
        load_path: Optional[Union[str, Path]] = None,
        dataset: str = "train",
        data_class: str = "cat",
        time_steps: int = 50,
        fid: bool = False,
        dataloader_workers: int = 0,
    ):
        """folder: holds the images under `dataset`/`data_class`;  load_path: weights to begin with;  time_steps: T;
        gradient_accumulate_every: batches to a step;  fid: whether to measure the distance at every save.
        """
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = diffusion_model.to(self.device)
        self.images = Path(folder) / dataset / data_class
        self.image_size, self.batch_size, self.time_steps = image_size, train_batch_size, time_steps
        self.train_num_steps, self.gradient_accumulate_every = train_num_steps, gradient_accumulate_every
        self.save_and_sample_every, self.fid = save_and_sample_every, fid
        self.results = Path(results_folder)
        self.results.mkdir(parents=True, exist_ok=True)
        self.loader = DataLoader(
            Images(self.images, image_size), train_batch_size, shuffle=True, num_workers=dataloader_workers
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=train_lr)
        self.step, self.losses, self.fids = 0, [], []
        if load_path is not None:
            self.load(load_path)

    def train(self) -> None:
        """Takes `train_num_steps` steps; at every `save_and_sample_every` of them saves, draws and, if asked to, measures."""
        batches = endless(self.loader)
        with tqdm(range(self.train_num_steps)) as progress:
            for _ in progress:
                self.losses.append(self._one_step(batches))
                progress.set_description(f"loss {self.losses[-1]:.4f}")
                self.step += 1
                if self.step % self.save_and_sample_every == 0:
                    self._save_and_sample(self.step // self.save_and_sample_every)
        self.save()
        self._plot_losses()

    def _one_step(self, batches: Iterator[Tensor]) -> float:
        """One step of Adam on the mean gradient of several batches; returns their mean loss."""
        self.model.train()
        self.optimizer.zero_grad()
        total = 0.0
        for _ in range(self.gradient_accumulate_every):
            x_0 = next(batches).to(self.device)
            loss = self.model(x_0, torch.randn_like(x_0)).mean() / self.gradient_accumulate_every
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        return total

    def _save_and_sample(self, milestone: int) -> None:
        self.save(milestone)
        if not self.fid:
            draw_grid(self.model.sample(64).cpu(), self.results / f"sample_{milestone}.png")
            return
        samples = torch.cat([self.model.sample(64).cpu() for _ in range(8)])
        draw_grid(samples[:64], self.results / f"sample_{milestone}.png")
        self.fids.append(self._frechet_distance(samples))
        print(f"step {self.step}: FID {self.fids[-1]:.1f}")
        steps = [self.save_and_sample_every * (index + 1) for index in range(len(self.fids))]
        draw_curve(steps, self.fids, "FID", self.results / "fid.png")

    def _frechet_distance(self, samples: Tensor) -> float:
        """Between samples [N, 3, S, S] and the training images at the same size, by clean-fid."""
        from cleanfid import fid  # fetches the weights of its network when first used
        from torchvision.transforms.functional import to_pil_image

        with tempfile.TemporaryDirectory() as real, tempfile.TemporaryDirectory() as generated:
            for path in self.loader.dataset.paths:
                with Image.open(path) as image:
                    image.convert("RGB").resize((self.image_size,) * 2).save(Path(real) / f"{path.stem}.png")
            for index, sample in enumerate(samples):
                to_pil_image(sample).save(Path(generated) / f"{index}.png")
            return fid.compute_fid(real, generated, device=self.device, num_workers=0)

    def save(self, milestone: Optional[int] = None) -> None:
        """Writes `model.pt`, or `model_<milestone>.pt`: the steps taken and the state dict."""
        name = "model.pt" if milestone is None else f"model_{milestone}.pt"
        torch.save({"step": self.step, "model": self.model.state_dict()}, self.results / name)

    def load(self, load_path: Union[str, Path]) -> None:
        """Goes on from what `save` wrote."""
        saved = torch.load(load_path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.step = saved["step"]

    @torch.no_grad()
    def visualize_diffusion(self) -> None:
        """Draws the forward process on the first batch of the training images, and the reverse process back from its end.

        Both rows of pictures show the same steps; `forward.png` goes from the first to the last, `backward.png` back.
        """
        self.model.eval()
        steps = [int(moment * self.time_steps) for moment in MOMENTS]
        x_0 = next(iter(self.loader)).to(self.device)
        noise = torch.randn_like(x_0)
        forward = [self.model.q_sample(x_0, self._times(step, len(x_0)), noise) for step in steps]
        draw_stages(forward, steps, self.results / "forward.png")
        backward, x = [], forward[-1]
        for step in reversed(range(steps[-1] + 1)):
            if step in steps:
                backward.append(x)
            x = self.model.p_sample(x, self._times(step, len(x)), step)
        draw_stages(backward, steps[::-1], self.results / "backward.png")

    def _times(self, step: int, count: int) -> Tensor:
        return torch.full((count,), step, device=self.device, dtype=torch.long)

    def _plot_losses(self) -> None:
        draw_curve(range(self.step - len(self.losses) + 1, self.step + 1), self.losses, "loss", self.results / "loss.png")


def draw_grid(images: Tensor, path: Path, columns: int = 8) -> None:
    """Writes images [N, 3, S, S] in [0, 1] as one picture."""
    from torchvision.utils import save_image

    save_image(images, path, nrow=columns)


def draw_stages(stages: List[Tensor], steps: Sequence[int], path: Path) -> None:
    """Writes batches [B, 3, S, S] in [-1, 1] side by side, each under its step."""
    import matplotlib.pyplot as plt  # slow to import, and only wanted where something is drawn
    from torchvision.utils import make_grid

    figure, axes = plt.subplots(1, len(stages), figsize=(3 * len(stages), 3.3), squeeze=False)
    for axis, stage, step in zip(axes.flat, stages, steps, strict=True):
        axis.imshow(make_grid(to_unit(stage[:16]).cpu(), nrow=4).permute(1, 2, 0))
        axis.set_title(f"t = {step}")
        axis.axis("off")
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


def draw_curve(steps: Sequence[int], values: Sequence[float], name: str, path: Path) -> None:
    """Writes a plot of values over the steps of training."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4))
    axis.plot(steps, values)
    axis.set(xlabel="training step", ylabel=name)
    figure.savefig(path)
    plt.close(figure)
