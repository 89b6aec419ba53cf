"""The third choice: another user id and a filter for system calls. What files it can read is up to their modes."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from grading.sandbox.backend import Launch
from grading.sandbox.folders import launched
from grading.sandbox.landlock import TRIED, ids, trial
from grading.sandbox.libraries import readable_by_others, rooms
from grading.sandbox.users import User, new_user

EVERYBODY_WRITES = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock")


@dataclass(frozen=True)
class OtherUser:
    """What remains in a container without namespaces whose kernel has no Landlock. Root only."""

    private: tuple[Path, ...] = rooms()  # folders that other users must not be able to read

    name = "uid"
    confined = True
    promises = ("other-user", "no-network", "own-signals", "nothing-survives")

    def missing(self) -> str:
        """Why it cannot be used here; empty where it can."""
        if os.geteuid() != 0:
            return "only root can run code as another user"
        if exposed := [str(folder) for folder in self.private if readable_by_others(folder)]:
            return f"other users can read {', '.join(exposed)}: close the folder of the grader to them (chmod go=)"
        return trial(json.dumps(_walls(TRIED)))

    def launch(self, box: Path, control: int) -> Launch:
        """The worker as it is; every session of it becomes the other user before it touches the submission."""
        user = new_user()
        return replace(launched(box, control, _walls(user), user), within_reach=EVERYBODY_WRITES)


def _walls(user: User) -> dict[str, object]:
    return {"seccomp": True, **ids(user)}
