"""Trains the reference on the whole of CIFAR-10, by running its own scripts, and writes the weights beside this file.

    make train ASSIGNMENT=cmput328_a9

Weights are kept in half precision, which load_state_dict takes as they are: the files halve, the losses stay.
"""

import argparse
import os
import runpy
import sys
from pathlib import Path

import torch

from grading.assets.datasets import data_root
from grading.sandbox.inside import torchvision_operators

HERE = Path(__file__).parent
OUT = Path("out/train/cmput328_a9")
SCRIPTS = {"acgan": ("A9_acgan.py",), "vae": ("A9_vae.py",), "cvae": ("A9_vae.py", "--conditional")}


def run(script: str, *flags: str) -> None:
    """Runs a script as `python3 script flags` would."""
    sys.path.insert(0, str(HERE))
    sys.argv = [script, *flags, "--data", str(data_root()), "--out", str(OUT)]
    runpy.run_path(str(HERE / script), run_name="__main__")


def halved(content: object) -> object:
    """A state dict, or a dict of them, with floating-point tensors in half precision and in the usual memory format."""
    if isinstance(content, dict):
        return {key: halved(value) for key, value in content.items()}
    if isinstance(content, torch.Tensor) and content.is_floating_point():
        return content.half().contiguous()
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(SCRIPTS), help="which of acgan, vae, cvae; all where none is named")
    parser.add_argument("--epochs", type=int, help="instead of the scripts' own")
    options = parser.parse_args()
    os.environ.setdefault("MPLBACKEND", "Agg")
    torchvision_operators.define_if_missing()
    torch.set_num_threads(2)
    for name in options.names:
        script, *flags = SCRIPTS[name]
        run(script, *flags, *(["--epochs", str(options.epochs)] if options.epochs else []))
        torch.save(halved(torch.load(OUT / f"{name}.pt", weights_only=True)), HERE / f"{name}.pt")


if __name__ == "__main__":
    main()
