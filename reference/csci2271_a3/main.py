"""Trains and draws the diffusion model from a command line.

    python main.py --data_path ./data --train_steps 1000 --save_and_sample_every 100
    python main.py --data_path ./data --visualize --load_path ./results/model.pt
"""

import argparse

import torch
from utils import train_diffusion, visualize_diffusion


def parse_args() -> argparse.Namespace:
    """The handout's parameters, tables 1 to 3."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data_path", default="./data", help="the folder that holds train/cat")
    add("--train_steps", type=int, default=1000, help="steps of training")
    add("--fid", action="store_true", help="measure the FID at every save")
    add("--save_and_sample_every", type=int, default=100, help="steps between saves")
    add("--visualize", action="store_true", help="draw both processes instead of training")
    add("--dataloader_workers", type=int, default=16)
    add("--save_folder", default="./results/")
    add("--load_path", help="trained weights; ./results/model.pt where pictures are drawn, none where training begins")
    add("--image_size", type=int, default=32)
    add("--batch_size", type=int, default=32)
    add("--data_class", choices=["cat", "dog", "wild"], default="cat")
    add("--time_steps", type=int, default=50, help="steps of the diffusion process, T")
    add("--unet_dim", type=int, default=16, help="channels at the full resolution")
    add("--learning_rate", type=float, default=1e-3)
    add("--unet_dim_mults", type=int, nargs="+", default=[1, 2, 4, 8])
    add("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Trains, or draws."""
    settings = vars(parse_args())
    torch.manual_seed(settings.pop("seed"))
    if settings.pop("visualize"):
        settings["load_path"] = settings["load_path"] or "./results/model.pt"
        visualize_diffusion(**settings)
    else:
        train_diffusion(**settings)


if __name__ == "__main__":
    main()
