"""Mean and variance of one step forward and one step back in a denoising diffusion model. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239). Judged with the schedule in use, whatever it is, and a network that is known.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, broadcast, one_of, parts, tensor, two
from grading.checks.formula import by_hand, judge_inputs_kept
from grading.checks.steps import (
    STEPS,
    at,
    schedule_tables,
    searched,
    shown_step,
    true_forward,
    true_reverse,
)
from grading.subjects import Subject


def forward_moments(student: Subject, reference: Subject, rng: Generator) -> None:
    """q(x_t | x_0) has mean sqrt(alpha_bar_t) x_0 and variance 1 - alpha_bar_t, with one t per image (equation 4).

    x0 [B, C, H, W], t [B] -> mean like x0, variance that broadcasts to it.
    """
    call = by_hand(reference, "forward_moments", ("images", "t"))
    searched(rng, lambda case: _judge_forward_moments(student, *case, call))
    images, t = torch.ones(2, 1, 2, 2), torch.tensor([1, 7])
    asked = {"x0": images, "t": t, "n_steps": STEPS}
    judge_inputs_kept(student, "forward_moments", asked, shown_step(images, t, call))


def reverse_moments(student: Subject, reference: Subject, rng: Generator) -> None:
    """p(x_{t-1} | x_t) has the mean of equation 11 and variance beta_t, with one t per image.

    xt [B, C, H, W], t [B] -> mean like xt, variance that broadcasts to it. The posterior's variance beta-tilde, which the
    paper allows and a handout that names beta_t does not, keeps half.
    """
    call = by_hand(reference, "reverse_moments", ("images", "t"))
    searched(rng, lambda case: _judge_reverse_moments(student, *case, call))
    images, t = torch.ones(2, 1, 2, 2), torch.tensor([1, 7])
    asked = {"xt": images, "t": t, "n_steps": STEPS}
    judge_inputs_kept(student, "reverse_moments", asked, shown_step(images, t, call))


def _judge_forward_moments(student: Subject, x0: Tensor, t: Tensor, call: str) -> None:
    answer = parts(student.forward_moments(x0=x0, t=t, n_steps=STEPS), moments=object, betas=Tensor)
    betas, show = tensor(answer["betas"], "beta"), shown_step(x0, t, call)
    mean, variance = two(answer["moments"], "the answer, (mean, variance),")
    right, right_variance = true_forward(betas, x0, t)
    one_of(mean, [right], "the mean of q(x_t | x_0)", _forward_slips(betas, x0, t), show)
    found = broadcast(variance, x0.shape, "the variance of q(x_t | x_0)")
    one_of(found, [right_variance], "the variance of q(x_t | x_0)", _variance_slips(betas, x0, t), show)


def _forward_slips(betas: Tensor, x0: Tensor, t: Tensor) -> dict[str, Slip]:
    _, alpha, bar, earlier = at(t, schedule_tables(betas))
    x, plain = x0.double(), "the mean is sqrt(alpha_bar_t) x_0; "
    return {
        "no-root-on-x": Slip(bar * x, plain + "the root is missing"),
        "alpha-for-alpha-bar": Slip(alpha.sqrt() * x, plain + "you use alpha_t, one step's worth"),
        "t-minus-one": Slip(earlier.sqrt() * x, plain + "you use the step before t; steps count from 0"),
        "x-not-scaled": Slip(x, plain + "yours is x_0 itself"),
        "moments-swapped": Slip((1 - bar).expand(x.shape), "the mean comes first, then the variance"),
        "one-t-for-all": Slip(bar[:1].sqrt() * x, "every image has its own t; you use one for the whole batch"),
    }


def _variance_slips(betas: Tensor, x0: Tensor, t: Tensor) -> dict[str, Slip]:
    beta, _, bar, earlier = at(t, schedule_tables(betas))
    plain, shape = "the variance is 1 - alpha_bar_t; ", x0.shape
    return {
        "deviation-for-variance": Slip((1 - bar).sqrt().expand(shape), plain + "yours is its root"),
        "alpha-for-alpha-bar": Slip(beta.expand(shape), plain + "yours is 1 - alpha_t, one step's worth"),
        "bar-for-variance": Slip(bar.expand(shape), plain + "yours is alpha_bar_t"),
        "t-minus-one": Slip((1 - earlier).expand(shape), plain + "you use the step before t; steps count from 0"),
    }


def _judge_reverse_moments(student: Subject, xt: Tensor, t: Tensor, call: str) -> None:
    asked = student.reverse_moments(xt=xt, t=t, n_steps=STEPS)
    answer = parts(asked, moments=object, betas=Tensor, estimate=Tensor, asked_t=Tensor, asked_x=Tensor)
    betas, show = tensor(answer["betas"], "beta"), shown_step(xt, t, call)
    if answer["estimate"] is None:
        raise Disagreement("the network is not asked for its estimate of the noise", bug="network-not-asked")
    one_of(answer["asked_t"], [t.double()], "the t that reaches the network", show=show)
    one_of(answer["asked_x"], [xt.double()], "the image that reaches the network", show=show)
    estimate = tensor(answer["estimate"], "the estimate", xt.shape)
    mean, variance = two(answer["moments"], "the answer, (mean, variance),")
    right, right_variance = true_reverse(betas, xt, t, estimate)
    if not _by_another_route(mean, right, betas, t):
        one_of(mean, [right], "the mean of p(x_{t-1} | x_t)", _reverse_slips(betas, xt, t, estimate), show)
    found = broadcast(variance, xt.shape, "the variance of p(x_{t-1} | x_t)")
    one_of(found, [right_variance], "the variance of p(x_{t-1} | x_t)", _reverse_variance_slips(betas, xt, t), show)


def _by_another_route(mean: object, right: Tensor, betas: Tensor, t: Tensor) -> bool:
    """Whether it is the mean but for what float32 loses by way of x_0: there 1 - alpha_bar_t is divided by, whose digits
    1 has swallowed. See docs/right.md#numerics."""
    if not isinstance(mean, Tensor) or mean.shape != right.shape or not mean.is_floating_point():
        return False
    _, _, bar, _ = at(t, schedule_tables(betas))
    lost = 1e-4 + 4 * torch.finfo(torch.float32).eps / (1 - bar)
    return bool(((mean.double() - right).abs() <= lost * right.abs().max() + 1e-5).all())


