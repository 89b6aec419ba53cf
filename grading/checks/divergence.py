"""The Kullback-Leibler divergence between normal distributions with diagonal covariance: in closed form, and by sampling.

Judged by docs/right.md#numerics, #clamps, #reductions.
"""

from torch import Generator, Tensor

from grading.checks.batches import Batch, batches, table
from grading.checks.compare import NEARLY, Disagreement, tensor, within
from grading.checks.divergence_slips import kl_slips, kl_terms
from grading.checks.estimate_slips import SHARED, SIGMAS, known_law
from grading.checks.formula import Formula, WrongShape, by_hand, judge, judge_inputs_kept, script
from grading.checks.likelihood import CENTRES, LOGVARS
from grading.checks.log_ratio import Pair, divergence, errors, variance
from grading.subjects import Subject

COLUMNS = {"mu_q": CENTRES, "logvar_q": LOGVARS, "mu_p": CENTRES, "logvar_p": LOGVARS}


def analytic(student: Subject, reference: Subject, rng: Generator) -> None:
    """D(q || p) is 1/2 sum_d (log(t^2 / s^2) + (s^2 + (m - a)^2) / t^2 - 1), for q = N(m, s^2) and p = N(a, t^2).

    mu_q, logvar_q, mu_p, logvar_p [B, ...] -> [B]. Searched over shapes, types, means from 1e-3 to 1e3, logvar from
    -10 to 10; where q is p it is 0.
    """
    drawn = table(rng, COLUMNS)
    same = Batch({name: drawn.rows[name.replace("_p", "_q")] for name in COLUMNS})
    judge(
        ANALYTIC, student, reference, [drawn, same, drawn], batches(COLUMNS, ("plain", "float64", "every second row"))
    )


ANALYTIC = Formula("kl_analytic", "the divergence", kl_terms, kl_slips, gradients=("mu_q", "logvar_q"))

# Three pairs of three dimensions; every row of a batch repeats one of them. Moderate, since log q - log p is heavy-tailed.
PAIRS = Batch(
    {
        "mu_q": ((0.6, -0.4, 1.1), (-0.5, 0.8, 0.2), (0.3, 1.2, -0.7)),
        "logvar_q": ((-0.8, 0.5, -0.3), (-1.2, -0.4, 0.6), (0.4, -0.9, -0.5)),
        "mu_p": ((-0.3, -1.1, 0.4), (-1.2, 0.1, -0.6), (-0.5, 0.6, -1.2)),
        "logvar_p": ((0.3, 0.9, -0.7), (-0.6, 0.3, 0.2), (0.8, -0.2, 0.4)),
    }
)
ROWS = 500  # of every pair, for each question
COUNTS, MANY = (4, 1), 20_000  # num_samples


def monte_carlo(student: Subject, reference: Subject, rng: Generator) -> None:
    """The estimate of D(q || p) averages log q(z) - log p(z) over num_samples draws z ~ q of every row's own.

    mu_q, logvar_q, mu_p, logvar_p [B, D], num_samples -> [B]. Judged by law, no seed is needed: 500 rows each of three
    pairs, for 4 and for 1 samples; their mean and variance lie within 4.5 standard errors of the exact ones (`log_ratio`).
    That is 12 comparisons, of 7e-6 each if all were normal: 8e-5. Variances are skewed, yet fewer than 1 round in 1000 fails
    (of 4000 simulated, 1 did). Code that fails is asked for fresh draws once, so fewer than 1e-6 right answers are accused.
    Estimates that are right on average and vary too much, or too little, have half of the marks.
    """
    call = by_hand(reference, "kl_monte_carlo", (*COLUMNS, "num_samples=num_samples"))
    for height, num_samples in ((2, 5), (2, 1), (1, 1)):
        _right_shape(student, height, num_samples)
    try:
        _right_law(student, call)
    except Disagreement:
        _right_law(student, call)
    judge_inputs_kept(student, "kl_monte_carlo", {**PAIRS.tensors(), "num_samples": 2}, _script(call, 0, 2))


