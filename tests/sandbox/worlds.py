"""Machines that refuse what a sandbox is made of: run a command as in an unprivileged container, or as an ordinary user."""

import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from grading.sandbox.inside import confine
from grading.sandbox.inside import system_calls as calls
from grading.sandbox.libraries import opened

NAMESPACES, LANDLOCK = "namespaces", "landlock"
REFUSE = {LANDLOCK: (confine.CREATE_RULESET,)}
WORLDS = {
    "root": ((), True),
    "container": ((NAMESPACES,), True),  # root without CAP_SYS_ADMIN: a plain Docker container
    "old container": ((NAMESPACES, LANDLOCK), True),
    "user": ((), False),
    "user without namespaces": ((NAMESPACES,), False),
    "user without anything": ((NAMESPACES, LANDLOCK), False),
}


def inside(world: str, command: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs a command in such a world; needs root."""
    refused, root = WORLDS[world]
    started = (sys.executable, "-I", str(Path(__file__)), json.dumps(refused), *command)
    if not root:
        started = ("setpriv", "--reuid", "61000", "--regid", "61000", "--clear-groups", *started)
    elif NAMESPACES in refused:
        started = ("setpriv", "--bounding-set", "-sys_admin", *started)
    return opened(started)


def refuse(refused: Sequence[str]) -> None:
    """From here on these are answered as if the kernel did not know them, or would not grant them."""
    steps = [(calls.LOAD, 0, 0, 0)]
    for name in refused:
        for number in REFUSE.get(name, ()):
            steps += [(calls.EQUAL, 0, 1, number), (calls.RETURN, 0, 0, calls.ERRNO | calls.ENOSYS)]
    if NAMESPACES in refused:
        column = calls.architecture()
        clone3 = calls.UNKNOWN["clone3"][column] or 0
        steps += [(calls.EQUAL, 0, 1, clone3), (calls.RETURN, 0, 0, calls.ERRNO | calls.ENOSYS)]
        asked = ((calls.CLONE[column], 16), (calls.REFUSED["unshare"][column], 16))
        for number, argument in asked:
            steps += [(calls.EQUAL, 0, 4, number or 0), (calls.LOAD, 0, 0, argument)]
            steps += [(calls.ANY_BIT, 0, 1, calls.NEW_NAMESPACES), (calls.RETURN, 0, 0, calls.ERRNO | 1)]
            steps += [(calls.RETURN, 0, 0, calls.ALLOW)]
    steps.append((calls.RETURN, 0, 0, calls.ALLOW))
    confine.install(b"".join(struct.pack("=HBBI", *step) for step in steps))


if __name__ == "__main__":
    import os

    refuse(json.loads(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
