"""Single values that a course hands to its students to check their code by, asked exactly as its notebook asks.

Judged by docs/right.md#noise, #one-mistake-once.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, scalar, shown, tensor
from grading.checks.gaussian import reparameterization
from grading.subjects import Subject

SEEDED_MEAN, SEEDED_DEVIATION = -0.43625, 1.68598  # of 15 draws by one torch.randn on a CPU, seed 0, mu = 0, logvar = 1
LOSS, SWAPPED, MEAN = 8.50786, 8.07310, 7.75201


def seeded_draw(student: Subject, reference: Subject, rng: Generator) -> None:
    """reparametrize gives the notebook's own check values: mean -0.4363 and deviation 1.6860 with seed 0, mu 0, logvar 1.

    They hold for one draw of the whole shape by torch on a CPU. Code that draws otherwise is right too, where 20,000 of its
    draws follow the law.
    """
    mu, logvar = torch.zeros(1, 15), torch.ones(1, 15)
    z = tensor(student.reparameterize_seeded(mu=mu, logvar=logvar, number=0), "z", (1, 15))
    mean, deviation = z.mean().item(), z.std().item()
    if _close(mean, SEEDED_MEAN) and _close(deviation, SEEDED_DEVIATION):
        return
    told = {"expected": f"mean {SEEDED_MEAN:.4f}, deviation {SEEDED_DEVIATION:.4f}", "actual": _both(mean, deviation)}
    show = (
        "from vae import reparametrize\ntorch.manual_seed(0)\nz = reparametrize(torch.zeros(1, 15), torch.ones(1, 15))"
    )
    bug, message = _known_draw(z)
    if not bug:
        reparameterization(student, reference, rng)
        return
    raise Disagreement(message, bug=bug, reproduce=f"import torch\n{show}\nprint(z.mean(), z.std())", **told)


def _known_draw(z: Tensor) -> tuple[str, str]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        eps = torch.randn(1, 15).double()
    known = {
        "sigma-is-variance": (eps * torch.tensor(1.0).exp(), "sigma is exp(logvar / 2); yours is exp(logvar)"),
        "sigma-is-logvar": (eps, "sigma is exp(logvar / 2); yours is logvar itself, or is left out"),
        "no-noise": (torch.zeros(1, 15).double(), "no noise is drawn: z is mu"),
    }
    for bug, (wrong, message) in known.items():
        if torch.allclose(z, wrong, rtol=1e-4, atol=1e-5):
            return bug, message
    return "", ""


def _both(mean: float, deviation: float) -> str:
    return f"mean {mean:.4f}, deviation {deviation:.4f}"


def loss_value(student: Subject, reference: Subject, rng: Generator) -> None:
    """loss_function gives the notebook's own check value, 8.5079."""
    x_hat = torch.sigmoid(torch.tensor([[2.0, 5], [6, 7]])).view(1, 1, 2, 2)
    x = torch.sigmoid(torch.tensor([[1.0, 10], [9, 3]])).view(1, 1, 2, 2)
    answer = student.mean_elbo(x_hat=x_hat, x=x, mu=torch.ones(1, 15), logvar=torch.zeros(1, 15))
    loss = scalar(answer, "the loss")
    if _close(loss, LOSS):
        return
    known = {
        "bce-arguments-swapped": (
            SWAPPED,
            "the arguments of binary_cross_entropy are swapped: (x_hat, x) is their order",
        ),
        "mean-bce": (MEAN, "the cross-entropy is averaged over pixels; it is to be summed over them"),
    }
    told = {"expected": f"{LOSS:.4f}", "actual": shown(loss)}
    for bug, (wrong, message) in known.items():
        if _close(loss, wrong):
            raise Disagreement(message, bug=bug, **told)
    raise Disagreement(
        "the loss is not what the notebook's check expects; the row of loss_function says what it saw", **told
    )


def _close(value: float, expected: float) -> bool:
    return abs(value - expected) <= 1e-4 * (abs(value) + abs(expected))
