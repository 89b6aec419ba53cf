"""Which rows are lost where one function raises: one mistake is to be paid once (docs/right.md#one-mistake-once).

    .venv/bin/python scripts/one_mistake.py [ASSIGNMENT …] [--not-done]

In the reference, what students write of one function after the other raises ValueError (NotImplementedError with
--not-done); every row that is quickly judged is graded, and those that lose marks are printed. A row beside the function's
own needs a reason, such as that it is about the trained model, or a stand-in.
"""

import argparse
import ast
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading import assignments
from grading.assignments import Assignment
from grading.grade import Options, grade
from grading.intake.modules import module_of
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignments", nargs="*", default=assignments.ids())
    parser.add_argument("--not-done", action="store_true", help="raise NotImplementedError, as the stub does")
    options = parser.parse_args()
    error = "NotImplementedError" if options.not_done else 'ValueError("x")'
    with Host(choose(None)) as host:
        for name in options.assignments:
            assignment = assignments.load(name)
            for file, function, source in broken(assignment, error):
                print(
                    f"{name} {file} {function}: {', '.join(lost(assignment, file, source, host)) or 'nothing'}",
                    flush=True,
                )


def broken(assignment: Assignment, error: str) -> Iterator[tuple[str, str, str]]:
    """File, function and source, with what is to be written in that function replaced by an error."""
    for file in code_files(assignment):
        source = (assignment.reference / file).read_text()
        for name, node in functions(ast.parse(source)):
            lines = source.splitlines(keepends=True)
            first, last = node.lineno - 1, node.end_lineno or 0
            last += len(lines) > last and lines[last].strip() == END  # a comment at its end is not the function's
            begins = [number for number in range(first, last) if lines[number].strip() == BEGIN]
            ends = [number for number in range(first, last) if lines[number].strip() == END]
            if begins and len(begins) == len(ends):
                indent = lines[begins[0]][: lines[begins[0]].index("#")]
                yield file, name, "".join([*lines[: begins[0]], f"{indent}raise {error}\n", *lines[ends[0] + 1 :]])


def code_files(assignment: Assignment) -> list[str]:
    """Names of the files that students write, as they lie in the reference."""
    rows = [row for row in assignment.rubric.files if row.kind in ("code", "script")]
    names = [module_of(row.name) if row.kind == "script" else row.name for row in rows]
    return [name for name in names if (assignment.reference / name).exists()]


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods, by their names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{part.name}", part) for part in node.body if isinstance(part, ast.FunctionDef))


def lost(assignment: Assignment, file: str, source: str, host: Host) -> list[str]:
    """Ids of the rows that lose marks, or are not judged, with this source in the place of a file of the reference."""
    rows = [item for item in assignment.rubric.items if item.points and not item.slow and not item.manual]
    with tempfile.TemporaryDirectory() as folder:
        for name in code_files(assignment):
            into = Path(folder) / name
            into.parent.mkdir(parents=True, exist_ok=True)
            into.write_text(source if name == file else (assignment.reference / name).read_text())
        for row in assignment.rubric.files:
            if row.kind == "weights" and (assignment.reference / row.name).exists():
                (Path(folder) / row.name).write_bytes((assignment.reference / row.name).read_bytes())
        only = tuple(item.id for item in rows)
        report = grade(assignment, Path(folder), host, Options(only, quick=True, more_to_come=True, train=False))
    return [
        f"{outcome.item}{'' if outcome.status != 'unscored' else ' (not judged)'}"
        for outcome in report.outcomes
        if outcome.status == "unscored" or (outcome.points is not None and outcome.points < outcome.max_points)
    ]


if __name__ == "__main__":
    main()
