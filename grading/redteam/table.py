"""The findings, for people."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from grading.redteam.trial import Finding
from grading.report.presentable import plain_text

REASON = 400  # characters
HELD, NOT_HELD = Text("held", "green"), Text("NOT HELD", "bold red")


def table(findings: Sequence[Finding]) -> Table:
    """One line for each attack. Nothing in it is read as markup."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    shown.add_column("row", justify="right", max_width=7)
    shown.add_column("attack", overflow="fold", ratio=3)
    shown.add_column("gained", overflow="fold", ratio=2)
    shown.add_column("others\ngraded", no_wrap=True)
    shown.add_column("s", justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    for finding in findings:
        attack = finding.attack
        shown.add_row(
            ", ".join(map(str, attack.rows)),
            Text.assemble(attack.name, "\n", (attack.tries, "dim")),
            Text(_gained(finding), "" if finding.held else "red"),
            finding.graded,
            f"{finding.seconds:.1f}",
            HELD if finding.held else NOT_HELD,
        )
    return shown


def _gained(finding: Finding) -> str:
    return plain_text("; ".join(finding.reasons)[:REASON] or "nothing")


def closing(findings: Sequence[Finding], untried: Mapping[int, str], seconds: float, backend: str) -> list[Text]:
    """The last lines: what does not apply and why, and the sum of it all."""
    held = sum(each.held for each in findings)
    failed = len(findings) - held
    lines = [Text(f"row {row} does not apply: {reason}", "dim") for row, reason in sorted(untried.items())]
    rows = {row for finding in findings for row in finding.attack.rows}
    counts = [f"{len(findings)} attacks of {len(rows)} rows tried", f"{held} held", f"{failed} not held"]
    counts += [f"{len(untried)} rows that do not apply", f"{seconds:.0f} s", f"sandbox: {backend}"]
    return [*lines, Text(", ".join(counts), "bold red" if failed else "bold green")]
