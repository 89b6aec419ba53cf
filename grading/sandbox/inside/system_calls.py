"""Which system calls student code may make: a filter for the kernel, as the program that it runs before each.

Refused is what reaches the network or another process, and what would stay in the kernel, or be seen there, for the code of
another box: keys, queues, locks on files that both can read, what the page cache holds of those. Lies beside worker.py. The
language of the program: kernel documentation, seccomp_filter.rst, and <linux/filter.h>; the numbers: <asm/unistd.h>.
"""

import errno
import platform
import struct
from collections.abc import Iterable, Iterator, Sequence

Numbers = tuple[int | None, int | None]  # x86_64, aarch64
Step = tuple[int, int, int, int]

ENOSYS = errno.ENOSYS
X86_64, AARCH64 = 0xC000003E, 0xC00000B7  # their names for the kernel's audit
REFUSED: dict[str, Numbers] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),  # opens sockets of its own
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),  # System V and POSIX queues outlive their process
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mincore": (27, 232),  # what of a file is in the page cache
    "cachestat": (451, 451),
    "syslog": (103, 116),  # the kernel's log tells of programs that crashed
    "personality": (135, 92),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
}
# As if the kernel were too old for them. clone3: its flags lie in memory, where no filter can look; libc then takes clone.
# memfd: memory that no process needs to hold, so that nobody sees whose it is.
UNKNOWN: dict[str, Numbers] = {"clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447)}
# Answered with success and not done, everywhere: locks on files, which another box would meet; advice on the page cache.
IDLE: dict[str, Numbers] = {"flock": (73, 32), "fadvise64": (221, 223)}
# The same, where code has no user id of its own and could change what the grader's user owns, which Landlock does not cover:
# chmod, chown, setxattr, removexattr, utime and their kin.
PRETENDED: tuple[Numbers, ...] = (
    *((90, None), (91, 52), (268, 53), (452, 452), (92, None), (93, 55), (94, None), (260, 54)),
    *((188, 5), (189, 6), (190, 7), (463, 463), (197, 14), (198, 15), (199, 16), (469, 469)),
    *((132, None), (235, None), (261, None), (280, 88)),
)
CLONE, SOCKET, SOCKETPAIR, FCNTL, IOCTL = (56, 220), (41, 198), (53, 199), (72, 25), (16, 29)
PREADV2, MADVISE, PRCTL = (327, 286), (28, 233), (157, 167)
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET
DATAGRAM = 2  # a pair of datagram sockets can be sent elsewhere; SOCK_STREAM (1) and SOCK_SEQPACKET (5) cannot
SET_LOCKS = (6, 7, 37, 38)  # F_SETLK and its kin
# F_GETLK, F_OFD_GETLK; F_SETLEASE, F_NOTIFY (watching a folder); F_GET_RW_HINT and its kin: a word kept with a file
WORDS_WITH_FILES = (5, 36, 1024, 1026, 1035, 1036, 1037, 1038)
# FS_IOC_SETFLAGS, its 32-bit twin, -FSSETXATTR and -SETVERSION: what its owner may change of a file that he only reads;
# FS_IOC_SET_ENCRYPTION_POLICY, -ADD_, -REMOVE_ENCRYPTION_KEY and -GET_ENCRYPTION_KEY_STATUS: keys that a disk holds
FLAGS_OF_FILES = (0x40086602, 0x40046602, 0x401C5820, 0x40087602, 0x800C6613, 0xC0506617, 0xC0406618, 0xC080661A)
SHARED_MEMORY = (12, 20, 21)  # MADV_MERGEABLE, -COLD, -PAGEOUT
MERGE = (67,)  # PR_SET_MEMORY_MERGE
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, GREATER_OR_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def architecture() -> int:
    """Which column of the tables above is this machine's; -1 where none is."""
    return {"x86_64": 0, "aarch64": 1}.get(platform.machine(), -1)


def filter_program(column: int, pretend: bool, families: Sequence[int]) -> bytes:
    """The filter for one architecture; what it says nothing of is allowed.

    pretend: file modes, owners and times are only said to be changed;  families: of sockets, that may be made
    """
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, (X86_64, AARCH64)[column]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    if column == 0:  # the same calls under other numbers (x32)
        steps += [(GREATER_OR_EQUAL, 0, 1, 0x40000000), (RETURN, 0, 0, ERRNO | ENOSYS)]
    answers = dict.fromkeys(REFUSED.values(), errno.EACCES) | dict.fromkeys(UNKNOWN.values(), ENOSYS)
    answers |= dict.fromkeys((*IDLE.values(), *(PRETENDED if pretend else ())), 0)
    for numbers, answer in answers.items():
        if (number := numbers[column]) is not None:
            steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | answer)]
    for numbers, looks in _by_argument(families):
        steps += _where(numbers[column], list(looks))
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _by_argument(families: Sequence[int]) -> Iterator[tuple[tuple[int, int], Iterable[Step]]]:
    """Calls that are refused for what they are given: steps that end with an answer, or go on."""
    yield CLONE, (_argument(0), *_if(ANY_BIT, NEW_NAMESPACES, errno.EACCES))
    yield SOCKET, (_argument(0), *_unless(families, errno.EACCES))
    datagrams = () if families else (_argument(1), *_if(ANY_BIT, DATAGRAM, errno.EACCES))
    yield SOCKETPAIR, (_argument(0), *_unless((1,), errno.EACCES), *datagrams)
    yield FCNTL, (_argument(1), *_any(SET_LOCKS, 0), *_any(WORDS_WITH_FILES, errno.EINVAL))
    yield IOCTL, (_argument(1), *_any(FLAGS_OF_FILES, errno.ENOTTY))
    yield PREADV2, (_argument(5), *_if(ANY_BIT, 0xFFFFFFFF, errno.EOPNOTSUPP))  # RWF_NOWAIT: only what is in the cache
    yield MADVISE, (_argument(2), *_any(SHARED_MEMORY, errno.EINVAL))
    yield PRCTL, (_argument(0), *_any(MERGE, errno.EINVAL))


def _where(number: int, looks: list[Step]) -> list[Step]:
    """The steps for one call. They replace what was loaded, so that the call is let through where none of them answers."""
    return [(EQUAL, 0, len(looks) + 1, number), *looks, (RETURN, 0, 0, ALLOW)]


def _argument(number: int) -> Step:
    """Loads the lower half of an argument: all that the kernel looks at where flags and commands are concerned."""
    return (LOAD, 0, 0, 16 + 8 * number)


def _if(test: int, value: int, answer: int) -> tuple[Step, Step]:
    return (test, 0, 1, value), (RETURN, 0, 0, ERRNO | answer)


def _any(values: Sequence[int], answer: int) -> Iterator[Step]:
    for value in values:
        yield from _if(EQUAL, value, answer)


def _unless(values: Sequence[int], answer: int) -> list[Step]:
    """Answers where the argument is none of these, which go on behind it."""
    jumps = [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [*jumps, (RETURN, 0, 0, ERRNO | answer)]
