"""The filter for both architectures, run as the kernel would run it; the conformance suite asks the kernel of this machine."""

import errno
import struct
from collections.abc import Sequence

import pytest

from grading.sandbox.inside import system_calls as calls

NAMES = {0: "x86_64", 1: "aarch64"}
LOCAL = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
MACHINES = (calls.X86_64, calls.AARCH64)


def answered(program: bytes, machine: int, number: int, given: Sequence[int] = ()) -> int:
    """What the program returns for one call."""
    steps = list(struct.iter_unpack("=HBBI", program))
    data = struct.pack("<IIQ6Q", number, machine, 0, *given, *[0] * (6 - len(given)))
    at = held = 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        if code == calls.RETURN:
            return int(value)
        if code == calls.LOAD:
            (held,) = struct.unpack_from("<I", data, value)
            continue
        tests = {
            calls.EQUAL: held == value,
            calls.GREATER_OR_EQUAL: held >= value,
            calls.ANY_BIT: bool(held & value),
        }
        at += then if tests[code] else otherwise


@pytest.fixture(params=[0, 1], ids=NAMES.get)
def column(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


def errors(found: int) -> int | None:
    """The error number of an answer; None where the call is let through."""
    if found == calls.ALLOW:
        return None
    assert found & 0xFFFF0000 == calls.ERRNO
    return found & 0xFFFF


def test_every_call_of_the_tables_is_answered(column: int) -> None:
    strict = calls.filter_program(column, True, ())
    tables = [(calls.REFUSED.values(), errno.EACCES), (calls.UNKNOWN.values(), errno.ENOSYS)]
    for table, wanted in (*tables, (calls.IDLE.values(), 0), (calls.PRETENDED, 0)):
        for numbers in table:
            if (number := numbers[column]) is not None:
                assert errors(answered(strict, MACHINES[column], number)) == wanted, number


def test_what_no_table_names_is_let_through(column: int) -> None:
    lenient = calls.filter_program(column, False, LOCAL)
    named = {each[column] for table in (calls.REFUSED, calls.UNKNOWN, calls.IDLE) for each in table.values()}
    by_argument = {each[0][column] for each in calls._by_argument(LOCAL)}
    for number in set(range(480)) - named:
        usual = (1,) * 6 if number in by_argument else (0xFFFFFFFF,) * 6
        if number != calls.PREADV2[column]:
            assert errors(answered(lenient, MACHINES[column], number, usual)) is None, number


def test_other_architectures_and_other_numbers_are_no_way_round(column: int) -> None:
    program = calls.filter_program(column, False, LOCAL)
    assert answered(program, MACHINES[1 - column], 0) == calls.KILL
    assert answered(program, 0x40000003, 0) == calls.KILL  # 32 bits
    if column == 0:
        assert errors(answered(program, calls.X86_64, 0x40000000 | 41, (2,))) == errno.ENOSYS


LOOKED_AT = [
    (calls.CLONE, (0x10000000,), errno.EACCES),
    (calls.CLONE, (0x3D0F00,), None),  # a thread
    (calls.SOCKETPAIR, (1, 1), None),
    (calls.SOCKETPAIR, (16, 1), errno.EACCES),
    (calls.FCNTL, (3, 6), 0),
    (calls.FCNTL, (3, 38), 0),
    (calls.FCNTL, (3, 5), errno.EINVAL),
    (calls.FCNTL, (3, 1024), errno.EINVAL),
    (calls.FCNTL, (3, 1036), errno.EINVAL),
    (calls.IOCTL, (3, 0x40086602), errno.ENOTTY),
    (calls.IOCTL, (3, 0xFFFFFFFF40086602), errno.ENOTTY),
    (calls.IOCTL, (3, 0x5401), None),  # TCGETS: what isatty asks
    (calls.FCNTL, (3, 1030), None),  # F_DUPFD_CLOEXEC
    (calls.PREADV2, (3, 0, 1, 0, 0, 0), None),
    (calls.PREADV2, (3, 0, 1, 0, 0, 8), errno.EOPNOTSUPP),
    (calls.MADVISE, (0, 4096, 4), None),
    (calls.MADVISE, (0, 4096, 14), None),
    (calls.MADVISE, (0, 4096, 21), errno.EINVAL),
    (calls.PRCTL, (38,), None),
    (calls.PRCTL, (67,), errno.EINVAL),
]


@pytest.mark.parametrize(("call", "given", "wanted"), LOOKED_AT)
@pytest.mark.parametrize("families", [(), LOCAL])
def test_calls_are_told_apart_by_what_they_are_given(
    column: int, call: tuple[int, int], given: tuple[int, ...], wanted: int | None, families: tuple[int, ...]
) -> None:
    program = calls.filter_program(column, False, families)
    assert errors(answered(program, MACHINES[column], call[column], given)) == wanted


def test_sockets_of_a_network_of_its_own_alone(column: int) -> None:
    machine, socket = MACHINES[column], calls.SOCKET[column]
    local, none = calls.filter_program(column, False, LOCAL), calls.filter_program(column, False, ())
    assert {family for family in range(64) if errors(answered(local, machine, socket, (family,))) is None} == set(LOCAL)
    assert all(errors(answered(none, machine, socket, (family,))) == errno.EACCES for family in range(64))
    for program, wanted in ((local, None), (none, errno.EACCES)):
        assert errors(answered(program, machine, calls.SOCKETPAIR[column], (1, 2))) == wanted
