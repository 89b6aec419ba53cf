"""Whether a model that can be told a condition is left as it was where there is none: by the widths of its layers.

Judged by docs/right.md#shapes-and-types, #modes-and-layers.
"""

from torch import Generator

from grading.checks.compare import Disagreement
from grading.subjects import Subject

PIXELS, CLASSES = 28 * 28, 10


def unconditional(student: Subject, reference: Subject, rng: Generator) -> None:
    """Where conditional_vec_dim is 0, encoder and decoder take images and z alone; where it is 10, ten columns more.

    The first layers of both are looked at, by the shapes of their weights.
    """
    plain, conditional = (_widths(student, model) for model in ("vae", "cvae"))
    if plain[0] != PIXELS:
        raise Disagreement(
            "with conditional_vec_dim = 0 the encoder should take the image alone",
            bug="condition-always",
            expected=f"{PIXELS} columns",
            actual=f"{plain[0]} columns",
        )
    for what, without, with_it in zip(("encoder", "decoder"), plain, conditional, strict=True):
        if with_it - without != CLASSES:
            raise Disagreement(
                f"with conditional_vec_dim = 10 the {what} should take ten columns more than with 0",
                bug=f"{what}-without-condition",
                expected=f"{without + 10} columns",
                actual=f"{with_it} columns",
            )


def _widths(student: Subject, model: str) -> list[int]:
    answer = student.widths(model=model, seed="a")
    if not isinstance(answer, list) or len(answer) != 2 or not all(isinstance(width, int) for width in answer):
        raise Disagreement("encoder and decoder should each begin with a linear layer")
    return answer
