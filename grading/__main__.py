"""The command line: `python -m grading grade PATH`. Exit codes: 0 graded, 2 could not grade."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from grading import assignments, stubs
from grading.errors import GradingError
from grading.grade import Options, grade
from grading.records import Report
from grading.report.terminal import summary
from grading.report.write import write_all
from grading.rubric import Item
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Grades assignments on generative models.",
)
console = Console()


@app.command("grade")
def grade_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="A folder, .zip or .tar.gz; several are graded in turn.")
    ],
    assignment: Annotated[str | None, typer.Option(help="Its id; without it, recognised from the files.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the results go; default out/<submission>.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="ITEM", help="Judge just this item (repeatable).")] = None,
    sandbox: Annotated[
        str | None, typer.Option(metavar="BACKEND", help="bubblewrap, or none for code you trust.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer samples: a first look, not a mark.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only where the results are.")] = False,
) -> None:
    """Grade submissions and write results.json, report.json and report.html."""
    try:
        backend = choose(sandbox)
        with Host(backend) as host:
            for number, path in enumerate(paths):
                options = Options(tuple(only or ()), quick, number + 1 < len(paths))
                report = _graded(path, assignment, host, options, quiet)
                folder = _folder(path, out, len(paths))
                write_all(report, folder)
                _tell(report, folder, quiet)
    except GradingError as error:
        Console(stderr=True).print(f"[bold red]could not grade:[/] {_plain(error)}", highlight=False)
        raise typer.Exit(2) from None


def _plain(error: GradingError) -> str:
    return str(error).replace("[", "\\[")


def _folder(path: Path, out: Path | None, count: int) -> Path:
    name = path.resolve().name.removesuffix(".gz").removesuffix(".tar").removesuffix(".zip").removesuffix(".tgz")
    if out is None:
        return Path("out") / name
    return out / name if count > 1 else out


def _graded(path: Path, name: str | None, host: Host, options: Options, quiet: bool) -> Report:
    chosen = assignments.load(name or assignments.recognise(path))
    if quiet:
        return grade(chosen, path, host, options)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{path.name} as {chosen.id}", total=len(chosen.rubric.items))

        def announce(item: Item, number: int, count: int) -> None:
            progress.update(task, description=item.title, completed=number, total=count)

        def refreshed(report: Report) -> None:
            progress.advance(task)

        return grade(chosen, path, host, replace(options, announce=announce, refreshed=refreshed))


def _tell(report: Report, folder: Path, quiet: bool) -> None:
    if not quiet:
        console.print(summary(report))
    console.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


@app.command("stubs")
def stubs_command(names: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None) -> None:
    """Build student_stub/ from reference/."""
    for name in names or assignments.ids():
        for file in stubs.write(assignments.load(name)):
            console.print(str(file.relative_to(assignments.ROOT)), highlight=False)


if __name__ == "__main__":
    sys.exit(app())
