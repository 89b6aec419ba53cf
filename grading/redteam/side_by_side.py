"""Attacks tried in several processes at once; each lays out its own bait, and adopts only what its own attacks leave."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from grading.redteam.attack import Attack, suite
from grading.redteam.trial import Finding, tried
from grading.sandbox.ladder import choose

ENDED = "the process that tried it, or one before it, was ended"
Told = str | tuple[str, tuple[str, ...], str, float]  # an attack that begins, or what became of one
PATIENCE = 60.0  # seconds in which a process takes away what it has laid out


@dataclass(frozen=True)
class _Helper:
    """A process that tries its share of the attacks, and how it tells of them."""

    process: SpawnProcess
    line: Connection


def tried_in(
    jobs: int, attacks: Sequence[Attack], backend: str, seed: int, begins: Callable[[Attack], None]
) -> Iterator[Finding]:
    """What becomes of attacks of the suite, tried in so many processes, in the order in which they end.

    backend: the name of the sandbox;  begins: called with each attack, when it begins. Attacks of which a process never
    told, since one ended it, are not held.
    """
    left = {attack.name: attack for attack in attacks}
    helpers = [_helper([attack.name for attack in attacks[first::jobs]], backend, seed) for first in range(jobs)]
    try:
        for told in _told([helper.line for helper in helpers]):
            if isinstance(told, str):
                begins(left[told])
            else:
                name, reasons, graded, seconds = told
                yield Finding(left.pop(name), reasons, graded, seconds)
    finally:
        for helper in helpers:
            helper.line.close()  # it notices with the next attack
            helper.process.join(PATIENCE)
            helper.process.terminate()
    yield from (Finding(attack, (ENDED,), "", 0.0) for attack in left.values())


def _told(lines: list[Connection]) -> Iterator[Told]:
    """Whatever comes along the lines, until all of them have ended."""
    while lines:
        ready = wait(lines)
        for line in [each for each in lines if each in ready]:
            try:
                yield line.recv()
            except EOFError:
                lines.remove(line)


def _helper(names: Sequence[str], backend: str, seed: int) -> _Helper:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_share, args=(names, backend, seed, theirs))
    process.start()
    theirs.close()
    return _Helper(process, ours)


def _share(names: Sequence[str], backend: str, seed: int, line: Connection) -> None:
    """What a helper does: the name of each attack goes along the line before it is tried, and what was found behind it."""
    every: Mapping[str, Attack] = {attack.name: attack for attack in suite().attacks}
    findings = tried([every[name] for name in names], choose(backend), lambda each: line.send(each.name), seed)
    with suppress(BrokenPipeError), closing(findings) as rest:
        for finding in rest:
            line.send((finding.attack.name, finding.reasons, finding.graded, finding.seconds))
