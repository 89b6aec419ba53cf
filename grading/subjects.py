"""Who is asked: a submission in its sandbox, or the reference in this process. Both answer the same probes."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch

from grading.errors import AnswerError, GradingError, IntakeError, SandboxError, WeightsError
from grading.intake import Intake, WeightsManifest, examined
from grading.records import ExpectedFile
from grading.sandbox.backend import THREADS
from grading.sandbox.box import START_SECONDS, Box, Limits
from grading.sandbox.filling import fill
from grading.sandbox.host import Host
from grading.sandbox.inside.blame import described
from grading.sandbox.inside.frames import frame
from grading.sandbox.inside.loading import Code, load_module
from grading.sandbox.session import Session
from grading.seeds import derived_seed

T = TypeVar("T")
_NOTHING = object()  # what has come back before anything has


class Subject(Protocol):
    """Anything that answers probes: `subject.kl_analytic(mu_q=…, logvar_q=…)`."""

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        """A function that asks one probe. Raises AnswerError where the code does not answer."""


class Reference:
    """The right answers, computed in this process from code of ours."""

    def __init__(self, folder: Path, probes: Path, seed: str) -> None:
        self._code, self._probes, self._seed, self._asked = (
            Code(folder),
            load_module(f"probes of {folder.name}", probes),
            seed,
            0,
        )

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        if probe.startswith("__"):
            raise AttributeError(probe)

        def ask(*, seed: str | None = None, seconds: float | None = None, **args: Any) -> Any:
            self._asked += 1
            torch.manual_seed(derived_seed(self._seed, "reference", seed or self._asked))
            return getattr(self._probes, probe)(self._code, **args)

        return ask


class Submission:
    """A submission in its box. Every item has a child process of its own; one that dies costs no other item."""

    def __init__(
        self, host: Host, files: Path, probes: Path, seed: str, limits: Limits, more_to_come: bool = False
    ) -> None:
        self._host, self._files, self._probes, self._seed, self._limits = host, files, probes, seed, limits
        self._box: Box | None = None
        self._session: Session | None = None
        self._more_to_come = more_to_come
        self._item, self._asked, self._seconds, self._deadline = "", 0, 60.0, math.inf
        self._weights: dict[str, WeightsManifest | WeightsError] = {}
        self._remembered: dict[tuple[str, int, bytes], Any] = {}
        self._made: dict[str, object] = {}
        self._instead: Mapping[str, bytes | None] = {}
        self._last: object = _NOTHING
        self._unclear: Mapping[str, str] = {}

    def __getattr__(self, probe: str) -> Callable[..., Any]:
        if probe.startswith("__"):
            raise AttributeError(probe)

        def ask(*, seed: str | None = None, seconds: float | None = None, **args: Any) -> Any:
            """Asks this probe; see `Submission.ask`."""
            return self.ask(probe, args, seed, seconds)

        return ask

    def ask(self, probe: str, args: dict[str, Any], seed: str | None = None, seconds: float | None = None) -> Any:
        """One question. With a named `seed` the answer is remembered, and asking the same again costs nothing.

        seed: a name; without one every question of an item has its own
        seconds: the deadline for this question; without one, the item's
        """
        self._asked += 1
        number = (
            derived_seed(self._seed, self._item, self._asked) if seed is None else derived_seed(self._seed, probe, seed)
        )
        key = (probe, number, hashlib.sha256(frame(args)).digest())
        if key in self._remembered:
            self._last = self._remembered[key]
        else:
            self._last = _NOTHING
            self._last = self._open_session().ask(probe, args, number, self._time_for(seconds))
            if seed is not None:
                self._remembered[key] = self._last
        return self._last

    def answered(self) -> str:
        """What the item's last question brought back, in words; "" where nothing has come back."""
        return "" if self._last is _NOTHING else described(self._last)

    def anew(self, probe: str, args: dict[str, Any], seed: str, seconds: float | None = None) -> Any:
        """The same question with the same seed as `ask`, put to a process that has not heard it before."""
        self.begin_again()
        number = derived_seed(self._seed, probe, seed)
        return self._open_session().ask(probe, args, number, self._time_for(seconds))

    def begin_again(self) -> None:
        """Ends the process that is asked. A next question goes to one that has heard nothing, in the same box."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _time_for(self, seconds: float | None) -> float:
        """How long one question may take: what it asked for, within what is left of its item."""
        wanted = self._seconds if seconds is None else seconds
        return max(0.1, min(wanted, self._deadline - time.monotonic()))

    @contextmanager
    def item(self, name: str, seconds: float, altogether: float | None = None) -> Iterator["Submission"]:
        """Asks the questions of one item in a fresh child process.

        seconds: for each question;  altogether: for all of them, the same unless it is given
        """
        self._item, self._asked, self._seconds, self._last = name, 0, seconds, _NOTHING
        self._deadline = time.monotonic() + (seconds if altogether is None else altogether)
        try:
            yield self
        finally:
            self.begin_again()

    def printed(self) -> str:
        """What the code printed during this item."""
        return self._session.printed() if self._session is not None else ""

    def weights(self, name: str) -> WeightsManifest:
        """The manifest of a weights file. Raises WeightsError, which says why, where it is missing or was refused."""
        found = self._weights.get(name) or WeightsError(self.why_missing(name))
        if isinstance(found, WeightsError):
            raise found
        return found

    def has_weights(self, name: str) -> bool:
        """Whether a weights file was handed in and accepted."""
        return isinstance(self._weights.get(name), WeightsManifest)

    def weights_there(self) -> list[str]:
        """The names of all weights files that were handed in and accepted."""
        return [name for name in self._weights if self.has_weights(name)]

    def once(self, name: str, made: Callable[[], T]) -> T:
        """What `made` returns, or raises: made at most once a submission, since several rows may look at one training."""
        if name not in self._made:
            try:
                self._made[name] = made()
            except GradingError as error:
                self._made[name] = error
        found = self._made[name]
        if isinstance(found, GradingError):
            raise found
        return cast(T, found)

    def file(self, name: str) -> Path:
        """Where a file lies that was handed in; it is the student's, and nothing of it may be run or believed.

        Raises IntakeError where it was not handed in.
        """
        if not (self._files / name).exists():
            raise IntakeError(self.why_missing(name))
        return self._files / name

    def why_missing(self, name: str) -> str:
        """Why an expected file is not there: it was refused, it is unclear which one is meant, or it was not handed in."""
        refused = self._weights.get(name)
        return (
            str(refused) if isinstance(refused, WeightsError) else self._unclear.get(name, f"{name} was not handed in")
        )

    def examine_weights(self, expected: list[ExpectedFile], store: Path, taken: Intake) -> list[str]:
        """Puts every weights file through the quarantine and takes the refused ones away; returns what to tell people."""
        self._unclear = taken.unclear
        sources = {file.name: file.source for file in taken.files}
        rows = [row for row in expected if row.kind == "weights" and (self._files / row.name).exists()]
        return [note for row in rows for note in self._examine(row, store, sources[row.name])]

    def _examine(self, row: ExpectedFile, store: Path, source: str) -> list[str]:
        def asked(question: str) -> object:
            return self.ask(question, {"name": row.name})

        with self.item(f"weights of {row.name}", 120.0):
            found = self._weights[row.name] = examined(row, source, self._folders, asked, store)
        return [str(found)] if isinstance(found, WeightsError) else list(found.notes)

    def _folders(self) -> list[Path]:
        """Where the submission's files lie: here, and in a box that is open."""
        return [self._files, *([self._box.submission] if self._box else [])]

    def _open_session(self) -> Session:
        """The item's session. A worker that was killed with the last one is replaced once."""
        if self._session is None:
            begun, limits = time.monotonic(), self._item_limits()
            try:
                self._session = self._open_box().session(limits)
            except SandboxError:
                self.close()
                self._session = self._open_box().session(limits)
            self._with_probes(self._session)
            self._deadline += time.monotonic() - begun  # waiting for our worker is not the submission's time
        return self._session

    def _with_probes(self, session: Session) -> None:
        """Raises SandboxError where the probes cannot be loaded, which no code of the submission has had a hand in yet."""
        try:
            session.ask("probes!", {}, 0, START_SECONDS)
        except AnswerError as error:
            raise SandboxError(f"{self._probes} cannot be loaded: {error}") from error

    def _item_limits(self) -> Limits:
        """The submission's limits; processor time for as many threads as the code may run during its item."""
        left = min(self._deadline - time.monotonic(), self._limits.cpu_seconds)
        return replace(self._limits, cpu_seconds=min(self._limits.cpu_seconds, math.ceil(THREADS * max(left, 0)) + 5))

    def _open_box(self) -> Box:
        if self._box is not None and not self._box.alive():
            self.close()
        if self._box is None:
            self._box = self._host.take(another=self._more_to_come)
            self._box.bring(self._probes)
            fill(self._box.submission, self._files, self._instead)
        return self._box

    @contextmanager
    def with_other_files(self, files: Mapping[str, bytes | None]) -> Iterator["Submission"]:
        """Asks in a box in which some files hold these bytes instead of their own, or, where that is None, are not there."""
        self.close()
        self._instead = files
        try:
            yield self
        finally:
            self._instead = {}
            self.close()

    def close(self) -> None:
        """Ends the box and everything in it. A next question goes to a fresh one: what code kept, in files too, is gone."""
        self.begin_again()
        if self._box is not None:
            self._box.close()
            self._box = None
