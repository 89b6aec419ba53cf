"""Run in another world: which sandbox is chosen there, and whether it holds what it promises."""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import psutil
from sandbox_boxes import box_of, ran

from grading.doctor import examine
from grading.errors import GradingError
from grading.sandbox import ladder
from grading.sandbox.box import Box
from grading.sandbox.other_user import OtherUser

READS = "answer = []\nfor path in given['paths']:\n    try: answer.append(bool(open(path).read(1)))\n    except OSError: pass"
CONNECTS = "import socket\ntry: socket.create_connection(('127.0.0.1', given['port']), 1); answer = 'reached'\n"
CONNECTS += "except OSError: answer = 'refused'"
KILLS = "import os\ntry: os.kill(given['pid'], 0); answer = 'reached'\nexcept OSError: answer = 'refused'"
LEAVES = "import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    import time; time.sleep(30)\nanswer = 1"


def visited() -> dict[str, object]:
    """What this world has."""
    said: dict[str, object] = {"missing": {found.name: found.missing for found in examine(ladder.LADDER)}}
    try:
        backend = ladder.choose(None)
    except GradingError as error:
        return {**said, "refused": str(error)}
    paths = [__file__, "/etc/passwd"]
    files = {"good.py": "x = 1\n"}
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        box_of(backend, Path(folder), files) as box,
    ):
        return {
            **said,
            "chosen": backend.name,
            "promises": sorted(backend.promises),
            "works": ran(box, "import torch\nanswer = float((torch.ones(3) @ torch.ones(3)))"),
            "uid": ran(box, "import os; answer = os.getuid()") != os.getuid(),
            "read": ran(box, READS, paths=paths),
            "network": ran(box, CONNECTS, port=server.getsockname()[1]),
            "signal": ran(box, KILLS, pid=os.getpid()),
            "survivors": survivors(box),
        }


def survivors(box: Box) -> int:
    """Processes beside the worker's own that are left below this one after a session that leaves some behind."""
    before = len(psutil.Process().children(recursive=True))
    ran(box, LEAVES)
    return len(psutil.Process().children(recursive=True)) - before


if __name__ == "__main__":
    # As where the grader's own folder is closed to others, which this one need not be.
    ladder.LADDER = tuple(OtherUser(private=()) if rung.name == "uid" else rung for rung in ladder.LADDER)
    print(json.dumps(visited()))
