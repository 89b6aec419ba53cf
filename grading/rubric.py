"""TOML -> a frozen, validated rubric. What it names and does not exist stops the grading, with the nearest names."""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grading.credit import Gate, Ramp
from grading.errors import RubricError
from grading.records import ExpectedFile


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRow(_Strict):
    """A file students hand in; one of kind "starter" they were given, and may leave out. A notebook is read, never run.

    Of a "script" nothing is run either but the definitions that are lifted out of it: a notebook, or a .py that trains as
    soon as it is run. It may come as .ipynb or .py, whichever its name says.
    """

    name: str  # with its folder, where it has one
    kind: Literal["code", "script", "weights", "starter", "notebook"]
    aliases: tuple[str, ...] = ()
    required: bool = True
    defines: tuple[str, ...] = ()  # classes and functions by which code is recognised under any name

    @model_validator(mode="after")
    def _script(self) -> "FileRow":
        if self.kind == "script" and not self.name.endswith((".ipynb", ".py")):
            raise ValueError("the name of a script ends in .ipynb or .py")
        if self.defines and self.kind not in ("script", "code"):
            raise ValueError("only code is recognised by what it defines")
        return self

    def expected(self) -> ExpectedFile:
        """The same, for the intake."""
        required = self.required and self.kind != "starter"
        return ExpectedFile(self.name, self.kind, self.aliases, required, self.defines)


class Part(_Strict):
    """A task of the handout, with the points the handout gives it."""

    id: str
    title: str
    points: float = Field(ge=0)


class GateRow(_Strict):
    """A condition without which a quality item earns nothing, waits for a `human`, or, for a `flag`, staff are told.

    A gate may take a mark only where no honest model could show what it saw (docs/right.md#gates); the others take none.
    """

    measurement: str
    at_least: float | None = None
    at_most: float | None = None
    because: str
    flag: bool = False
    human: bool = False

    @model_validator(mode="after")
    def _one_side(self) -> "GateRow":
        if self.flag and self.human:
            raise ValueError("a gate is a flag, or leaves the row to a human")
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a gate has either at_least or at_most")
        return self

    def gate(self) -> Gate:
        """The same, for the arithmetic."""
        return Gate(self.measurement, self.at_least, self.at_most, self.because)


class ClaimRow(_Strict):
    """A number that a notebook prints, or a script claims in its comments, and that is shown beside what was measured."""

    name: str
    title: str
    pattern: str  # a regular expression with a group `value`, and a group `step` where it is printed again and again
    unit: str = ""


class Sampling(_Strict):
    """What an item samples, and how. A `file` is needed: without it, the item says why."""

    probe: str = ""
    model: str = ""  # which of an assignment's models the item is about, by the name that its probes have for it
    first: str = ""  # a probe whose whole answer serves as the first chunk
    file: str = ""  # the weights file that the item cannot do without
    without: Literal["fail", "manual", "train"] = (
        "fail"  # manual, train: weights are not asked for; train: made again here
    )
    normalise: str = "as_is"
    steps: int = Field(default=100, gt=0)  # of the judge's own sampler, where the judge samples
    guidance: float = Field(default=0.0, ge=0)  # its strength w there: (1 + w) conditional - w unconditional
    size: int = Field(default=28, gt=0)  # pixels on a side there
    chunk: int = Field(default=50, gt=0)
    looks: tuple[int, ...] = (50, 100, 200, 500, 1000, 2000)
    quick_looks: tuple[int, ...] = (50,)
    within: tuple[
        str, ...
    ] = ()  # probes of what images come from: the first that can be asked tells which weights count
    early: str = ""  # a probe of what a noise-estimating network is shown and estimates where there is hardly any noise
    claims: tuple[ClaimRow, ...] = ()  # to look for in a notebook