def _reverse_slips(betas: Tensor, xt: Tensor, t: Tensor, estimate: Tensor) -> dict[str, Slip]:
    beta, alpha, bar, _ = at(t, schedule_tables(betas))
    x, eps = xt.double(), estimate.double()
    c = beta / (1 - bar).sqrt()
    return {
        "alpha-bar-for-alpha": Slip(
            (x - c * eps) / bar.sqrt(), "the division is by sqrt(alpha_t), not sqrt(alpha_bar_t)"
        ),
        "no-division": Slip(x - c * eps, "the division by sqrt(alpha_t) is missing"),
        "no-root-on-alpha": Slip((x - c * eps) / alpha, "the division is by sqrt(alpha_t); the root is missing"),
        "no-root-on-noise": Slip(
            (x - beta / (1 - bar) * eps) / alpha.sqrt(), "the root over 1 - alpha_bar_t is missing"
        ),
        "alpha-for-alpha-bar": Slip(
            (x - beta / (1 - alpha).sqrt() * eps) / alpha.sqrt(),
            "the noise is divided by sqrt(1 - alpha_bar_t), not alpha_t",
        ),
        "noise-sign": Slip((x + c * eps) / alpha.sqrt(), "the estimated noise is to be taken away; you add it"),
        "noise-not-scaled": Slip((x - eps) / alpha.sqrt(), "the factor beta_t / sqrt(1 - alpha_bar_t) is missing"),
        "x0-for-mean": Slip((x - (1 - bar).sqrt() * eps) / bar.sqrt(), "this is the estimate of x_0, not of x_{t-1}"),
    }


def _reverse_variance_slips(betas: Tensor, xt: Tensor, t: Tensor) -> dict[str, Slip]:
    beta, _, bar, earlier = at(t, schedule_tables(betas))
    shape, plain = xt.shape, "the variance is beta_t; "
    posterior = ((1 - earlier) / (1 - bar) * beta).expand(shape)
    return {
        "posterior-variance": Slip(posterior, plain + "yours is the posterior's, beta-tilde", 0.5),
        "deviation-for-variance": Slip(beta.sqrt().expand(shape), plain + "yours is its root"),
        "squared-variance": Slip((beta**2).expand(shape), plain + "yours is its square"),
        "forward-variance": Slip((1 - bar).expand(shape), plain + "yours is 1 - alpha_bar_t, that of q(x_t | x_0)"),
    }
