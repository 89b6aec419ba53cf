"""Trains the references of both parts and writes their weights beside this file; the full data is in DATA_ROOT.

    make train ASSIGNMENT=csci2271_a3                        everything
    make train ASSIGNMENT=csci2271_a3 ARGS="--only vae cvae"  some of vae, cvae, diffusion

Both autoencoders follow the course's recipe on MNIST: ten epochs, batches of 128, Adam made anew in every epoch; what
variational_autoencoders.ipynb trains is the same, number by number. The diffusion model takes the handout's 1,000 steps on
the cats of AFHQ, in DATA_ROOT/afhq/train/cat. Its images are licensed CC BY-NC 4.0, so what is learnt from them (model.pt)
is not kept in this repository: whoever needs it trains it.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterable, Tuple

import torch
from a3_helper import one_hot, reset_seed, train_vae
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from training import save
from vae import CVAE, VAE, loss_function

from grading.assets.datasets import data_root, labelled_images
from grading.sandbox.inside import torchvision_operators

HERE = Path(__file__).parent


def mnist(train: bool) -> DataLoader:
    """Batches of 128 images [128, 1, 28, 28] in [0, 1], and labels."""
    images, labels = labelled_images("mnist", train)
    return DataLoader(TensorDataset(images.float() / 255, labels), batch_size=128, shuffle=train)


@torch.no_grad()
def test_loss(model: nn.Module, batches: Iterable[Tuple[Tensor, Tensor]], cond: bool) -> float:
    """The negative evidence lower bound per image, in nats."""
    model.eval()
    total = count = 0.0
    for x, labels in batches:
        x_hat, mu, logvar = model(x, one_hot(labels, 10)) if cond else model(x)
        total += len(x) * loss_function(x_hat, x, mu, logvar).item()
        count += len(x)
    return total / count


def autoencoder(kind: Callable[[int], nn.Module], name: str, cond: bool) -> None:
    """Trains one autoencoder, and tells how it does on images it has not seen."""
    reset_seed(0)
    model, batches = kind(784), mnist(train=True)
    for epoch in range(10):
        mean = train_vae(epoch, model, batches, cond)
        print(f"{name} epoch {epoch + 1}/10: mean loss {mean:.2f}", flush=True)
    print(f"{name}: test loss {test_loss(model, mnist(train=False), cond):.2f}")
    save(model, HERE / f"{name}.pt")


def diffusion() -> None:
    """A thousand steps on cats, 32x32."""
    torchvision_operators.define_if_missing()
    from utils import train_diffusion

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as results:
        trainer = train_diffusion(data_root() / "afhq", save_folder=results, dataloader_workers=0)
        shutil.copyfile(Path(results) / "model.pt", HERE / "model.pt")
    print(f"diffusion: mean loss of the last 100 steps {sum(trainer.losses[-100:]) / 100:.4f}")
    print(f"diffusion: {time.monotonic() - start:.0f} s")


TRAINING: Dict[str, Callable[[], None]] = {
    "vae": lambda: autoencoder(VAE, "vae", cond=False),
    "cvae": lambda: autoencoder(CVAE, "cvae", cond=True),
    "diffusion": diffusion,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TRAINING, nargs="+", default=list(TRAINING))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.only:
        TRAINING[name]()


if __name__ == "__main__":
    main()