class Item(_Strict):
    """One row of the report: judged by a check, measured by a metric, or left to a human, perhaps with measurements."""

    id: str
    part: str
    title: str
    points: float = Field(default=0.0, ge=0)
    check: str = ""
    metric: str = ""
    manual: bool = False
    bonus: bool = False
    needs: tuple[str, ...] = ()
    cite: str = ""
    assumed: str = ""
    visibility: Literal["visible", "hidden", "after_due_date", "after_published"] = "visible"
    seconds: float = Field(default=60.0, gt=0)  # for all questions of a check; for the sampling of a metric
    slow: bool = False  # takes half a minute or more for the reference too: left out of the everyday tests
    score_by: str = ""
    leaderboard: str = ""  # the measurement that a course shows on its leaderboard
    full: float | None = None
    zero: float | None = None
    gates: tuple[GateRow, ...] = ()
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _one_kind(self) -> "Item":
        if sum((bool(self.check), bool(self.metric) or self.manual)) != 1:
            raise ValueError(
                "an item has exactly one of check, metric, manual; a manual one may have a metric to look at"
            )
        if self.manual and self.score_by:
            raise ValueError("a manual item is not scored by a measurement")
        if self.score_by and (self.full is None or self.zero is None or self.full == self.zero):
            raise ValueError("score_by needs full and zero, and they must differ")
        if self.leaderboard and not self.metric:
            raise ValueError("only a metric has a measurement for the leaderboard")
        if self.metric and self.points and not self.score_by and not self.manual:
            raise ValueError("a metric worth points needs score_by, full and zero")
        return self

    @property
    def ramp(self) -> Ramp | None:
        """From no marks to full marks, where the item is scored by a measurement."""
        return Ramp(self.full, self.zero) if self.full is not None and self.zero is not None else None


class Rubric(_Strict):
    """One assignment's rubric."""

    title: str
    course: str
    seed: str  # what every random draw of the judge is derived from
    assets: str = ""
    seconds: float = Field(default=3600.0, gt=0)  # for a whole submission; a hosting platform may allow less
    sandbox: Literal["", "uid", "landlock", "bubblewrap"] = ""  # the weakest backend that this course accepts
    files: tuple[FileRow, ...]
    parts: tuple[Part, ...]
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "Rubric":
        ids = [item.id for item in self.items]
        if doubles := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"two items are called {', '.join(doubles)}")
        for item in self.items:
            _known(item.part, (part.id for part in self.parts), f"{item.id}: part")
            for need in item.needs:
                _known(need, ids[: ids.index(item.id)], f"{item.id}: needs")
            if item.sampling.file:
                _known(item.sampling.file, (file.name for file in self.files), f"{item.id}: file")
        for part in self.parts:
            total = sum(item.points for item in self.items if item.part == part.id)
            if abs(total - part.points) > 1e-9:
                raise ValueError(f"the items of part {part.id!r} add up to {total:g}, not {part.points:g}")
        return self

    @property
    def heading(self) -> str:
        """Course and title, as a report begins."""
        return f"{self.course}. {self.title}"

    @property
    def starters(self) -> tuple[str, ...]:
        """Names of the files that students were given."""
        return tuple(file.name for file in self.files if file.kind == "starter")


def _known(name: str, names: Iterable[str], where: str) -> None:
    try:
        require(name, names, where)
    except RubricError as error:
        raise ValueError(str(error)) from None


def require(name: str, names: Iterable[str], where: str) -> None:
    """Raises RubricError where `name` is not among `names`, with the nearest ones."""
    there = sorted(names)
    if name not in there:
        near = difflib.get_close_matches(name, there, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(there) or 'none'}"
        raise RubricError(f"{where} {name!r} does not exist{hint}")


def _told(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """One line about one mistake; for a key that does not exist, with the nearest ones that do."""
    where = ".".join(map(str, place))
    if kind != "extra_forbidden":
        return f"  {where}: {message}"
    known = {
        name for model in (Rubric, Part, FileRow, Item, GateRow, Sampling, ClaimRow) for name in model.model_fields
    }
    near = difflib.get_close_matches(str(place[-1]), sorted(known), n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"  {where}: there is no such key{hint}"


def load(path: Path) -> Rubric:
    """Reads and validates one rubric. Raises RubricError with everything that is wrong."""
    try:
        return Rubric.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise RubricError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        lines = [_told(row["loc"], row["type"], row["msg"]) for row in error.errors()]
        raise RubricError(f"{path}:\n" + "\n".join(lines)) from None
