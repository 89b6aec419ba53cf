"""The steps of a denoising diffusion process: what is right, and the inputs that tell right from wrong.

Ho et al. 2020 (arXiv:2006.11239); time is counted from 0.
"""

from collections.abc import Callable, Iterable

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks.compare import Disagreement
from grading.checks.formula import script
from grading.checks.stand_ins import judge_everywhere

STEPS = 50
Case = tuple[Tensor, Tensor]  # images [B, C, H, W] and their steps t [B]


def schedule_tables(betas: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """beta, alpha, alpha_bar, and alpha_bar one step earlier (1 before the first): each [T], float64."""
    if betas.ndim != 1 or not len(betas):
        raise Disagreement(
            "beta should be one number for each step", expected="shape [T]", actual=f"shape {list(betas.shape)}"
        )
    beta = betas.double()
    alpha = 1 - beta
    bar = alpha.cumprod(0)
    return beta, alpha, bar, torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])


def at(t: Tensor, tables: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """The entries of tables [T] at the steps t [B], each as [B, 1, 1, 1]."""
    every = list(tables)
    if t.numel() and not 0 <= int(t.min()) <= int(t.max()) < min(map(len, every)):
        raise Disagreement(
            "a step is asked about that the schedule does not have",
            expected=f"t from 0 to {min(map(len, every)) - 1}",
            actual=f"from {int(t.min())} to {int(t.max())}",
        )
    return tuple(table[t].view(-1, 1, 1, 1) for table in every)


def true_forward(betas: Tensor, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_t | x_0), both like x0, in float64 (equation 4)."""
    _, _, bar, _ = at(t, schedule_tables(betas))
    return bar.sqrt() * x0.double(), (1 - bar).expand(x0.shape)


def true_reverse(betas: Tensor, xt: Tensor, t: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (equation 11) and variance beta_t of p(x_{t-1} | x_t), both like xt, in float64."""
    beta, alpha, bar, _ = at(t, schedule_tables(betas))
    mean = (xt.double() - beta / (1 - bar).sqrt() * estimate.double()) / alpha.sqrt()
    return mean, beta.expand(xt.shape)


def searched(rng: Generator, judge: Callable[[Case], object]) -> None:
    """Judges a batch in which every known mistake shows, then many small ones."""
    images = torch.randn(6, 1, 4, 4, generator=rng)
    t = torch.tensor([3, 0, STEPS - 1, 20, 41, 1])
    judge_everywhere([(images, t)], cases(), judge, examples=30)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to three images of up to 3 x 3 pixels and 2 channels, each of one grey value, at any step."""
    batch, channels, side = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    grey = st.lists(st.floats(-2, 2, width=16), min_size=batch, max_size=batch)
    values = draw(grey.filter(lambda values: any(abs(value) > 0.2 for value in values)))  # mistakes are alike at 0
    t = draw(st.lists(st.integers(0, STEPS - 1), min_size=batch, max_size=batch))
    return torch.tensor(values).view(-1, 1, 1, 1).repeat(1, channels, side, side), torch.tensor(t)


def shown_step(images: Tensor, t: Tensor, call: str) -> str:
    """A script that shows a call in `images` and `t` with those images and steps."""
    rows = [[round(number, 4) for number in image.flatten().tolist()] for image in images[:3]]
    made = f"images = torch.tensor({rows}).view(-1, {', '.join(map(str, images.shape[1:]))})"
    return script(call, [made, f"t = torch.tensor({t[:3].tolist()})  # of {STEPS} steps"])
