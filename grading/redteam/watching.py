"""A bar on the console while attacks are tried."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from rich.console import Console

from grading.redteam.attack import Attack
from grading.redteam.side_by_side import tried_in
from grading.redteam.trial import Finding, tried
from grading.report.bar import bar
from grading.sandbox.backend import Backend

Try = Callable[[Sequence[Attack], Callable[[Attack], None]], Iterator[Finding]]


def watched(
    attacks: Sequence[Attack],
    backend: Backend,
    seed: int,
    console: Console,
    jobs: int = 1,
    minutes: float | None = None,
) -> list[Finding]:
    """Tries the attacks, with a bar on the console that says which.

    Those of which only time was wrong are tried once more, by themselves: on a busy machine honest work may miss a deadline
    of seconds. What an attack gains, finds, changes or leaves behind counts the first time.

    jobs: how many processes try attacks of the suite side by side;  minutes: after which no other attack is begun; which
    are tried before is drawn with the seed. Returns what became of those that were tried.
    """
    jobs = min(jobs, len(attacks))
    if minutes is not None:
        attacks = random.Random(seed).sample(attacks, len(attacks))

    def alone(some: Sequence[Attack], begins: Callable[[Attack], None]) -> Iterator[Finding]:
        """One after the other, in this process."""
        return tried(some, backend, begins, seed)

    def together(some: Sequence[Attack], begins: Callable[[Attack], None]) -> Iterator[Finding]:
        """In several processes."""
        return tried_in(jobs, some, backend.name, seed, begins)

    findings = _watched(attacks, together if jobs > 1 else alone, console, minutes)
    late = [finding.attack for finding in findings if finding.of_time]
    if late:
        console.print(f"tried once more, since something took long: {', '.join(attack.name for attack in late)}")
    again = {finding.attack.name: finding for finding in _watched(late, alone, console)}
    found = {finding.attack.name: again.get(finding.attack.name, finding) for finding in findings}
    return [found[attack.name] for attack in attacks if attack.name in found]


def _watched(attacks: Sequence[Attack], how: Try, console: Console, minutes: float | None = None) -> list[Finding]:
    last = math.inf if minutes is None else time.monotonic() + 60 * minutes
    with bar(console) as progress:
        task = progress.add_task("", total=len(attacks))
        findings = []
        with closing(how(attacks, lambda each: progress.update(task, description=each.name))) as rest:  # type: ignore[type-var]
            for finding in rest:
                findings.append(finding)
                progress.advance(task)
                if time.monotonic() > last:
                    break
        return findings
