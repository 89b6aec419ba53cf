"""What the code prints is kept at both ends and never waited for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.sandbox.transcript import HEAD, TAIL, Transcript


@pytest.fixture
def pipe() -> Iterator[tuple[Transcript, int]]:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    transcript = Transcript(reader)
    yield transcript, writer
    transcript.close()
    os.close(writer)


def poured(transcript: Transcript, writer: int, data: bytes) -> None:
    for start in range(0, len(data), 1 << 15):
        os.write(writer, data[start : start + (1 << 15)])
        assert transcript.drain()


def test_a_little_is_kept_as_it_is(pipe: tuple[Transcript, int]) -> None:
    transcript, writer = pipe
    assert transcript.drain() and transcript.text() == ""
    poured(transcript, writer, "zwölf\n".encode())
    assert transcript.text() == "zwölf\n"


@pytest.mark.parametrize("size", [HEAD - 1, HEAD, HEAD + 1, HEAD + TAIL])
def test_up_to_the_cap_nothing_is_left_out(pipe: tuple[Transcript, int], size: int) -> None:
    data = (b"0123456789" * (size // 10 + 1))[:size]
    poured(*pipe, data)
    assert pipe[0].text() == data.decode()


def test_more_is_cut_in_the_middle_and_says_how_much(pipe: tuple[Transcript, int]) -> None:
    poured(*pipe, b"h" * HEAD + b"m" * 1_234_567 + b"t" * TAIL)
    assert pipe[0].text() == "h" * HEAD + "\n… 1,234,567 bytes left out …\n" + "t" * TAIL


def test_bytes_that_are_no_text(pipe: tuple[Transcript, int]) -> None:
    poured(*pipe, b"a\xff\xfeb")
    assert pipe[0].text() == "a��b"


def test_the_other_side_closes() -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    transcript = Transcript(reader)
    os.write(writer, b"last")
    os.close(writer)
    assert not transcript.drain()
    assert (transcript.open, transcript.text()) == (False, "last")
    transcript.close()


def test_closing_twice_closes_nobody_elses_file() -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    transcript = Transcript(reader)
    transcript.close()
    again = os.dup(writer)
    assert again == reader  # the lowest free number is given out again
    transcript.close()
    os.fstat(again)
    os.close(again)
    os.close(writer)


def test_one_look_takes_no_more_than_a_mebibyte() -> None:
    with Path("/dev/zero").open("rb", buffering=0) as endless:
        transcript = Transcript(os.dup(endless.fileno()))
        assert transcript.drain()
        assert f"{(1 << 20) - HEAD - TAIL:,} bytes left out" in transcript.text()
        transcript.close()
