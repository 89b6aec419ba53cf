"""User ids for boxes: one that nobody else uses, so that what belongs to it belongs to one box."""

import os
import pwd
import secrets
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from grading.sandbox.inside import confine

RANGE = range(61_200, 65_500, 2)  # between people and the kernel's "nobody"


@dataclass(frozen=True)
class User:
    """Who the code of one box runs as, and who ends what he leaves running."""

    uid: int
    executioner: int
    claim: socket.socket | None = None  # held as long as nobody else may have these ids

    def release(self) -> None:
        """Lets others have these ids."""
        if self.claim:
            self.claim.close()


def new_user() -> User:
    """Two ids without a name and without processes, the second one greater by one; only of use to root.

    No other grader on this machine gets them until they are released, or this process ends.

    Raises:
        RuntimeError: all of them are in use.
    """
    taken = {process.info["uids"].real for process in psutil.process_iter(["uids"]) if process.info["uids"]}
    for uid in secrets.SystemRandom().sample(RANGE, len(RANGE)):
        free = not {uid, uid + 1} & taken and not named(uid) and not named(uid + 1)
        if free and (claim := claimed(uid)):
            return User(uid, uid + 1, claim)
    first, last = RANGE[0], RANGE[-1] + 1
    raise RuntimeError(
        f"every user id from {first} to {last} is in use: end what still runs under them, then try again"
    )


def claimed(uid: int) -> socket.socket | None:
    """A name that only one process of the machine can have at a time; None where another one has it."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0elbograde-user-{uid}")
    except OSError:
        claim.close()
        return None
    return claim


def named(uid: int) -> bool:
    """Whether somebody has this user id."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def clear_away(user: User, places: Iterable[str]) -> None:
    """Ends the processes of a box's user, and removes what he left in some places."""
    if os.geteuid() == 0:
        confine.kill_all_of(user.uid, user.executioner)
        if there := [place for place in places if Path(place).is_dir()]:
            find = ["find", *there, "-xdev", "-user", str(user.uid), "-delete"]
            subprocess.run(find, capture_output=True, timeout=60, check=False)
