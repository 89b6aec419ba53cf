"""Frames: what goes in comes out, and what nobody would send in good faith is a bad answer, quickly."""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grading.errors import AnswerError, BadAnswer, Ended, TimedOut
from grading.sandbox.session import Session
from grading.sandbox.wire import Caps, frame, parse, payload_length

CAPS = Caps()
SMALL = Caps(frame_bytes=10_000, header_bytes=2_000, tensors=3, dimensions=4)


def blob(header: Any, data: bytes = b"") -> bytes:
    """A frame's payload, with this header as it stands."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def holding(body: Any, tensors: dict[str, Any] | None = None, data: bytes = b"") -> bytes:
    """A payload whose body is this value (text: as it stands)."""
    text = body if isinstance(body, str) else json.dumps(body)
    return blob({"__metadata__": {"body": text}, **(tensors or {})}, data)


def one(kind: Any, shape: Any, data: bytes, offsets: Any = None) -> bytes:
    """A payload with one tensor, described like this."""
    entry = {"dtype": kind, "shape": shape, "data_offsets": offsets or [0, len(data)]}
    return holding({"tensor": "0"}, {"0": entry}, data)


def nested(depth: int, kind: str = "list") -> Any:
    value: Any = None
    for _ in range(depth):
        value = {kind: [value]}
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -(2**63),
        0.5,
        "text",
        [],
        (),
        {},
        [1, (2, [3.0, None])],
        {"a": {"b": "c"}},
        "\ud800\x00",
        "é" * 1000,
    ],
)
def test_plain_values_come_through(value: Any) -> None:
    sent = frame({"ok": value})
    assert payload_length(sent[:8], CAPS) == len(sent) - 8
    got = parse(sent[8:], CAPS)
    assert got == {"ok": value} and type(got["ok"]) is type(value)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (1, 1, 1, 1, 1, 1, 1, 1)])
def test_tensors_come_through(shape: tuple[int, ...]) -> None:
    value = torch.randn(shape)
    got = parse(frame([value, value])[8:], CAPS)
    assert all(torch.equal(part, value) and part.shape == value.shape for part in got)


def test_what_arrives_shares_no_memory_with_what_was_sent() -> None:
    value = torch.zeros(3)
    parse(frame(value)[8:], CAPS).add_(1)
    assert value.tolist() == [0, 0, 0]


@pytest.mark.parametrize("length", [0, 7, (512 << 20) + 1, 1 << 63, 2**64 - 1])
def test_lengths_that_no_frame_has(length: int) -> None:
    with pytest.raises(BadAnswer, match="announces"):
        payload_length(struct.pack("<Q", length), CAPS)


FOUR = bytes(4)
HOSTILE: dict[str, Callable[[], bytes]] = {
    "header larger than the frame": lambda: struct.pack("<Q", 100) + b"{}",
    "header of 2**63 bytes": lambda: struct.pack("<Q", 2**63) + b"{}",
    "header over the cap": lambda: blob(b" " * ((8 << 20) + 1)),
    "no header": lambda: struct.pack("<Q", 0),
    "not JSON": lambda: blob(b"\x80\x04N."),
    "not UTF-8": lambda: blob(b'{"\xff": 1}'),
    "a list for a header": lambda: blob([1]),
    "a number for a header": lambda: blob(b"1"),
    "no metadata": lambda: blob({}),
    "metadata that is a list": lambda: blob({"__metadata__": ["body"]}),
    "metadata that is null": lambda: blob({"__metadata__": None}),
    "no body": lambda: blob({"__metadata__": {"other": "null"}}),
    "a body that is no text": lambda: blob({"__metadata__": {"body": {"list": []}}}),
    "a body that is not JSON": lambda: holding("{"),
    "a body that is bare nan": lambda: holding("NaN"),
    "a body that is a bare float": lambda: holding("0.5"),
    "a body that is a bare list": lambda: holding("[1]"),
    "an unknown container": lambda: holding({"set": []}),
    "two kinds at once": lambda: holding({"list": [], "tuple": []}),
    "a dict of triples": lambda: holding({"dict": [[1, 2, 3]]}),
    "a dict of numbers": lambda: holding({"dict": [1]}),
    "a list that is none": lambda: holding({"list": {"a": 1}}),
    "a float that is none": lambda: holding({"float": "seven"}),
    "a float that is a number": lambda: holding({"float": 7}),
    "a whole number of 400 digits": lambda: holding("1" + "0" * 400),
    "a whole number of 5,000 digits": lambda: holding("1" + "0" * 5000),
    "a tensor that is not there": lambda: holding({"tensor": "0"}),
    "a tensor named by a list": lambda: holding({"tensor": [1]}),
    "the metadata as a tensor": lambda: holding({"tensor": "__metadata__"}),
    "70 levels": lambda: holding(nested(70)),
    "100,000 levels": lambda: holding("[" * 100_000 + "]" * 100_000),
    "100,000 levels of dicts": lambda: holding('{"list":[' * 100_000 + "]}" * 100_000),
    "100,000 levels in the header": lambda: blob(b"[" * 100_000),
    "a million levels in the header": lambda: blob(b'{"a":' * 1_000_000),
    "an unknown type": lambda: one("C64", [1], bytes(8)),
    "a type that is a list": lambda: one(["F32"], [1], FOUR),
    "a type that is a number": lambda: one(1, [1], FOUR),
    "a negative shape": lambda: one("F32", [-1], FOUR),
    "two negative shapes": lambda: one("F32", [-1, -1], FOUR),
    "a fraction of a shape": lambda: one("F32", [0.5], FOUR),
    "a shape of truths": lambda: one("F32", [True], FOUR),
    "a huge shape": lambda: one("F32", [10**6, 10**6], FOUR),
    "a shape that overflows to 1": lambda: one("F32", [2**32, 2**32, 2**62], FOUR),
    "an empty tensor of 2**63 rows": lambda: one("F32", [2**63, 0], b""),
    "an empty tensor of 2**64 rows": lambda: one("F32", [2**64, 0], b""),
    "an empty tensor whose strides overflow": lambda: one("F32", [2**40, 2**40, 0], b""),
    "an empty tensor, the other way round": lambda: one("F32", [0, 2**62, 2**62], b""),
    "a shape of 10**4000": lambda: one("F32", [10**4000] * 8, FOUR),
    "a shape that is a number": lambda: one("F32", 1, FOUR),
    "a shape that is a text": lambda: one("F32", "1", FOUR),
    "a shape that is a dict": lambda: one("F32", {}, FOUR),
    "nine dimensions": lambda: one("F32", [1] * 9, FOUR),
    "too few bytes": lambda: one("F32", [2], FOUR),
    "too many bytes": lambda: one("F32", [1], bytes(8)),
    "offsets past the end": lambda: one("F32", [1], FOUR, [4, 8]),
    "offsets backwards": lambda: one("F32", [1], FOUR, [4, 0]),
    "offsets below zero": lambda: one("F32", [1], FOUR, [-4, 0]),
    "offsets that are text": lambda: one("F32", [1], FOUR, "04"),
    "no offsets": lambda: holding({"tensor": "0"}, {"0": {"dtype": "F32", "shape": [1]}}, FOUR),
    "no type": lambda: holding({"tensor": "0"}, {"0": {"shape": [1], "data_offsets": [0, 4]}}, FOUR),
    "a tensor that is null": lambda: holding({"tensor": "0"}, {"0": None}),
    "two tensors in the same bytes": lambda: holding(
        {"list": [{"tensor": "a"}, {"tensor": "b"}]},
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"},
        bytes(8),
    ),
    "20,001 tensors": lambda: holding(
        None, {str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(20_001)}
    ),
    "one name twice": lambda: blob(
        b'{"__metadata__": {"body": "{\\"tensor\\": \\"0\\"}"},'
        b' "0": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]},'
        b' "0": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}',
        FOUR,
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_frame_is_a_bad_answer_at_once(what: str) -> None:
    made = HOSTILE[what]()
    begun = time.monotonic()
    with pytest.raises(BadAnswer) as told:
        parse(made, CAPS)
    assert time.monotonic() - begun < 1
    assert len(str(told.value)) < 300


def test_caps_are_the_ones_that_were_given() -> None:
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    assert parse(holding(None, {str(n): entry for n in range(3)}), SMALL) is None
    for over in (
        holding(None, {str(n): entry for n in range(4)}),
        holding({"tensor": "0"}, {"0": {**entry, "shape": [0] * 5}}),
        holding(json.dumps("x" * 3000)),
    ):
        with pytest.raises(BadAnswer):
            parse(over, SMALL)


def test_the_good_twin_of_the_hostile_frames_is_accepted() -> None:
    assert parse(one("F32", [1], struct.pack("<f", 2.5)), CAPS).tolist() == [2.5]
    assert parse(holding(nested(10)), CAPS) is not None


# ---------------------------------------------------------------- anything at all


def judged(made: bytes) -> None:
    """Parses it, or finds it a bad answer; anything else is a failure."""
    try:
        parse(made, CAPS)
    except BadAnswer as error:
        assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**65) | st.floats() | st.sampled_from(["0", "F32", "body", "tensor"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["0", "dtype", "shape", "data_offsets", "list", "tensor", "dict", "body"]), inner
        )
    ),
    max_leaves=8,
)
FUZZ = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@FUZZ
@given(st.binary(min_size=8, max_size=200))
@example(bytes(8))
def test_random_bytes(made: bytes) -> None:
    judged(made)


@FUZZ
@given(st.binary(max_size=100))
def test_random_headers(made: bytes) -> None:
    judged(blob(made))


@FUZZ
@given(JSON, JSON, st.binary(max_size=8))
def test_random_bodies_and_descriptions(body: Any, entry: Any, data: bytes) -> None:
    judged(holding(body, {"0": entry}, data))


@FUZZ
@given(st.integers(0, 200), st.integers(0, 255))
def test_one_changed_byte(where: int, value: int) -> None:
    made = bytearray(frame({"ok": [torch.arange(4.0), 1.5, ("a", None)]})[8:])
    made[where % len(made)] = value
    judged(bytes(made))


# ---------------------------------------------------------------- over a wire


class NoBox:
    """A box without a process, for a session whose other end is this test."""

    def alive(self) -> bool:
        return True

    def excess(self) -> str:
        return ""

    def end_session(self) -> int:
        return 0


def asked(reply: Callable[[socket.socket], None], seconds: float) -> Any:
    """What a session makes of this other end."""
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe2(os.O_NONBLOCK)
    thread = threading.Thread(target=reply, args=(theirs,))
    thread.start()
    session = Session(NoBox(), ours, reader, CAPS)
    try:
        return session.ask("any", {}, 0, seconds)
    finally:
        session.close()
        thread.join()
        theirs.close()
        os.close(writer)


def trickle(made: bytes, pause: float) -> Callable[[socket.socket], None]:
    def reply(wire: socket.socket) -> None:
        try:
            for byte in made:
                wire.sendall(bytes([byte]))
                time.sleep(pause)
        except OSError:
            return

    return reply


def test_a_frame_may_come_in_pieces() -> None:
    assert asked(trickle(frame({"ok": 5}), 0.0005), 5.0) == 5


def test_a_frame_that_trickles_meets_the_deadline() -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        asked(trickle(frame({"ok": 5}), 0.2), 0.7)
    assert time.monotonic() - begun < 1.5


def test_half_a_frame() -> None:
    def reply(wire: socket.socket) -> None:
        wire.sendall(frame({"ok": 5})[:-3])
        wire.shutdown(socket.SHUT_RDWR)

    with pytest.raises(Ended):
        asked(reply, 5.0)


TOLD = {"error": "E", "text": "t", "where": "", "memory": False, "fault": "code", "returned": ""}


@pytest.mark.parametrize(
    "reply",
    [
        5,
        [],
        {},
        {"error": "E"},
        {**TOLD, "fault": None},
        {**TOLD, "returned": ["x"]},
        {"ok": 1, "more": 2},
        {**TOLD, "memory": 1},
        {**TOLD, "error": torch.ones(2), "text": torch.ones(2)},
        {**TOLD, "error": "NotImplementedError", "text": None, "where": None},
    ],
)
def test_a_reply_that_is_none(reply: Any) -> None:
    with pytest.raises(BadAnswer):
        asked(lambda wire: wire.sendall(frame(reply)), 5.0)


@pytest.mark.parametrize("fault", ["code", "todo", "lacking", "outside", "ours"])
@pytest.mark.parametrize("kind", ["NotImplementedError", "SystemExit", "ValueError", "AssetError", "SandboxError"])
def test_no_reply_can_blame_the_grader(kind: str, fault: str) -> None:
    told = {**TOLD, "error": kind, "fault": fault}
    with pytest.raises(AnswerError):
        asked(lambda wire: wire.sendall(frame(told)), 5.0)
