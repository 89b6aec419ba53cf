"""Which assignments there are, and which one a submission is for. An id exists when its folders do."""

import ast
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from grading import rubric
from grading.errors import AssignmentUnknown, RubricError
from grading.intake import apart, by_containing, defined_names, match, names_in
from grading.intake.wording import shown
from grading.rubric import Rubric, require

ROOT = Path(__file__).resolve().parent.parent
PLAINLY = 2.0  # as much is defined by a file with two names, each of which is asked for


@dataclass(frozen=True)
class Assignment:
    """One assignment: its rubric and where its files lie."""

    id: str
    rubric: Rubric
    reference: Path
    probes: Path
    stub: Path


def ids(root: Path = ROOT) -> list[str]:
    """Every assignment that has begun to exist, in alphabetical order."""
    found = {path.name for room in ("reference", "rubrics") for path in (root / room).glob("[!._]*") if path.is_dir()}
    return sorted(found)


def load(name: str, root: Path = ROOT) -> Assignment:
    """One assignment, whole. Raises AssignmentUnknown for a name that does not exist, RubricError for a half-built one."""
    if name not in ids(root):
        raise AssignmentUnknown(f"there is no assignment {name!r}; there are: {', '.join(ids(root))}")
    assignment = Assignment(
        name,
        rubric.load(_there(root / "rubrics" / name / "rubric.toml")),
        _there(root / "reference" / name),
        _there(root / "rubrics" / name / "probes.py"),
        root / "student_stub" / name,
    )
    for item in assignment.rubric.items:
        if not item.manual:
            judge(item.check or item.metric, "checks" if item.check else "metrics")
        for probe in filter(None, (item.sampling.probe, item.sampling.first)):
            require(probe, _functions_in(assignment.probes), f"{item.id}: probe")
    return assignment


def _there(path: Path) -> Path:
    if not path.exists():
        raise RubricError(f"a half-built assignment: {path} is missing")
    return path


def _functions_in(probes: Path) -> list[str]:
    """The probes an assignment has. They are read, not run: a file that runs beside student code is not ours to run here."""
    return [node.name for node in ast.parse(probes.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]


def judge(name: str, room: str) -> Callable[..., Any]:
    """The check or metric that a rubric calls "topic.function". Raises RubricError with the nearest names."""
    topic, _, function = name.partition(".")
    topics = [path.stem for path in (Path(__file__).parent / room).glob("[!_]*.py")]
    require(topic, topics, f"{name}: topic")
    module = importlib.import_module(f"grading.{room}.{topic}")
    require(function, _public_functions(module), f"{name}: function")
    found: Callable[..., Any] = getattr(module, function)
    return found


def _public_functions(module: ModuleType) -> list[str]:
    members = vars(module).items()
    return [
        name
        for name, value in members
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def recognise(submission: Path, root: Path = ROOT) -> str:
    """The assignment whose files a submission holds, by their names; where these do not tell, by what its code defines.

    Raises AssignmentUnknown where none fits, or where two do.
    """
    what = shown(submission.name)
    names = apart(names_in, submission, what=what)
    rubrics = {name: load(name, root).rubric for name in ids(root)}
    counts = {name: _how_many(names, of) for name, of in rubrics.items()}
    fitting = _fitting(counts)
    if len(fitting) != 1 or counts[fitting[0]] == 1:
        definitions = apart(defined_names, submission, what=what)
        lone = max(counts.values(), default=0) < 2
        well = {name: _how_well(definitions, rubrics[name]) for name in (rubrics if lone else fitting)}
        defining = _fitting(well)
        named = [name for name in defining if name in fitting]
        if len(fitting) != 1 or (not well[fitting[0]] and max(well.values()) >= PLAINLY):
            fitting = named or defining or fitting
    if not fitting:
        fitting = _fitting({name: _how_many_contained(names, of) for name, of in rubrics.items()})
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise AssignmentUnknown(
            f"{submission.name} fits {' and '.join(fitting)}: say which with --assignment (make grade: ASSIGNMENT=…)"
        )
    wanted = "\n".join(f"  {name}: {', '.join(row.name for row in of.files)}" for name, of in rubrics.items())
    raise AssignmentUnknown(
        f"{submission.name} holds no file of any assignment. The files looked for:\n{wanted}\n"
        f"It holds: {', '.join(names[:8]) or 'nothing'}"
    )


def _fitting(found: Mapping[str, float]) -> list[str]:
    best = max(found.values(), default=0)
    return [name for name, count in found.items() if count == best and count]


def _how_many(names: Sequence[str], of: Rubric) -> int:
    matching = match(names, [row.expected() for row in of.files])
    return len(matching.found) + len(matching.rivals)


def _how_well(definitions: Mapping[str, frozenset[str]], of: Rubric) -> float:
    """How much of what is asked for is defined, in files under any name: the more of a file, the more each name counts."""
    best = [max((len(names & set(row.defines)) for names in definitions.values()), default=0) for row in of.files]
    return sum(count * count / len(row.defines) for count, row in zip(best, of.files, strict=True) if row.defines)


def _how_many_contained(names: Sequence[str], of: Rubric) -> int:
    """The files whose names hold an expected one among other words."""
    expected = [row.expected() for row in of.files]
    matching = by_containing(match(names, expected), names, expected, {})
    return len(matching.found) + len(matching.rivals)
