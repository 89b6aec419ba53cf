"""The command line: `python -m grading grade PATH`. Exit codes: 0 graded, 2 one could not be, 1 an attack got through."""

import os
import secrets
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from grading import assignments, doctor, redteam, stubs
from grading.assignments import Assignment
from grading.autograder.run import run
from grading.autograder.settings import Settings, load, seconds_for
from grading.autograder.smoke import smoke
from grading.bundle import bundle
from grading.errors import GradingError, StaffError
from grading.grade import Options, grade
from grading.places import places, refuse_unwritable
from grading.records import Report
from grading.report.bar import bar
from grading.report.presentable import plain_text
from grading.report.terminal import summary
from grading.report.wording import shorten
from grading.report.write import Also, files
from grading.rubric import Item
from grading.sandbox.backend import Backend
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose, passed_over
from grading.turns import Turn, overview, taken

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
        str | None, typer.Option(metavar="BACKEND", help="bubblewrap, landlock or uid; or none for code you trust.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer samples: a first look, not a mark.")] = False,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Train nothing again: rows without weights are left to a human.")
    ] = False,
    also: Annotated[list[Also] | None, typer.Option(help="Another file to write (repeatable).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only where the results are.")] = False,
) -> None:
    """Grade submissions and write results.json, report.json and report.html."""
    try:
        chosen = assignments.load(assignment) if assignment else None
        folders = places(paths, out)
        for folder in folders:
            refuse_unwritable(folder, tuple(files(also or ())))
        backend = choose(sandbox)
        _mention(backend)
        turns = []
        with Host(backend) as host:
            for number, (path, folder) in enumerate(zip(paths, folders, strict=True), 1):
                options = Options(tuple(only or ()), quick, number < len(paths), not no_train)
                grading = partial(_graded, path, chosen, host, options, quiet)
                turns.append(taken(path, folder, also or (), grading))
                _tell(turns[-1], quiet)
    except GradingError as error:
        _give_up(error)
    refused = any(turn.report is None for turn in turns)
    if len(turns) > 1 and (refused or not quiet):
        console.print(overview(turns))
    if refused:
        raise typer.Exit(2)


def _mention(backend: Backend) -> None:
    """Nothing below the best sandbox is used without a word."""
    for name, reason in passed_over(backend).items():
        console.print(Text(f"note: graded in the sandbox {backend.name}, since {name} cannot be used: {reason}"))


def _give_up(error: GradingError) -> NoReturn:
    _refuse("", plain_text(str(error)))
    raise typer.Exit(2) from None


def _refuse(name: str, why: str) -> None:
    said = Text.assemble((f"could not grade{name}: ", "bold red"), why)
    Console(stderr=True).print(said, highlight=False)


def _graded(path: Path, known: Assignment | None, host: Host, options: Options, quiet: bool) -> Report:
    chosen = known or assignments.load(assignments.recognise(path))
    if quiet:
        return grade(chosen, path, host, options)
    with bar(console) as progress:
        name = escape(shorten(plain_text(path.resolve().name), 60))
        task = progress.add_task(f"{name} as {chosen.id}", total=len(chosen.rubric.items))
        inner = progress.add_task("", total=100, visible=False)

        def announce(item: Item, number: int, count: int) -> None:
            progress.update(task, description=item.title, completed=number, total=count)
            progress.update(inner, visible=False)

        def tell(what: str, share: float) -> None:
            progress.update(inner, description=what, completed=round(100 * share), visible=True)

        def refreshed(report: Report) -> None:
            progress.advance(task)

        return grade(chosen, path, host, replace(options, announce=announce, tell=tell, refreshed=refreshed))


def _tell(turn: Turn, quiet: bool) -> None:
    if turn.report is None:
        if turn.broke:
            Console(stderr=True).print(Text(turn.broke))
        return _refuse(f" {turn.name}", turn.why)
    if not quiet:
        console.print(summary(turn.report))
    console.print(Text(plain_text(f"report: {turn.folder / 'report.html'}")), soft_wrap=True)
    return None


@app.command("stubs")
def stubs_command(names: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None) -> None:
    """Build student_stub/ from reference/."""
    for name in names or assignments.ids():
        for file in stubs.write(assignments.load(name)):
            console.print(str(file.relative_to(assignments.ROOT)), highlight=False)


