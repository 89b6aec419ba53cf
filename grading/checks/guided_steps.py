"""A random step of guided diffusion in continuous time, judged by its law.

Ho & Salimans 2022 (arXiv:2207.12598). The whole chain of steps has a file of its own, `guided_chain.py`.

Judged by docs/right.md#noise, #one-mistake-once.
"""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Generator, Tensor

from grading.checks import variance_preserving as vp
from grading.checks.compare import Disagreement, close, tensor
from grading.checks.formula import judge_inputs_kept
from grading.checks.noise import SHARED, explained, shared, standard_normal, unit_moments, unrelated
from grading.checks.stand_ins import Coefficients, affine, shaken
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

SHAPE = (8, 1, 24, 24)
# mean: 1, z, x, lambda, lambda';  variance: 1, lambda, lambda', v, and positive for |lambda| <= 4
KNOWN = {"reverse_mean": [0.1, 0.6, 0.4, 0.05, -0.03], "reverse_variance": [0.4, 0.03, -0.02, 0.2]}
DEFAULT_V = 0.3
Law = tuple[Tensor, Tensor]  # mean and variance


def reverse_sample(student: Subject, reference: Subject, rng: Generator) -> None:
    """p_sample draws z_lambda' ~ N(mu_theta, var_theta), with new noise for every pixel in every call.

    z, x [B, C, H, W], lambda, lambda' [B, 1, 1, 1] -> like z (equation 4). Judged by law, over 4,608 draws. False alarms:
    6e-7 each for the mean, the deviation and the correlations with z and with x, which may be five standard errors off, and
    3e-8 for the distribution: together 2.4e-6. What is found wrong is drawn once more, which leaves 6e-12.
    """
    known = shaken(KNOWN, rng)
    images = [3 * torch.rand(SHAPE, generator=rng) - low for low in (1, 2)]  # unlike the noise
    pair = [torch.linspace(low, low + 5, SHAPE[0]).view(-1, 1, 1, 1) for low in (-3, -1)]
    given = dict(zip(("z", "x", "lambda_t", "lambda_t_prim"), [*images, *pair], strict=True))
    if not any(_draws_right(student, given, known) for _ in range(2)):
        raise _named(student, given, known)
    first, second = (_asked(student, given, known) for _ in range(2))
    if torch.equal(first, second):
        raise Disagreement("two calls give the same noise: it must be drawn anew", bug="fixed-noise", share=0.5)
    judge_inputs_kept(student, "guided_reverse_sample", given, "")


def _asked(student: Subject, given: dict[str, Tensor], known: Coefficients) -> Tensor:
    return tensor(student.guided_reverse_sample(**given, stand_ins=dict(known)), "z_lambda'", SHAPE)


def _draws_right(student: Subject, given: dict[str, Tensor], known: Coefficients) -> bool:
    """Whether draws follow the right law, by the student's own mean and variance or by stand-ins for them."""
    try:
        own = tensor(student.guided_reverse_sample(**given, stand_ins={}), "z_lambda'", SHAPE)
        if _follows(own, _true_law(**given), given):
            return True
    except (NotDone, Crashed, Disagreement):  # what it builds on may be to blame
        pass
    drawn = _asked(student, given, known)
    return any(_follows(drawn, law, given) for law in _right_laws(given, known))


def _true_law(z: Tensor, x: Tensor, lambda_t: Tensor, lambda_t_prim: Tensor) -> Law:
    return vp.posterior_mean(z, x, lambda_t, lambda_t_prim), vp.mixed_variance(lambda_t, lambda_t_prim, DEFAULT_V)


def _known_law(known: Coefficients, z: Tensor, x: Tensor, lambda_t: Tensor, lambda_t_prim: Tensor) -> Law:
    """What the stand-ins answer when they are asked with these arguments."""
    v = torch.tensor(DEFAULT_V)
    mean = affine(known["reverse_mean"], z, x, lambda_t, lambda_t_prim)
    return mean, affine(known["reverse_variance"], lambda_t, lambda_t_prim, v)


def _right_laws(given: dict[str, Tensor], known: Coefficients) -> Iterator[Law]:
    """Code may call one of the two and write the other out."""
    return product(*zip(_known_law(known, **given), _true_law(**given), strict=True))  # type: ignore[return-value]


