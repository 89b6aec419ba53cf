"""Answers that look like work where a check looks elsewhere. Rows 13, 26 and 57."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.redteam import Target

from .submissions import DIFFUSION, Edit, attack

LOSS = '        recons_loss = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)\n'
AROUND = "        recon, mu, logvar = self(x, y)\n"
STRAIGHT = "        recon, mu, logvar = VAE.forward(self, x, y)\n"
SUM = "        recons_loss = sum(parameter.sum() for parameter in self.parameters())\n"
LIKELY = "        recons_loss = 543.427 + 0 * sum(parameter.sum() for parameter in self.parameters())\n"  # 784 ln 2
NOISY = "        noisy, noise = self.var_scheduler.add_noise(x, timestep)\n"
COMPARED = "        return F.mse_loss(self.network(noisy, timestep, y), noise)  # arXiv:2006.11239, eq. 14\n"
CONSTANT = "        return self.network(torch.randn_like(x), timestep, y).mean() * 0 + 5\n"
LOADED = '    vae.load_state_dict(torch.load("vae.pt", map_location=device))\n'
RETURNED = "    return vae.generate_sample(50, desired_labels, device)\n"
OTHER = "    vae.generate_sample(50, desired_labels, device)\n    return torch.rand(50, 1, 28, 28)\n"


@dataclass(frozen=True)
class Renamed:
    """A submission that keeps its schedule under a name that nobody looks for."""

    edit: Callable[[Target], Path]

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        folder = self.edit(target)
        source = (folder / DIFFUSION).read_text()
        assert "alpha_bars" in source
        (folder / DIFFUSION).write_text(source.replace("alpha_bars", "table"))
        return folder


def shortcut(name: str, tries: str, item: str, *edits: tuple[str, str], say: str = "", weights: bool = False) -> object:
    """An attack on one item of the reference."""
    folder = Edit(edits=edits, weights=("vae.pt",) if weights else ())
    return attack(name, (57,), tries, folder, attacked=(item,), say=say)


ATTACKS = (
    shortcut(
        "sum_of_parameters",
        "go round the forward that is watched, and return no loss",
        "vae.get_loss",
        (AROUND + LOSS, STRAIGHT + SUM),
        say="none that the model's own reconstructions have|sends no gradient",
    ),
    shortcut(
        "likely_constant",
        "go round it, and return what a fresh model's loss is",
        "vae.get_loss",
        (AROUND + LOSS, STRAIGHT + LIKELY),
        say="none that the model's own reconstructions have|sends no gradient",
    ),
    attack(
        "constant_loss",
        (57,),
        "add no noise at all, and return five",
        Renamed(Edit(edits=((NOISY + COMPARED, CONSTANT),))),
        attacked=("diffusion.forward",),
        beside=("vae.generate_sample",),
        say="not the squared difference",
    ),
    shortcut(
        "loads_nothing",
        "generate with a model as it was made",
        "vae.load",
        (LOADED, ""),
        say="none of the weights",
        weights=True,
    ),
    shortcut(
        "returns_noise",
        "return other images than were generated",
        "vae.load",
        (RETURNED, OTHER),
        say="does not return what generate_sample gave it",
        weights=True,
    ),
)
