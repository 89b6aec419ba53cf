"""How the time of one submission is shared among its items."""

import time
from collections.abc import Sequence

RESERVED = 0.5  # of the time is shared out beforehand; the rest goes to whoever comes first


class Budget:
    """The time that is left for a submission. An item that uses up all it may have leaves every later one its share.

    seconds: for the whole submission;  wanted: the most that each item would take, in the order of judging
    """

    def __init__(self, seconds: float, wanted: Sequence[float]) -> None:
        self._end = time.monotonic() + seconds
        scale = RESERVED * min(1.0, seconds / max(sum(wanted), 1e-9))
        self._wanted, self._reserved = wanted, [scale * each for each in wanted]

    def left(self) -> float:
        """Seconds until the submission's time is over; not above zero where it is."""
        return self._end - time.monotonic()

    def allowance(self, number: int) -> float:
        """Seconds that the item of this number may take, so that those after it keep what is reserved for them."""
        later = sum(self._reserved[number + 1 :])
        return min(self._wanted[number], max(self.left() - later, min(self._reserved[number], self.left())))
