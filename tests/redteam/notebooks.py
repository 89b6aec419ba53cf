"""Notebooks and scripts that would do something where they are run as a whole, and classes that lie about their size. Rows 46
and 47."""

import json

from grading.redteam import Attack

from .submissions import Edit, attack

HW5, VAE = "cmu18786_hw5", "VAE_Starter_Notebook.py"
IMPORTS = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
HARM = """
import os, sys
for folder in ("/", "/tmp", ".", "/autograder/results"):
    try:
        open(os.path.join(folder, "@MARKER"), "w").close()
    except OSError:
        pass
input("go on?")
for process in range(2, 400):
    os.kill(process, 9)
exit()
while True:
    pass
"""
LOSS = """class myVAE(nn.Module):
    @staticmethod
    def loss_function(x_hat, x, mu, logvar):
        recon = F.binary_cross_entropy(x_hat, x, reduction="sum")
        return (recon - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())) / len(x)

    @staticmethod
    def reparametrize(mu, logvar):
        return mu + 0 * logvar
"""

SHELL = (
    "!touch @MARKER /tmp/@MARKER",
    "%%bash\ntouch /tmp/@MARKER",
    "%run evil.py",
    "get_ipython().system('touch @MARKER')",
)


def notebook(*cells: str) -> str:
    """One with these code cells."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["ignore"]},
            "source": cell,
            "execution_count": 1,
            "outputs": [],
        }
        for number, cell in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "sh"}}, "cells": made})


def work(**parts: object) -> Edit:
    """The reference's scripts with an edit."""
    return Edit(assignment=HW5, top_of="none", **parts)  # type: ignore[arg-type]


def of_hw5(name: str, rows: tuple[int, ...], tries: str, edit: Edit, **more: object) -> Attack:
    """An attack on reparametrize, unless it says otherwise, with honest items beside it."""
    usual: dict[str, object] = {
        "attacked": ("d3.reparametrize",),
        "beside": ("d3.loss_function", "d1.layers"),
        "assignment": HW5,
    }
    return attack(name, rows, tries, edit, **(usual | more))  # type: ignore[arg-type]


ATTACKS = (
    of_hw5(
        "trains_on_import",
        (46,),
        "do harm at the top of a script: mark the disk, write results, ask for input, kill, end, never end",
        work(files={VAE: IMPORTS + HARM + LOSS + HARM}),
    ),
    of_hw5(
        "runs_a_shell",
        (46,),
        "call the shell from a notebook's cells, with magics, tags and a kernel of its own",
        work(files={"VAE_Starter_Notebook.ipynb": notebook(IMPORTS, *SHELL, "exit()", "input()", LOSS)}),
    ),
    of_hw5(
        "hides_parameters",
        (47,),
        "have a state dict of its own that leaves most of the parameters out",
        work(
            edits=(
                (
                    "hidden_dim = 400\nbatch_size = 128\nn_epochs = 15",
                    "hidden_dim = 2000\nbatch_size = 128\nn_epochs = 15",
                ),
                (
                    '    def forward(self, x: Tensor) -> Tensor:\n        """Images [N, 1, H, W] -> the same, drawn again',
                    "    def state_dict(self, *args, **kwargs):\n        return {'w': torch.zeros(3, 3)}\n\n    def forward(self, x: Tensor) -> Tensor:\n"
                    '        """Images [N, 1, H, W] -> the same, drawn again',
                ),
            )
        ),
        attacked=("d1.parameters",),
        beside=("d1.layers", "d3.loss_function"),
    ),
)
