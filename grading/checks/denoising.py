"""Mean and variance of one step forward and one step back in a denoising diffusion model. Time is counted from 0.

Ho et al. 2020 (arXiv:2006.11239). Judged with the schedule in use, whatever it is, and a network that is known.

Judged by docs/right.md#numerics, #shapes-and-types.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, Slip, broadcast, one_of, parts, tensor, two
from grading.checks.formula import by_hand, judge_inputs_kept
from grading.checks.reverse_slips import wrong_means
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
    beta, alpha, bar, earlier = at(t, schedule_tables(betas))
    (later,) = _bars_after(betas, t)
    x, plain = x0.double(), "the mean is sqrt(alpha_bar_t) x_0; "
    swapped = "1 - alpha_bar_t belongs to the variance, alpha_bar_t to the mean; yours has "
    return {
        "no-root-on-x": Slip(bar * x, plain + "the root is missing"),
        "alpha-for-alpha-bar": Slip(alpha.sqrt() * x, plain + "you use alpha_t, one step's worth"),
        "t-minus-one": Slip(earlier.sqrt() * x, plain + "you use the step before t; steps count from 0"),
        "t-plus-one": Slip(later.sqrt() * x, plain + "you use the step after t; steps count from 0"),
        "x-not-scaled": Slip(x, plain + "yours is x_0 itself"),
        "x-divided": Slip(x / bar.sqrt(), plain + "you divide by the root"),
        "scales-swapped": Slip((1 - bar).sqrt() * x, swapped + "sqrt(1 - alpha_bar_t) x_0 for the mean"),
        "scales-swapped-no-root": Slip((1 - bar) * x, swapped + "(1 - alpha_bar_t) x_0 for the mean"),
        "beta-for-alpha-bar": Slip(beta.sqrt() * x, plain + "you use beta_t"),
        "moments-swapped": Slip((1 - bar).expand(x.shape), "the mean comes first, then the variance"),
        "one-t-for-all": Slip(bar[:1].sqrt() * x, "every image has its own t; you use one for the whole batch"),
    }


def _bars_after(betas: Tensor, t: Tensor) -> tuple[Tensor, ...]:
    """alpha_bar one step later, of the last step its own: as [B, 1, 1, 1]."""
    return at((t + 1).clamp(max=len(betas) - 1), schedule_tables(betas)[2:3])


def _variance_slips(betas: Tensor, x0: Tensor, t: Tensor) -> dict[str, Slip]:
    beta, _, bar, earlier = at(t, schedule_tables(betas))
    (later,) = _bars_after(betas, t)
    plain, shape = "the variance is 1 - alpha_bar_t; ", x0.shape
    return {
        "deviation-for-variance": Slip((1 - bar).sqrt().expand(shape), plain + "yours is its root"),
        "alpha-for-alpha-bar": Slip(beta.expand(shape), plain + "yours is 1 - alpha_t, one step's worth"),
        "bar-for-variance": Slip(bar.expand(shape), plain + "yours is alpha_bar_t"),
        "root-in-variance": Slip((1 - bar.sqrt()).expand(shape), plain + "yours is 1 - sqrt(alpha_bar_t)"),
        "squared-variance": Slip(((1 - bar) ** 2).expand(shape), plain + "yours is its square"),
        "unit-variance": Slip(torch.ones_like(x0).double(), plain + "yours is 1 at every step"),
        "t-minus-one": Slip((1 - earlier).expand(shape), plain + "you use the step before t; steps count from 0"),
        "t-plus-one": Slip((1 - later).expand(shape), plain + "you use the step after t; steps count from 0"),
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
    beta, _, bar, _ = at(t, schedule_tables(betas))
    beta_before, _, bar_before, _ = at((t - 1).clamp_min(0), schedule_tables(betas))
    wrong = wrong_means(beta, bar, beta_before, bar_before)
    x, eps = xt.double(), estimate.double()
    return {bug: Slip((x - c * eps) / divisor, message) for bug, (c, divisor, message) in wrong.items()}


def _reverse_variance_slips(betas: Tensor, xt: Tensor, t: Tensor) -> dict[str, Slip]:
    beta, alpha, bar, earlier = at(t, schedule_tables(betas))
    (before,) = at((t - 1).clamp_min(0), schedule_tables(betas)[:1])
    shape, plain = xt.shape, "the variance is beta_t; "
    posterior = ((1 - earlier) / (1 - bar) * beta).expand(shape)
    return {
        "posterior-variance": Slip(posterior, plain + "yours is the posterior's, beta-tilde", 0.5),
        "deviation-for-variance": Slip(beta.sqrt().expand(shape), plain + "yours is its root"),
        "squared-variance": Slip((beta**2).expand(shape), plain + "yours is its square"),
        "forward-variance": Slip((1 - bar).expand(shape), plain + "yours is 1 - alpha_bar_t, that of q(x_t | x_0)"),
        "alpha-for-beta": Slip(alpha.expand(shape), plain + "yours is alpha_t"),
        "unit-variance": Slip(torch.ones_like(xt).double(), plain + "yours is 1 at every step"),
        "t-minus-one": Slip(before.expand(shape), plain + "you use the step before t; steps count from 0"),
        "no-variance-at-the-end": Slip(
            (beta * (t > 0).view(-1, 1, 1, 1)).expand(shape), plain + "yours is 0 at t = 0, and right at other steps"
        ),
    }