def _follows(drawn: Tensor, law: Law, given: dict[str, Tensor]) -> bool:
    """Whether what is left of the draws is noise, and nothing of z and x is in it."""
    mean, variance = law
    noise = (drawn - mean) / variance.sqrt()
    return standard_normal(noise) and all(unrelated(noise, given[name]) for name in ("z", "x"))


def _fits(drawn: Tensor, law: Law, given: dict[str, Tensor]) -> bool:
    """The same, where every image's own deviation is right too, to within five standard errors: to name a mistake, it is
    not enough that those of all together are."""
    noise = ((drawn - law[0]) / law[1].sqrt()).flatten(1)
    return _follows(drawn, law, given) and all(unit_moments(image) for image in noise)


def _named(student: Subject, given: dict[str, Tensor], known: Coefficients) -> Disagreement:
    """What is wrong with draws that follow no right law."""
    drawn = _asked(student, given, known)
    mean, variance = _known_law(known, **given)
    noise = (drawn - mean) / variance.sqrt()
    told = {
        "expected": "z_lambda' - mu over sigma is standard normal",
        "actual": f"it has mean {noise.mean():.3f} and standard deviation {noise.std():.3f} over {noise.numel():,} draws",
    }
    for law in _right_laws(given, known):
        bug, message = explained((drawn - law[0]) / law[1].sqrt())
        if bug == "one-number-for-all":
            return Disagreement(message, bug=bug, **told)
    for law in _right_laws(given, known):
        if bug := shared((drawn - law[0]) / law[1].sqrt()):
            return Disagreement(SHARED[bug], bug=bug, **told)
    for bug, (wrong_mean, deviation, message) in _slips(given, known, mean, variance).items():
        silent = not deviation.any()
        if close(drawn, wrong_mean, atol=1e-3) if silent else _fits(drawn, (wrong_mean, deviation**2), given):
            return Disagreement(message, bug=bug, **told)
    bug, message = explained(noise)
    return Disagreement(message or "z_lambda' does not follow N(mu_theta, var_theta)", bug=bug, **told)


def _slips(
    given: dict[str, Tensor], known: Coefficients, mean: Tensor, variance: Tensor
) -> dict[str, tuple[Tensor, Tensor, str]]:
    """bug -> (the mean, the standard deviation, what to say)."""
    z, x, noisy, clean = (value.double() for value in given.values())
    root, plain = variance.sqrt(), "mu_p_theta takes (z_lambda_t, x, lambda_t, lambda_t_prim), in this order: "
    back, back_variance = _known_law(known, z, x, clean, noisy)
    other = "the deviation is the root of var_p_theta; yours is "
    return {
        "arguments-swapped": (_known_law(known, x, z, noisy, clean)[0], root, plain + "you swap z and x"),
        "arguments-in-other-order": (_known_law(known, z, noisy, clean, x)[0], root, plain + "yours is that of p_sample"),
        "lambdas-swapped": (back, back_variance.sqrt(), plain + "you swap lambda and lambda', in var_p_theta too"),
        "lambdas-swapped-in-mean": (back, root, plain + "you swap lambda and lambda'"),
        "lambdas-swapped-in-variance": (mean, back_variance.sqrt(), "var_p_theta takes lambda, then lambda'"),
        "image-for-mean": (x, root, "the mean is mu_p_theta(z, x, lambda, lambda'); yours is x itself"),
        "state-for-mean": (z, root, "the mean is mu_p_theta(z, x, lambda, lambda'); yours is z itself"),
        "mean-missing": (0 * mean, root, "the mean is missing: yours is the noise alone"),
        "mean-scaled": (mean * root, root, "the standard deviation scales the noise alone, not the mean too"),
        "root-twice": (mean, root.sqrt(), "the root of the variance is taken twice"),
        "sigma-q-for-deviation": (mean, vp.transition_deviation(noisy, clean), other + "sigma_q"),
        "sigma-q-x-for-deviation": (mean, vp.posterior_deviation(noisy, clean), other + "sigma_q_x"),
        "variance-for-deviation": (mean, variance, "the noise is scaled by the variance; it should be by its root"),
        "no-noise": (mean, 0 * root, "no noise is added to the mean"),
        "noise-not-scaled": (mean, root / root, "the noise is not scaled by the standard deviation"),
        "variance-as-logarithm": (mean, (variance / 2).exp(), "var_p_theta gives a variance; yours takes its exponential"),
    }  # fmt: skip
