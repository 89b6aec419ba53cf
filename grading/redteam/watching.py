"""A bar on the console while attacks are tried."""

from collections.abc import Sequence
from contextlib import closing

from rich.console import Console

from grading.redteam.attack import Attack
from grading.redteam.trial import Finding, tried
from grading.report.bar import bar
from grading.sandbox.backend import Backend


def watched(attacks: Sequence[Attack], backend: Backend, seed: int, console: Console) -> list[Finding]:
    """Tries the attacks, with a bar on the console that says which.

    Those of which only time was wrong are tried once more: on a busy machine honest work may miss a deadline of seconds.
    What an attack gains, finds, changes or leaves behind counts the first time.
    """
    findings = _watched(attacks, backend, seed, console)
    late = [finding.attack for finding in findings if finding.of_time]
    if late:
        console.print(f"tried once more, since something took long: {', '.join(attack.name for attack in late)}")
    again = {finding.attack.name: finding for finding in _watched(late, backend, seed, console)}
    return [again.get(finding.attack.name, finding) for finding in findings]


def _watched(attacks: Sequence[Attack], backend: Backend, seed: int, console: Console) -> list[Finding]:
    with bar(console) as progress:
        task = progress.add_task("", total=len(attacks))
        findings = []
        with closing(tried(attacks, backend, lambda each: progress.update(task, description=each.name), seed)) as rest:
            for finding in rest:
                findings.append(finding)
                progress.advance(task)
        return findings
