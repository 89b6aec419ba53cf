"""Changes that leave every answer as it is, made to the reference of every assignment: none may cost a mark.

python scripts/audit.py [--only NAME]… [--assignment ID]… [--out FILE]: the matrix, change by change; ends with 1 where a row
was lost. Rows that wait for a human are counted, and lose nothing.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from audit.grading import audited
from audit.transformations import every

from grading import assignments
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose


def main(
    only: Annotated[list[str], typer.Option(help="names of changes; all where none is given")] = [],  # noqa: B006
    assignment: Annotated[list[str], typer.Option(help="ids; all where none is given")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="where the matrix is written as Markdown")] = None,
) -> None:
    """The matrix on the terminal and, if asked, in a file."""
    console, names = Console(highlight=False), assignment or assignments.ids()
    chosen = {name: change for name, change in every().items() if not only or name in only}
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lost, begun = 0, time.monotonic()
    with Host(choose(None)) as host, tempfile.TemporaryDirectory() as folder:
        for number, (name, change) in enumerate(chosen.items(), start=1):
            found = []
            for each in names:
                with console.status(f"{number} of {len(chosen)}: {name}, {each}"):
                    found.append(audited(change, each, host, Path(folder) / name / each))
            told = (change.__doc__ or name).strip().splitlines()[0].rstrip(".")
            lines.append(f"| {told} | {' | '.join(each.told() for each in found)} |")
            console.print(f"{name:28}", *(f"{each.told():18}" for each in found))
            for each in found:
                for row in each.lost[:3]:
                    console.print(f"    [red]{row}[/red]")
            lost += sum(len(each.lost) for each in found)
    console.print(
        f"{len(chosen)} changes x {len(names)} assignments, {lost} rows lost, {time.monotonic() - begun:.0f} s"
    )
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    raise typer.Exit(1 if lost else 0)


if __name__ == "__main__":
    typer.run(main)