def _right_shape(student: Subject, height: int, num_samples: int) -> None:
    given = {name: value[:height] for name, value in PAIRS.tensors().items()}
    found = tensor(student.kl_monte_carlo(**given, num_samples=num_samples), "the estimate")
    shape = list(found.shape)
    if shape == [height]:
        return
    known = {
        (height, num_samples): ("not-averaged", "the samples are still to be averaged over"),
        (height, 1): ("keepdim-left", "there is a dimension too many"),
        (height, 3): ("not-summed", "the dimensions are still to be summed over"),
        (height, num_samples, 3): ("not-summed", "dimensions are still to be summed over, and samples averaged"),
        (height, height): ("keepdim-broadcast", "[B, 1] and [B] were broadcast against each other"),
        (num_samples,): ("wrong-dimension", "the batch was reduced instead of the samples"),
        (3,): ("wrong-dimension", "the batch was reduced instead of the dimensions"),
        (): ("summed-over-batch", "the batch was reduced as well")
        if height > 1
        else ("squeezed-batch", "keep the batch"),
    }
    bug, why = known.get(tuple(shape), ("", "one number per row is wanted"))
    message = f"the estimate should have shape [B]: {why} (B = {height}, {num_samples} samples of 3 dimensions)"
    share = NEARLY if bug == "squeezed-batch" else 0.0
    raise WrongShape(message, share=share, bug=bug, expected=f"shape {[height]}", actual=f"shape {shape}")


def _right_law(student: Subject, call: str) -> None:
    """Raises Disagreement unless mean and variance of the estimates are right for every pair."""
    for num_samples in COUNTS:
        given = {name: value.repeat(ROWS, 1) for name, value in PAIRS.tensors().items()}
        answer = student.kl_monte_carlo(**given, num_samples=num_samples)
        estimates = tensor(answer, "the estimate", [3 * ROWS]).view(ROWS, 3)
        for number, pair in enumerate(_pairs()):
            found, (mean, spread) = estimates[:, number], errors(pair, num_samples, ROWS)
            expected = divergence(pair).item(), variance(pair).item() / num_samples
            right = within(found.mean().item(), expected[0], mean, SIGMAS)
            if right and within(found.var().item(), expected[1], spread, SIGMAS):
                continue
            if right and num_samples > 1 and 0.02 < found.var().item() / expected[1] < 1 and _varies_less(estimates):
                continue
            bug, share, message = known_law(estimates, _pairs(), num_samples)
            if bug == SHARED and not _right_in_the_long_run(student):
                bug, share, message = "", 0.0, "rows that are alike get the same number, which is not the divergence"
            raise Disagreement(
                message,
                share=share,
                bug=bug,
                expected=f"mean {expected[0]:.4f}, variance {expected[1]:.4f}",
                actual=f"mean {found.mean():.4f}, variance {found.var():.4f} ({ROWS} estimates, num_samples={num_samples})",
                reproduce=_script(call, number, num_samples),
            )


def _varies_less(estimates: Tensor) -> bool:
    """Whether no known mistake explains that several samples vary less than independent ones: antithetic pairs are right,
    and a single sample is judged as strictly as ever."""
    return known_law(estimates, _pairs(), COUNTS[0])[0] == "wrong-variance"


def _right_in_the_long_run(student: Subject) -> bool:
    """Whether an average over so many samples that one draw for all rows matters little is the divergence."""
    found = tensor(student.kl_monte_carlo(**PAIRS.tensors(), num_samples=MANY), "the estimate", [3])
    exact = [(divergence(pair).item(), (variance(pair).item() / MANY) ** 0.5) for pair in _pairs()]
    return all(within(value, *law, SIGMAS) for value, law in zip(found.tolist(), exact, strict=True))


def _pairs() -> list[Pair]:
    columns = [value.double() for value in PAIRS.tensors().values()]
    return [Pair(*(column[number] for column in columns)) for number in range(3)]


def _script(call: str, number: int, num_samples: int) -> str:
    """One pair, in as many rows as were judged."""
    one = Batch({name: (rows[number],) for name, rows in PAIRS.rows.items()})
    lines = [line.replace("]])", f"]]).repeat({ROWS}, 1)") for line in one.written()]
    imports, _, expression = call.rpartition("\n")
    asked = expression.replace("num_samples=num_samples", f"num_samples={num_samples}")
    return script(f"{imports}\ntorch.var_mean({asked})".lstrip("\n"), lines)
