"""Code that counts on the sizes of its handout is right: a process of 1,000 steps, 16 images, 32 x 32 pixels.

Checks ask with small sizes first, which show more and cost less. Where the answer shows that the code takes no others than
its handout's, they ask with those. See docs/right.md#sizes.
"""

from collections.abc import Callable

from torch import Tensor

from grading.checks.compare import Disagreement
from grading.errors import Crashed


class OtherSizes(Disagreement):
    """The answer is of other sizes than were asked for."""


def in_turn(*ways: Callable[[], None]) -> None:
    """Judges in the first way that the code takes; else raises what the last did, or the first error where that crashes."""
    *earlier, last = ways
    first: Crashed | OtherSizes | None = None
    for way in earlier:
        try:
            return way()
        except (OtherSizes, Crashed) as error:
            first = first or error
    try:
        return last()
    except Crashed as error:
        raise first or error from None


def of_shape(value: object, shape: tuple[int, ...], what: str) -> None:
    """Raises OtherSizes where images are of another number or size than were asked for."""
    if isinstance(value, Tensor) and value.ndim == len(shape) and list(value.shape) != list(shape):
        raise OtherSizes(
            f"{what} has the wrong shape", expected=f"shape {list(shape)}", actual=f"shape {list(value.shape)}"
        )


def of_steps(found: int, wanted: int, what: str = "the process takes") -> None:
    """Raises OtherSizes where more steps are taken than the process has."""
    if found > wanted + 1:
        raise OtherSizes(
            f"{what} {found} steps; it has {wanted}", bug="wrong-steps", expected=f"{wanted} steps", actual=f"{found}"
        )