@app.command("doctor")
def doctor_command() -> None:
    """Show which sandboxes work here, what each keeps student code from, and what to install."""
    findings = doctor.examine()
    console.print(doctor.told(findings, doctor.limits()))
    if not any(finding.chosen for finding in findings):
        raise typer.Exit(2)


@app.command("gradescope")
def gradescope_command(
    name: Annotated[str, typer.Argument(metavar="ID")],
    out: Annotated[Path, typer.Option(help="The folder that the zip goes into.")] = Path("dist"),
    minutes: Annotated[float, typer.Option(min=1, help="The time limit that is set on the site.")] = 10,
    only: Annotated[list[str] | None, typer.Option(metavar="ITEM", help="Grade just this item (repeatable).")] = None,
) -> None:
    """Write <out>/<ID>-autograder.zip, to be uploaded to Gradescope."""
    try:
        secret = os.environ.get("ELBOGRADE_SECRET", "")
        settings = Settings(assignment=name, seconds=seconds_for(minutes), only=tuple(only or ()), secret=secret)
        made = bundle(assignments.load(name), settings, out)
    except GradingError as error:
        _give_up(error)
    console.print(f"{made.path}: {made.size / 1e6:.1f} MB, {made.count} files", highlight=False, soft_wrap=True)
    if made.hidden:
        console.print(f"note: {made.hidden} rows are hidden at first, so students will see no total", highlight=False)


@app.command("autograder")
def autograder_command(
    root: Annotated[Path, typer.Option(help="The folder that the platform lays everything out in.")] = Path(
        "/autograder"
    ),
    settings: Annotated[Path, typer.Option(help="autograder.toml.")] = assignments.ROOT.parent / "autograder.toml",
    minutes: Annotated[float | None, typer.Option(min=1, help="The platform's time limit; else the settings'.")] = None,
    only_smoke: Annotated[bool, typer.Option("--smoke", help="Only try whether grading works here.")] = False,
) -> None:
    """Grade one submission as Gradescope wants it; run_autograder calls this."""
    try:
        chosen = load(settings)
        if only_smoke:
            smoke(chosen, typer.echo)
            return
        if minutes is not None:
            chosen = chosen.model_copy(update={"seconds": seconds_for(minutes)})
        console.print(summary(run(root, chosen, typer.echo)))
    except GradingError as error:
        _give_up(error)


@app.command("redteam")
def redteam_command(
    sandbox: Annotated[
        str | None, typer.Option(metavar="BACKEND", help="The sandbox to attack; without it, the best there is.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this attack, or this row of the table (repeatable).")
    ] = None,
    seed: Annotated[
        str, typer.Option(metavar="NUMBER", help="What varies in the attacks is drawn with it; 'random' draws one.")
    ] = str(redteam.SEED),
    jobs: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="How many are tried side by side.", show_default="one a core")
    ] = len(os.sched_getaffinity(0)),
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER", min=0, help="Begin no attack after so many; which are tried is drawn with the seed."
        ),
    ] = None,
) -> None:
    """Hand in hostile submissions, and see that none gains a mark, harms another item or leaves anything behind.

    Exit code 1 where one does.
    """
    begun = time.monotonic()
    try:
        backend, suite, number = choose(sandbox), redteam.suite(), _seed(seed)
        console.print(f"seed: {number}", highlight=False)
        attacks = redteam.named(suite.attacks, only or ())
        findings = redteam.watched(attacks, backend, number, console, jobs, minutes)
    except GradingError as error:
        _give_up(error)
    console.print(redteam.table(findings))
    if left := len(attacks) - len(findings):
        console.print(f"{left} attacks were left out after {minutes:g} minutes")
    for line in redteam.closing(findings, suite.untried, time.monotonic() - begun, backend.name):
        console.print(line)
    if not all(finding.held for finding in findings):
        raise typer.Exit(1)


def _seed(said: str) -> int:
    if said == "random":
        return secrets.randbelow(1_000_000)
    if not said.isdecimal() or not said.isascii():
        raise StaffError(f"--seed is a whole number, or 'random', not {said!r}")
    return int(said[:18])


if __name__ == "__main__":
    sys.exit(app())
