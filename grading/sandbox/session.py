"""A session: one child of a box, asked question after question, whatever comes back."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any, Protocol

from grading.errors import AnswerError, BadAnswer, Crashed, Ended, Exhausted, Lacking, NotDone, TimedOut, Unusable
from grading.sandbox import wire
from grading.sandbox.inside.blame import LACKING, OUTSIDE, TODO, handed
from grading.sandbox.transcript import Transcript

FAILURE = {"error": str, "text": str, "where": str, "memory": bool, "fault": str, "returned": str}
STEP = 0.25  # how often it is looked whether the code uses too much, in seconds


class Home(Protocol):
    """What a session needs of the box it lives in."""

    def alive(self) -> bool:
        """Whether the worker still runs."""

    def excess(self) -> str:
        """What the box uses more of than it may, in words; "" where it does not."""

    def end_session(self) -> int:
        """Kills what the session left; returns its wait status."""


class Session:
    """One child of a box. After any error that ends it, every further question is refused with the same error."""

    def __init__(self, box: Home, connection: socket.socket, output: int, caps: wire.Caps) -> None:
        self._box, self._connection, self._caps = box, connection, caps
        self._transcript = Transcript(output)
        self._ended: Exception | None = None
        self._looked = time.monotonic()
        connection.setblocking(False)

    def ask(self, probe: str, args: Mapping[str, object], seed: int, seconds: float) -> Any:
        """The answer to one question. Raises AnswerError where there is none, and says why."""
        if self._ended is not None:
            raise self._ended
        deadline = time.monotonic() + seconds
        try:
            self._send(wire.frame({"probe": probe, "args": dict(args), "seed": seed}), deadline)
            length = wire.payload_length(self._receive(8, deadline), self._caps)
            reply = wire.parse(self._receive(length, deadline), self._caps)
        except TimeoutError:
            given = f", when handed {told}" if (told := handed(args)) else ""
            self._end(TimedOut(f"no answer within {seconds:.3g} s{given}"))
        except BadAnswer as error:
            self._end(error)
        return _value(reply)

    def printed(self) -> str:
        """What the code wrote to its standard streams so far: the head and the tail."""
        self._transcript.drain()
        return self._transcript.text()

    def close(self) -> None:
        """Ends the child and everything it started."""
        if self._connection.fileno() >= 0:
            self._connection.close()
            self._box.end_session()
        self._transcript.close()

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(selectors.EVENT_WRITE, deadline)
            try:
                view = view[self._connection.send(view) :]
            except BlockingIOError:
                continue
            except OSError:
                self._gone()

    def _receive(self, count: int, deadline: float) -> bytes:
        buffer = bytearray()
        while len(buffer) < count:
            self._wait(selectors.EVENT_READ, deadline)
            try:
                part = self._connection.recv(min(count - len(buffer), 1 << 20))
            except BlockingIOError:
                continue
            except OSError:
                part = b""
            if not part:
                self._gone()
            buffer += part
        return bytes(buffer)

    def _wait(self, event: int, deadline: float) -> None:
        """Until the connection is ready, draining what the code prints. Raises TimeoutError at the deadline."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, event)
            if self._transcript.open:
                selector.register(self._transcript.descriptor, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                ready = [key.fileobj for key, _ in selector.select(min(left, STEP))]
                if self._transcript.descriptor in ready and not self._transcript.drain():
                    selector.unregister(self._transcript.descriptor)
                if time.monotonic() - self._looked > STEP:  # however busy the code keeps us with what it sends
                    self._look()
                if self._connection in ready:
                    return

    def _look(self) -> None:
        if excess := self._box.excess():
            self._end(Exhausted(excess))
        self._looked = time.monotonic()

    def _gone(self) -> None:
        """The child closed the wire: finds out how it ended."""
        if not self._box.alive():
            self._end(Ended("the code ended its process and the sandbox's worker with it"))
        if excess := self._box.excess():  # the kernel may have been faster than our looks
            self._end(Exhausted(excess))
        self._end(_how_it_ended(self._box.end_session()))

    def _end(self, error: Exception) -> None:
        self._ended = error
        self._transcript.drain()
        self._connection.close()
        self._box.end_session()
        raise error


def _value(reply: Any) -> Any:
    """The value in a reply, or the error it tells of."""
    if isinstance(reply, dict) and set(reply) == {"ok"}:
        return reply["ok"]
    if not isinstance(reply, dict) or not all(type(reply.get(key)) is kind for key, kind in FAILURE.items()):
        raise BadAnswer("the answer is malformed")
    raise _failure(**{key: reply[key] for key in FAILURE})


def _failure(error: str, text: str, where: str, memory: bool, fault: str, returned: str) -> AnswerError:
    """What a reply tells of, as the error it is. All of it is untrusted, but for being of these types."""
    kind, text, where, returned = error[:200], text[:2000], where[:500], returned[:1000]
    said = f"{kind}: {text}" if text else kind
    at = f" ({where})" if where else ""
    if fault == TODO:
        return NotDone(f"not done yet{at}")
    if fault == LACKING:
        return Lacking(f"{text}{at}")
    if memory:
        return Exhausted(f"more memory than there is: {text}{at}")
    if kind in ("SystemExit", "KeyboardInterrupt"):
        return Ended(f"the code tried to end the program: {said}{at}")
    return Unusable(said, returned) if fault == OUTSIDE else Crashed(f"{said}{at}")


def _how_it_ended(status: int) -> Exception:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return TimedOut("the code used up its processor time")
        known = {each.value: each.name for each in signal.Signals}
        return Ended(f"the code's process was ended by {known.get(number, f'signal {number}')}")
    return Ended(f"the code ended its own process (exit status {os.waitstatus_to_exitcode(status)}) before it answered")
