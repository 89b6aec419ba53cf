"""The third choice: another user id and a filter for system calls. What files it can read is up to their modes."""

import json
import os
from dataclasses import replace
from pathlib import Path

from grading.sandbox.backend import Launch
from grading.sandbox.folders import launched
from grading.sandbox.landlock import TRIED, ids, trial
from grading.sandbox.users import User, new_user

EVERYBODY_WRITES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock")


class OtherUser:
    """What remains in a container without namespaces whose kernel has no Landlock. Root only."""

    name = "uid"
    confined = True
    promises = ("other-user", "no-network", "own-signals", "nothing-survives")

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        if os.geteuid() != 0:
            return "only root can run code as another user"
        return trial(json.dumps(_walls(TRIED)))

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as it is; every session of it becomes the other user before it touches the submission."""
        user = new_user()
        return replace(launched(box, control, _walls(user), user), within_reach=EVERYBODY_WRITES)


def _walls(user: User) -> dict[str, object]:
    return {"seccomp": True, **ids(user)}
