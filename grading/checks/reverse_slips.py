"""Known mistakes in the mean of a reverse step, whoever asks: a mean by itself, or every step of a walk.

All are (x_t - c eps) / d with another c or another d than mu_theta = 1 / sqrt(alpha_t) (x_t - beta_t / sqrt(1 -
alpha_bar_t) eps_theta) has (Ho et al. 2020, arXiv:2006.11239, equation 11).
"""

from torch import Tensor

FACTOR = "the factor of the estimate is beta_t / sqrt(1 - alpha_bar_t); {}"
DIVISION = "the division is by sqrt(alpha_t); {}"
WHOLE = "1 / sqrt(alpha_t) belongs to the whole difference x_t - beta_t / sqrt(1 - alpha_bar_t) eps; {}"

Wrong = tuple[Tensor, Tensor, str]


def wrong_means(beta: Tensor, bar: Tensor, beta_before: Tensor, bar_before: Tensor) -> dict[str, Wrong]:
    """c, d and what to tell, by bug. beta_t, alpha_bar_t and those of the step before (a first step's own), all of one
    shape that broadcasts with images."""
    alpha, rest = 1 - beta, (1 - bar).sqrt()
    root, c = alpha.sqrt(), beta / rest
    divisions: dict[str, Wrong] = {
        "alpha-bar-for-alpha": (c, bar.sqrt(), DIVISION.format("you divide by sqrt(alpha_bar_t)")),
        "no-division": (c, root / root, "the division by sqrt(alpha_t) is missing"),
        "no-root-on-alpha": (c, alpha, DIVISION.format("the root is missing")),
        "alpha-multiplied": (c, 1 / root, DIVISION.format("you multiply by it")),
        "beta-for-alpha": (c, beta.sqrt(), DIVISION.format("you divide by sqrt(beta_t)")),
        "noise-not-divided": (c * root, root, WHOLE.format("you divide x_t alone")),
        "image-not-divided": (c / root, root / root, WHOLE.format("you divide the estimate alone")),
        "noise-sign": (-c, root, "the estimated noise is to be taken away; you add it"),
        "x0-for-mean": (rest, bar.sqrt(), "this is the estimate of x_0, not of x_{t-1}"),
        "t-minus-one": (
            beta_before / (1 - bar_before).sqrt(),
            (1 - beta_before).sqrt(),
            "step t is taken with the schedule of step t - 1: index it by the t that the network is asked about",
        ),
    }
    factors = {
        "no-root-on-noise": (beta / (1 - bar), "the root over 1 - alpha_bar_t is missing"),
        "alpha-for-alpha-bar": (beta.sqrt(), "1 - alpha_bar_t has the bar; you use beta_t / sqrt(1 - alpha_t)"),
        "factor-missing": (root / root, "yours is 1"),
        "root-on-beta": (beta.sqrt() / rest, "you take the root of beta_t too"),
        "noise-multiplied": (beta * rest, "you multiply by the root"),
        "bar-for-one-minus-bar": (beta / bar.sqrt(), "you divide by sqrt(alpha_bar_t)"),
        "alpha-for-beta": (alpha / rest, "you have alpha_t in the place of beta_t"),
        "factor-not-divided": (beta, "yours is beta_t alone"),
        "beta-missing-in-factor": (1 / rest, "beta_t is missing"),
        "root-for-factor": (rest, "yours is sqrt(1 - alpha_bar_t)"),
        "half-the-factor": (c / 2, "yours is half of it"),
        "other-step-s-bar": (beta / (1 - bar_before).sqrt(), "you use alpha_bar_{t-1}, the one of the step before"),
        "other-step-s-beta": (beta_before / rest, "you use beta_{t-1}, the one of the step before"),
    }
    return divisions | {bug: (wrong, root, FACTOR.format(message)) for bug, (wrong, message) in factors.items()}
