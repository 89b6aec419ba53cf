"""One suite that every backend must pass; what only some promise is asked of those alone."""

import math
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from sandbox_boxes import box_of, ran, session_of

import grading
from grading.errors import AnswerError, BadAnswer, Crashed, Ended, Exhausted, NotDone, SandboxError, TimedOut, Unusable
from grading.sandbox import users
from grading.sandbox.backend import PROMISES, Backend
from grading.sandbox.box import Box, Limits
from grading.sandbox.inside import system_calls
from grading.sandbox.ladder import BY_NAME
from grading.sandbox.other_user import OtherUser
from grading.sandbox.wire import Caps

ROOT = Path(grading.__file__).parent.parent
FILES = {
    "good.py": "import torch\n\ndef double(x):\n    return 2 * x\n",
    "todo.py": "def double(x):\n    raise NotImplementedError\n",
    "crash.py": "def double(x):\n    # a remark\n    return x['no such key']\n",
    "syntax.py": "import torch\n\ndef double(x:\n    return 2 * x\n",
    "leaves.py": "import sys\nsys.exit(0)\n",
    "hidden.py": "class Loud(Exception):\n    def __str__(self):\n        raise self\n\ndef double(x):\n    raise Loud\n",
}


# The two ends of the ladder that are used least are left to the slow tests; tests/sandbox/test_containers.py has some.
SELDOM = ("uid", "none")
RUNGS = [pytest.param(name, marks=pytest.mark.slow if name in SELDOM else ()) for name in BY_NAME]


@pytest.fixture(scope="module", params=RUNGS)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen = OtherUser(private=()) if request.param == "uid" else BY_NAME[request.param]
    if reason := chosen.missing():
        pytest.skip(reason)
    return chosen


@pytest.fixture(scope="module")
def warm(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with box_of(backend, tmp_path_factory.mktemp("probes"), FILES) as box:
        yield box


@pytest.fixture
def box(warm: Box) -> Iterator[Box]:
    """The warm box; whatever a test did to it, the next session must work and nothing may be left of the last."""
    yield warm
    assert warm.alive()
    assert ran(warm, "answer = given['x'] + 1", x=1) == 2
    (worker,) = workers(warm)
    assert not worker.children(recursive=True)


@pytest.fixture
def fresh(backend: Backend, tmp_path: Path) -> Iterator[Box]:
    """A box for a test that ends the worker itself."""
    with box_of(backend, tmp_path, FILES) as box:
        yield box


def workers(box: Box) -> list[psutil.Process]:
    """The process that runs worker.py: bubblewrap's child, or the child itself."""
    root = psutil.Process(box._process.pid)
    return [p for p in (root, *root.children()) if p.name() != "bwrap" and p.status() != psutil.STATUS_ZOMBIE]


def promised(backend: Backend, promise: str) -> None:
    if promise not in backend.promises:
        pytest.skip(f"{backend.name} does not promise {promise}")


def same(got: Any, sent: Any) -> bool:
    """Equal in type and value throughout; nan equals nan."""
    if isinstance(sent, torch.Tensor):
        alike = type(got) is torch.Tensor and got.dtype == sent.dtype and got.shape == sent.shape
        return alike and torch.equal(torch.nan_to_num(got), torch.nan_to_num(sent.detach()))
    if type(got) is not type(sent):
        return False
    if isinstance(sent, list | tuple):
        return len(got) == len(sent) and all(map(same, got, sent))
    if isinstance(sent, dict):
        return list(got) == list(sent) and all(same(got[key], sent[key]) for key in sent)
    return got == sent or (isinstance(sent, float) and math.isnan(sent) and math.isnan(got))


# ---------------------------------------------------------------- answers

KINDS = ["float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"]
VALUES: list[Any] = [
    *(torch.arange(6).reshape(2, 3).to(getattr(torch, kind)) for kind in KINDS),
    torch.empty(0, 3),
    torch.tensor(2.5),
    torch.arange(12.0).reshape(3, 4).t(),
    torch.arange(6.0)[::2],
    torch.zeros(1).expand(4),
    torch.randn(3, requires_grad=True),
    torch.tensor([math.nan, math.inf, -math.inf, -0.0]),
    [1, (2.5, None), {"a": [torch.ones(2)], "b": "ä \x00 \ud800 'quoted'"}, True, "", [], (), {}],
    [math.nan, math.inf, -math.inf, 0.1, 1e-320],
    [2**63 - 1, -(2**63)],
]


def test_every_kind_of_answer_comes_back_as_it_was_sent(box: Box) -> None:
    with session_of(box) as session:
        for value in VALUES:
            assert same(session.ask("echo", {"value": value}, 0, 20.0), value), value
        big = torch.randn(3_000_000)
        assert torch.equal(session.ask("echo", {"value": big}, 0, 20.0), big)


LIAR = """
import torch

class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.tensor(True)

    def __eq__(self, other):
        return True

    def detach(self):
        return torch.zeros(3)

answer = torch.full((3,), 7.0).as_subclass(Liar)
"""


def test_a_tensor_subclass_arrives_as_the_plain_numbers_it_holds(box: Box) -> None:
    got = ran(box, LIAR)
    assert type(got) is torch.Tensor
    assert got.tolist() == [7.0, 7.0, 7.0]


def test_numbers_that_only_look_like_numbers_arrive_as_what_they_are(box: Box) -> None:
    source = (
        "class Five(float):\n    def __eq__(s, o): return True\n    def __repr__(s): return '5.0'\n"
        "import numpy\nanswer = [Five(3.0), numpy.float32(1.5), numpy.ones(2), numpy.int64(4)]"
    )
    five, single, ones, whole = ran(box, source)
    assert (type(five), five in (3.0, 5.0)) == (float, True)
    assert (float(single), float(ones.sum()), int(whole)) == (1.5, 2.0, 4)


def test_a_seed_makes_an_answer_repeat(box: Box) -> None:
    source = "import random, numpy, torch\nanswer = [torch.rand(2), random.random(), float(numpy.random.rand())]"
    with session_of(box) as session:
        first, again, other = (session.ask("run", {"source": source}, seed, 20.0) for seed in (5, 5, 6))
    assert same(first, again)
    assert not any(same(a, b) for a, b in zip(first, other, strict=True))


def test_questions_of_a_session_share_a_process_and_sessions_do_not(box: Box) -> None:
    with session_of(box) as session:
        session.ask("run", {"source": "import os; os.environ['SEEN'] = 'yes'"}, 0, 20.0)
        assert session.ask("run", {"source": "import os; answer = os.environ.get('SEEN')"}, 0, 20.0) == "yes"
    assert ran(box, "import os; answer = os.environ.get('SEEN')") is None


# ---------------------------------------------------------------- whose fault, and in which words


def test_not_done_is_not_a_crash(box: Box) -> None:
    with session_of(box) as session, pytest.raises(NotDone, match=r"todo\.py, line 2"):
        session.ask("call", {"file": "todo", "name": "double", "x": 1}, 0, 20.0)


def test_an_exception_tells_file_and_line(box: Box) -> None:
    with session_of(box) as session:
        with pytest.raises(Crashed, match=r"TypeError.*crash\.py, line 3: return x\['no such key'\]"):
            session.ask("call", {"file": "crash", "name": "double", "x": 1}, 0, 20.0)
        assert session.ask("call", {"file": "good", "name": "double", "x": 4}, 0, 20.0) == 8


def test_a_syntax_error_costs_only_its_file(box: Box) -> None:
    with session_of(box) as session:
        with pytest.raises(Crashed, match=r"SyntaxError.*syntax\.py, line 3: def double\(x:"):
            session.ask("call", {"file": "syntax", "name": "double", "x": 1}, 0, 20.0)
        with pytest.raises(Crashed, match=r"absent\.py was not handed in"):
            session.ask("call", {"file": "absent", "name": "double", "x": 1}, 0, 20.0)
        assert session.ask("call", {"file": "good", "name": "double", "x": 4}, 0, 20.0) == 8


def test_an_exception_that_cannot_be_told_of_ends_the_session(box: Box) -> None:
    with session_of(box) as session, pytest.raises(AnswerError):
        session.ask("call", {"file": "hidden", "name": "double", "x": 1}, 0, 20.0)


def test_leaving_at_import_is_heard_of(box: Box) -> None:
    with session_of(box) as session, pytest.raises(Ended, match=r"tried to end the program.*leaves\.py, line 2"):
        session.ask("call", {"file": "leaves", "name": "double", "x": 1}, 0, 20.0)


ENDS = {
    "import sys; sys.exit(0)": "tried to end the program",
    "raise KeyboardInterrupt": "tried to end the program",
    "import os; os._exit(0)": "exit status 0",
    "import os; os._exit(7)": "exit status 7",
    "import os; os.kill(os.getpid(), 9)": "SIGKILL",
    "import os; os.kill(os.getpid(), 11)": "SIGSEGV",
    "import ctypes; ctypes.string_at(0)": "SIGSEGV",
    "import os; os.abort()": "SIGABRT",
    "import os; os.closerange(3, 200)": "ended",
}


@pytest.mark.parametrize("source", ENDS)
def test_a_process_that_ends_is_said_to_have_ended(box: Box, source: str) -> None:
    with pytest.raises(Ended, match=ENDS[source]):
        ran(box, source)


def test_an_ended_session_refuses_further_questions_with_the_same_error(box: Box) -> None:
    with session_of(box) as session:
        for _ in range(2):
            with pytest.raises(Ended, match="exit status 3"):
                session.ask("run", {"source": "import os; os._exit(3)"}, 0, 20.0)


LOOPS = [
    "while True: pass",
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "import signal, time\nfor n in set(signal.Signals) - {9, 19}: signal.signal(n, signal.SIG_IGN)\ntime.sleep(600)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "import sys; sys.stdout.write('x' * 100000)\nimport time; time.sleep(600)",
    "import torch\nwhile True: torch.ones(300, 300) @ torch.ones(300, 300)",
]


@pytest.mark.parametrize("source", LOOPS)
def test_a_loop_ends_at_the_deadline(box: Box, source: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut, match=r"0\.5 s"):
        ran(box, source, seconds=0.5)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "source",
    [
        "answer = object()",
        "answer = lambda: 0",
        "import torch; answer = torch.ones(2).to_sparse()",
        "import torch; answer = torch.ones(2, dtype=torch.complex64)",
        "import torch; answer = torch.ones(2).to(torch.float8_e5m2)",
        "answer = []\nfor _ in range(50): answer = [answer]",
        "answer = []; answer.append(answer)",
        "answer = 10 ** 400",
        "answer = 10 ** 5000",
        "import torch; answer = [torch.ones(1)] * 20_001",
        "import torch; answer = torch.ones(1, 1, 1, 1, 1, 1, 1, 1, 1)",
        "answer = 'x' * (9 << 20)",
    ],
)
def test_what_cannot_be_handed_back_is_refused(box: Box, source: str) -> None:
    with pytest.raises((Crashed, BadAnswer)):
        ran(box, source)


def test_an_answer_over_the_cap_is_refused_before_it_is_read(box: Box) -> None:
    with pytest.raises(BadAnswer, match="at most 1,000,000"):
        ran(box, "import torch; answer = torch.ones(1_000_000)", limits=Limits(caps=Caps(frame_bytes=1_000_000)))


SAY = "import socket, os, json, struct\nfor n in range(3, 64):\n    try: wire = socket.socket(fileno=n)\n"
SAY += "    except OSError: continue\n    wire.detach()\n    wire = socket.socket(fileno=os.dup(n)); break\n"


@pytest.mark.parametrize(
    "forged",
    [
        "wire.sendall(struct.pack('<Q', 1 << 62) + b'x' * 100)",
        "wire.sendall(struct.pack('<Q', 3) + b'abc')",
        "wire.sendall(struct.pack('<Q', 100) + b'not a frame' + b' ' * 89)",
        "from elbograde_inside.frames import frame; wire.sendall(frame([1, 2]))",
        "from elbograde_inside.frames import frame; wire.sendall(frame({'ok': 1, 'error': 'x'}))",
        "from elbograde_inside.frames import frame; import torch\n"
        "wire.sendall(frame({'error': 'E', 'text': torch.ones(3), 'where': '', 'memory': False, 'fault': '', 'returned': ''}))",
        "from elbograde_inside.frames import frame; import torch\n"
        "wire.sendall(frame({'error': 'E', 'text': 'x', 'where': '', 'memory': torch.ones(3), 'fault': '', 'returned': ''}))",
        "from elbograde_inside.frames import frame; wire.sendall(frame({'error': 1, 'text': [], 'where': {}, 'memory': None}))",
    ],
)
def test_a_forged_frame_is_a_bad_answer(box: Box, forged: str) -> None:
    with pytest.raises(BadAnswer):
        ran(box, SAY + forged)


def test_a_forged_complaint_is_cut_short(box: Box) -> None:
    forged = "from elbograde_inside.frames import frame\n"
    forged += "wire.sendall(frame({'error': 'E' * 10**6, 'text': 'x' * 10**6, 'where': 'y' * 10**6, 'memory': False,"
    forged += " 'fault': 'code', 'returned': 'z' * 10**6}))"
    with pytest.raises(Crashed) as told:
        ran(box, SAY + forged)
    assert len(str(told.value)) < 10_000


def test_a_frame_that_trickles_meets_the_deadline_of_the_whole(box: Box) -> None:
    begun = time.monotonic()
    forged = "import time; wire.sendall(struct.pack('<Q', 1000))\nwhile True: wire.sendall(b'x'); time.sleep(0.1)"
    with pytest.raises(TimedOut):
        ran(box, SAY + forged, seconds=1.0)
    assert time.monotonic() - begun < 3


def test_a_question_that_is_never_read_meets_the_deadline(box: Box) -> None:
    with session_of(box) as session:
        stop = "import os, threading, signal\nthreading.Timer(0.1, os.kill, (os.getpid(), signal.SIGSTOP)).start()"
        session.ask("run", {"source": stop}, 0, 20.0)
        time.sleep(0.3)
        with pytest.raises(TimedOut):
            session.ask("echo", {"value": torch.zeros(5_000_000)}, 0, 0.5)


# ---------------------------------------------------------------- what it prints


def test_a_flood_of_output_is_cut_and_the_answer_still_comes(box: Box) -> None:
    with session_of(box) as session:
        source = "print('head')\nfor _ in range(30): print('x' * 1_000_000)\nprint('tail'); answer = 3"
        assert session.ask("run", {"source": source}, 0, 20.0) == 3
        told = session.printed()
    assert told.startswith("head\n") and told.endswith("tail\n") and "bytes left out" in told
    assert len(told) < 70_000


def test_printing_never_reaches_the_wire_and_stdin_is_empty(box: Box) -> None:
    source = "import os, sys\nos.write(1, b'one'); os.write(2, b'two'); os.system('echo three')\n"
    source += "print('\\ud800', flush=True)\nanswer = sys.stdin.read()"
    with session_of(box) as session:
        assert session.ask("run", {"source": source}, 0, 20.0) == ""
        told = session.printed()
    assert all(word in told for word in ("one", "two", "three"))


def test_a_session_leaves_no_descriptor_behind_in_this_process(box: Box) -> None:
    def descriptors() -> int:
        return psutil.Process().num_fds()

    before = descriptors()
    for source in ("answer = 1", "import os; os._exit(0)", "import time; time.sleep(9)"):
        with session_of(box) as session:
            try:
                session.ask("run", {"source": source}, 0, 0.3)
            except AnswerError:
                session.printed()
    assert descriptors() == before


# ---------------------------------------------------------------- resources

GREEDY = """
import time
kept = []
while True:
    kept.append(bytearray(b'x' * (8 << 20)))
    {aside}
"""


@pytest.fixture(params=["group", "watched"])
def bounded(request: pytest.FixtureRequest, box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    """The box with its memory bounded by the kernel, or watched by the judge."""
    if request.param == "watched":
        if box._group:
            box._group.bound(1 << 50, 1 << 20)
        monkeypatch.setattr(box, "_group", None)
    elif box._group is None:
        pytest.skip("no control group can be made here")
    return box


@pytest.mark.parametrize("aside", ["time.sleep(0.01)", "print('x' * 10_000)"])
def test_memory_in_use_is_bounded(bounded: Box, aside: str) -> None:
    """Also while the code keeps the judge busy with what it prints."""
    box = bounded
    limits = Limits(memory_bytes=box.usage().resident_bytes + (600 << 20), scratch_bytes=1 << 20)
    with pytest.raises(Exhausted, match="memory in use"):
        ran(box, GREEDY.format(aside=aside), limits=limits)


def test_memory_of_children_counts(bounded: Box) -> None:
    box = bounded
    source = "import os, time\nfor _ in range(4):\n    if os.fork() == 0: kept = b'x' * (200 << 20); time.sleep(60)\n"
    with pytest.raises(Exhausted, match="memory in use"):
        ran(
            box,
            source + "time.sleep(60)",
            limits=Limits(memory_bytes=box.usage().resident_bytes + (500 << 20), scratch_bytes=1 << 20),
        )


HOARDS = {
    "left by children": """
import mmap, os, time
kept = []
while True:
    kept.append(mmap.mmap(-1, 100 << 20))
    if os.fork() == 0:
        kept[-1].write(bytes(100 << 20))
        os._exit(0)
    os.wait()
    time.sleep(0.1)
""",
    "held by one page": """
import ctypes, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
while True:
    place = libc.mmap(None, ctypes.c_size_t(100 << 20), 3, 0x21, -1, ctypes.c_long(0))
    ctypes.memset(place, 1, 100 << 20)
    libc.munmap(ctypes.c_void_p(place + 4096), ctypes.c_size_t((100 << 20) - 4096))
    time.sleep(0.1)
""",
}
IN_FILES = """
import time
for number in range(40):
    with open(f"/dev/shm/{number}", "wb") as file:
        file.write(bytes(50 << 20))
    time.sleep(0.05)
"""


@pytest.mark.parametrize("how", HOARDS)
def test_memory_that_no_process_has_resident_counts(bounded: Box, how: str) -> None:
    if os.geteuid() != 0 and not bounded._group and how == "held by one page":
        pytest.skip("only root is told how much there is behind a mapping")
    limits = Limits(memory_bytes=bounded.usage().resident_bytes + (500 << 20), scratch_bytes=1 << 20)
    with pytest.raises(Exhausted, match="memory in use"):
        ran(bounded, HOARDS[how], limits=limits)


def test_files_in_memory_count(bounded: Box, backend: Backend) -> None:
    promised(backend, "bounded-scratch")
    resident = bounded.usage().resident_bytes
    limits = Limits(memory_bytes=resident + (200 << 20), scratch_bytes=100 << 20)
    with pytest.raises(Exhausted, match="memory in use"):
        ran(bounded, IN_FILES, limits=limits)
    ran(bounded, "import os; [os.remove(f'/dev/shm/{name}') for name in os.listdir('/dev/shm')]")


def test_memory_in_files_without_a_name_is_not_to_be_had(box: Box, backend: Backend) -> None:
    if not backend.confined:
        pytest.skip("nothing is kept from it")
    with pytest.raises(Unusable, match="Function not implemented"):
        ran(box, "import os; os.memfd_create('x')")


@pytest.mark.parametrize("source", ["import torch; torch.ones(1 << 40)", "x = bytearray(1 << 40)"])
def test_one_huge_allocation_is_refused_and_the_session_goes_on(box: Box, source: str) -> None:
    with session_of(box) as session:
        with pytest.raises(Exhausted):
            session.ask("run", {"source": source}, 0, 20.0)
        assert session.ask("echo", {"value": 1}, 0, 20.0) == 1


def test_processor_time_is_limited(box: Box) -> None:
    with pytest.raises((TimedOut, Exhausted), match="processor time"):  # whoever sees it first, the kernel or the judge
        ran(box, "while True: pass", limits=Limits(cpu_seconds=1))


def test_processor_time_of_children_counts(box: Box) -> None:
    """Each stays below the limit, and ends before it is looked at."""
    source = (
        "import os, time\nfor _ in range(9):\n    if os.fork() == 0:\n        while time.process_time() < 0.6: pass\n"
    )
    source += "        os._exit(0)\n    os.wait()\ntime.sleep(60)"
    with pytest.raises(Exhausted, match="more than 2 s of processor time"):
        ran(box, source, limits=Limits(cpu_seconds=2))


def test_files_are_limited(box: Box) -> None:
    with pytest.raises(Crashed, match="File too large"):
        ran(box, "open('big', 'wb').write(bytes(3 << 20))", limits=Limits(file_bytes=1 << 20))
    with pytest.raises(Crashed, match="Too many open files"):
        ran(box, "kept = [open('/dev/null') for _ in range(500)]", limits=Limits(open_files=64))


def test_processes_are_limited(box: Box, backend: Backend) -> None:
    if os.geteuid() == 0 and "other-user" not in backend.promises and not box._group:
        pytest.skip("the kernel limits no processes of root")
    source = "import os, time\nfor n in range(400):\n    if os.fork() == 0: time.sleep(30); os._exit(0)\n"
    with pytest.raises(Crashed, match="BlockingIOError"):
        ran(box, source, limits=Limits(processes=40, memory_bytes=1 << 40))


def test_a_full_disk_is_empty_again_for_the_next_session(box: Box, backend: Backend) -> None:
    promised(backend, "bounded-scratch")
    fill = "import os\nfor place in ('/tmp', '/dev/shm'):\n    try:\n        for n in range(40):\n"
    fill += "            with open(f'{place}/{n}', 'wb') as f: f.write(bytes(100 << 20))\n    except OSError: pass\n"
    deep = "os.chdir('/tmp')\nfor _ in range(50): os.mkdir('d'); os.chdir('d')\n"
    with pytest.raises(Ended):
        ran(box, "import os\n" + deep + fill + "os._exit(0)", limits=Limits(memory_bytes=1 << 40))
    source = "import os; answer = [sorted({'0', '39', 'd'} & set(os.listdir('/tmp'))), os.listdir('/dev/shm')]"
    assert ran(box, source) == [[], []]


@pytest.mark.parametrize("many", [False, True])
def test_what_is_written_to_disk_is_watched(box: Box, backend: Backend, many: bool) -> None:
    if "bounded-scratch" in backend.promises:
        pytest.skip("it has memory of its own for that")
    source = "import time\nfor n in range(40):\n    open(f'f{n}', 'wb').write(bytes(1 << 20)); time.sleep(0.02)\ntime.sleep(60)"
    limits = Limits(scratch_files=20) if many else Limits(scratch_bytes=10 << 20)
    with pytest.raises(Exhausted, match="more than 20 files" if many else "of files written"):
        ran(box, source, limits=limits)
    assert ran(box, "import os, pathlib, tempfile; answer = len(os.listdir(tempfile.gettempdir()))") == 1


def test_several_data_loader_workers_can_be_used(box: Box) -> None:
    source = "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
    source += "rows = TensorDataset(torch.arange(8.0))\nanswer = sum(float(b[0].sum()) for b in DataLoader(rows, 2, num_workers=2))"
    assert ran(box, source) == 28.0


# ---------------------------------------------------------------- written for a GPU

CUDA = """
import io
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, device=torch.device("cuda")):
        super().__init__()
        self.layer = nn.Linear(2, 2, device=device)
        self.register_buffer("steps", torch.arange(3, device="cuda:0"))

    def forward(self, x):
        return self.layer(x)

def everything(x, device=torch.device("cuda")):
    network = Network().to("cuda").cuda().to(device=torch.device("cuda", 0))
    generator = torch.Generator(device="cuda").manual_seed(0)
    torch.cuda.manual_seed_all(0); torch.cuda.synchronize(); torch.cuda.empty_cache()
    made = [x.cuda(), x.to("cuda"), x.to(device), x.to(0), x.to("cuda", torch.float64), x.to(device="cuda:0"),
            torch.zeros(2, device="cuda"), torch.tensor([1.0], device=device), torch.randn(2, generator=generator, device="cuda"),
            torch.randn_like(x, device=device), torch.full((2,), 1, device="cuda"), torch.randint(0, 9, (2,), device=device),
            torch.empty(2, device=torch.device("cuda")), x.new_zeros(2, device="cuda"), network(x.cuda()), network.steps]
    return [str(value.device) for value in made]

def loaded(path):
    return {name: value for name, value in torch.load(path).items()}

def by_default(x):
    torch.set_default_device("cuda")
    return [torch.zeros(2) + x, nn.Linear(2, 2)(x)]

def kept_apart(x):
    return [str(torch.empty(2, device="meta").device), x.to(torch.int64).dtype == torch.int64, x.to(x).sum()]
"""


@pytest.fixture(scope="module")
def gpu_code(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with box_of(backend, tmp_path_factory.mktemp("cuda"), {"gpu.py": CUDA}) as box:
        (box.submission / "gpu.pt").write_bytes(saved_from_a_gpu())
        (box.submission / "gpu.pt").chmod(0o644)
        yield box


def saved_from_a_gpu() -> bytes:
    """torch.save of a tensor on a GPU, forged: the device is written into the pickle as a string."""
    import io
    import zipfile

    plain = io.BytesIO()
    torch.save({"w": torch.arange(3.0)}, plain)
    out = io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("data.pkl"):
                changed = data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
                assert changed != data
                data = changed
            target.writestr(name, data)
    return out.getvalue()


def asked(box: Box, name: str, **given: Any) -> Any:
    with session_of(box) as session:
        return session.ask("call", {"file": "gpu", "name": name, **given}, 0, 20.0)


def test_code_written_for_a_gpu_runs_on_the_cpu(gpu_code: Box) -> None:
    assert set(asked(gpu_code, "everything", x=torch.ones(2))) == {"cpu"}
    assert asked(gpu_code, "kept_apart", x=torch.ones(2)) == ["meta", True, torch.tensor(2.0)]


def test_a_default_device_that_is_not_there_is_the_cpu(gpu_code: Box) -> None:
    assert [len(value) for value in asked(gpu_code, "by_default", x=torch.ones(2))] == [2, 2]


def test_weights_saved_from_a_gpu_are_loaded_without_map_location(gpu_code: Box) -> None:
    path = ran(gpu_code, "answer = str(code.folder / 'gpu.pt')")
    assert asked(gpu_code, "loaded", path=path)["w"].tolist() == [0.0, 1.0, 2.0]
    with session_of(gpu_code) as session:
        assert session.ask("weights!", {"name": "gpu.pt"}, 0, 20.0)["w"].tolist() == [0.0, 1.0, 2.0]


# ---------------------------------------------------------------- promises


def test_student_code_has_another_user_id(box: Box, backend: Backend) -> None:
    promised(backend, "other-user")
    source = "import os\nanswer = [os.getuid(), os.geteuid(), os.getgroups(), os.getresuid(), os.getresgid()]"
    uid, euid, groups, uids, gids = ran(box, source)
    assert {uid, euid, *uids} == {uid} and uid not in (0, os.getuid(), 65534) and 0 not in (*groups, *gids)
    for attempt in ("os.setuid(0)", "os.setgroups([0])", "os.chown('/tmp', 0, 0)", "os.chroot('/')"):
        with pytest.raises(Crashed, match=r"PermissionError|FileNotFoundError|Invalid argument"):
            ran(box, f"import os; {attempt}")


def test_boxes_do_not_share_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are made at the same moment, before the first process of either runs."""
    few = range(users.RANGE[0] - 60, users.RANGE[0] - 54, 2)  # where no box of another test can be
    monkeypatch.setattr(users, "RANGE", few)
    made = [users.new_user() for _ in range(3)]
    assert sorted(user.uid for user in made) == list(few)
    with pytest.raises(RuntimeError, match="every user id from"):
        users.new_user()
    made[1].release()
    again = users.new_user()
    assert again.uid == made[1].uid
    for user in (made[0], made[2], again):
        user.release()


def test_no_privilege_is_left(box: Box, backend: Backend) -> None:
    """As the kernel sees it from outside."""
    if not backend.confined:
        pytest.skip("nothing is taken away")
    with session_of(box) as session:
        session.ask("echo", {"value": 1}, 0, 20.0)
        (child,) = workers(box)[0].children()
        told = Path(f"/proc/{child.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    if os.geteuid() == 0:
        assert {int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_no_network(box: Box, backend: Backend) -> None:
    promised(backend, "no-network")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        name = f"\0{uuid.uuid4()}"
        abstract.bind(name)
        abstract.listen()
        source = (
            "import socket\ntry:\n    socket.create_connection(('127.0.0.1', given['port']), 2); answer = 'reached'\n"
        )
        source += "except OSError: answer = 'refused'"
        assert ran(box, source, port=server.getsockname()[1]) == "refused"
        source = "import socket\ntry:\n    socket.socket(socket.AF_UNIX).connect(given['name']); answer = 'reached'\n"
        source += "except OSError: answer = 'refused'"
        assert ran(box, source, name=name) == "refused"
    source = "import socket\ntry: answer = [name for _, name in socket.if_nameindex()]\nexcept OSError: answer = []"
    assert ran(box, source) in (["lo"], [])
    with pytest.raises(Crashed, match="gaierror"):
        ran(box, "import socket; socket.getaddrinfo('example.org', 80)")


LIBC = "import ctypes, errno, os, socket, fcntl\nlibc = ctypes.CDLL(None, use_errno=True)\n"
LIBC += "libc.syscall.restype = ctypes.c_long\n"
LIBC += "def called(*given):\n    ctypes.set_errno(0); return [libc.syscall(*given), errno.errorcode.get(ctypes.get_errno(), '')]\n"


def numbers(calls: dict[str, system_calls.Numbers]) -> dict[str, int]:
    """The numbers of these calls on this machine."""
    column = system_calls.architecture()
    return {name: number for name, found in calls.items() if (number := found[column]) is not None}


def test_system_calls_that_reach_outside_are_refused(box: Box, backend: Backend) -> None:
    """Asked with nothing but zeros: whatever is let through fails with another error, or succeeds."""
    if not backend.confined:
        pytest.skip("it filters no system calls")
    source = LIBC + "answer = {name: called(number, 0, 0, 0, 0, 0, 0) for name, number in given['calls'].items()}"
    asked = numbers(system_calls.REFUSED | system_calls.UNKNOWN)
    wanted = {name: [-1, "ENOSYS" if name in system_calls.UNKNOWN else "EACCES"] for name in asked}
    assert ran(box, source, calls=asked) == wanted
    idle = numbers(system_calls.IDLE)
    assert ran(box, source, calls=idle) == {name: [0, ""] for name in idle}


REFUSED_FOR = {  # what a call is given, and what comes of it
    "clone a user": ("clone", (0x10000000 | 17, 0, 0, 0, 0), "EACCES"),
    "clone a network": ("clone", (0x40000000 | 17, 0, 0, 0, 0), "EACCES"),
    "read what is cached": ("preadv2", (0, 0, 0, 0, 0, 8), "ENOTSUP"),
    "forget what was read": ("preadv2", (0, 0, 0, 0, 0, 0x80), "ENOTSUP"),
    "merge memory": ("prctl", (67, 1, 0, 0, 0), "EINVAL"),
    "page out": ("madvise", (0, 4096, 21), "EINVAL"),
    "lease a file": ("fcntl", (0, 1024, 0), "EINVAL"),
    "watch a folder": ("fcntl", (0, 1026, 1), "EINVAL"),
    "ask for a lock": ("fcntl", (0, 5, 0), "EINVAL"),
    "a hint at a file": ("fcntl", (0, 1036, 0), "EINVAL"),
    "flags of a file": ("ioctl", (0, 0x40086602, 0), "ENOTTY"),
    "a socket of VMs": ("socket", (40, 1, 0), "EACCES"),
    "a socket of the kernel": ("socket", (16, 3, 0), "EACCES"),
    "a socket of ciphers": ("socket", (38, 5, 0), "EACCES"),
    "a socket of packets": ("socket", (17, 3, 0), "EACCES"),
    "a pair that is not local": ("socketpair", (30, 1, 0, 0), "EACCES"),
}
BY_CALL = {
    "clone": system_calls.CLONE,
    "preadv2": system_calls.PREADV2,
    "prctl": system_calls.PRCTL,
    "madvise": system_calls.MADVISE,
    "fcntl": system_calls.FCNTL,
    "ioctl": system_calls.IOCTL,
    "socket": system_calls.SOCKET,
    "socketpair": system_calls.SOCKETPAIR,
}


def test_system_calls_are_refused_for_what_they_are_given(box: Box, backend: Backend) -> None:
    if not backend.confined:
        pytest.skip("it filters no system calls")
    column = system_calls.architecture()
    asked = {what: [BY_CALL[name][column], *given] for what, (name, given, _) in REFUSED_FOR.items()}
    source = LIBC + "answer = {what: called(*words) for what, words in given['asked'].items()}"
    assert ran(box, source, asked=asked) == {what: [-1, told] for what, (_, _, told) in REFUSED_FOR.items()}


def test_calls_of_every_day_are_let_through(box: Box, backend: Backend) -> None:
    """What looks like a call that is refused, and is not: threads, processes, pipes, mapped files, plain reads and locks."""
    source = """
import fcntl, mmap, os, socket, subprocess, sys, tempfile, threading
import numpy, torch
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
answer = [list(ThreadPoolExecutor(4).map(lambda x: x * x, range(5)))]
answer += [subprocess.run([sys.executable, "-I", "-S", "-c", "print(3)"], capture_output=True).stdout]
with tempfile.TemporaryFile() as file:
    fcntl.flock(file, fcntl.LOCK_EX); fcntl.lockf(file, fcntl.LOCK_UN)
    file.write(b"abcd" * 2000); file.flush()
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
    part = bytearray(4)
    answer += [os.preadv(file.fileno(), [part], 4), bytes(part)]
    mapped = mmap.mmap(file.fileno(), 0)
    mapped.madvise(mmap.MADV_WILLNEED); mapped.madvise(mmap.MADV_DONTNEED)
    answer += [mapped[:4]]
shared = mmap.mmap(-1, 4096)
if os.fork() == 0:
    shared[:2] = b"ok"; os._exit(0)
os.wait()
left, right = socket.socketpair()
left.sendall(b"x")
Image.fromarray(numpy.zeros((4, 4), dtype=numpy.uint8)).resize((8, 8)).save("picture.png")
torch.save(torch.ones(3), "three.pt")
answer += [shared[:2], right.recv(1), Image.open("picture.png").size, torch.load("three.pt", mmap=True).sum().item()]
torch.set_num_threads(2)
answer += [(torch.ones(300, 300) @ torch.ones(300, 300)).sum().item() == 300.0 ** 3]
"""
    wanted = [[0, 1, 4, 9, 16], b"3\n", 4, b"abcd", b"abcd", b"ok", b"x", (8, 8), 3.0, True]
    source += "\nanswer = repr(answer)"
    assert ran(box, source) == repr(wanted)


def test_sockets_within_a_network_of_its_own(box: Box, backend: Backend) -> None:
    if backend.name != "bubblewrap":
        pytest.skip("its code shares a network with others, and makes no sockets")
    source = """
import socket
from multiprocessing import Pipe, Pool
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
    other, _ = server.accept()
    one.sendall(b"hello"); answer = [other.recv(5).decode()]
with Pool(2) as pool:
    answer += pool.map(abs, [-1, -2])
"""
    assert ran(box, source) == ["hello", 1, 2]


def test_private_files(box: Box, backend: Backend) -> None:
    promised(backend, "private-files")
    secrets = [
        *(
            str(ROOT / room)
            for room in ("grading", "reference", "rubrics", "tests", "student_stub", "pyproject.toml", ".git")
        ),
        *("/etc/passwd", "/etc/shadow", "/etc/hosts", "/root", "/home", "/sys", "/var", "/autograder"),
        str(Path(__file__)),
    ]
    secrets += [str(path) for path in (ROOT / "rubrics").rglob("*") if path.is_file()]
    source = "import os\nseen = []\nfor path in given['paths']:\n    try:\n"
    source += "        if os.path.isdir(path): seen += [f'{path}/{name}' for name in os.listdir(path)]\n"
    source += "        else: open(path).read(); seen.append(path)\n    except OSError: pass\nanswer = seen"
    way = {str(parent) for root in (sys.prefix, sys.base_prefix) for parent in (Path(root), *Path(root).parents)}
    assert set(ran(box, source, paths=secrets)) <= way  # empty folders on the way to Python
    walk = (
        "import os\nanswer = [name for folder, _, names in os.walk('/') if not folder.startswith(('/proc', '/dev'))\n"
    )
    walk += "          for name in names if name in given['names']]"
    names = [
        "rubric.toml",
        "statistics.safetensors",
        "classifier.safetensors",
        "bubblewrap.py",
        "A5_vae_submission.py",
        Path(__file__).name,
    ]
    assert ran(box, walk, names=names) == []
    with pytest.raises(Crashed, match=r"ModuleNotFoundError|PermissionError"):
        ran(box, "import grading.sandbox")


def test_other_boxes_are_not_seen(box: Box, fresh: Box, backend: Backend) -> None:
    promised(backend, "private-files")
    assert (fresh.submission / "good.py").exists()
    source = "import os\nseen = []\nfor place in given['places']:\n    try: seen += [n for n in os.listdir(place) if 'elbograde' in n or '.py' in n]\n"
    source += "    except OSError: pass\nfor path in given['paths']:\n    try: seen.append(open(path).read())\n    except OSError: pass\nanswer = seen"
    places, paths = [str(fresh.submission), str(fresh.submission.parent), "/tmp"], [str(fresh.submission / "good.py")]
    assert ran(box, source, places=places, paths=paths) == []


@pytest.mark.parametrize(
    "attempt",
    [
        "open(f'{box}/submission/good.py', 'a')",
        "open(f'{box}/submission/new.py', 'w')",
        "open('good.py', 'a')",
        "open(f'{box}/probes.py', 'a')",
        "os.remove(f'{box}/submission/good.py')",
        "os.rename(f'{box}/submission', f'{box}/elsewhere')",
        "os.symlink('/etc/passwd', f'{box}/submission/new.py')",
        "os.truncate(f'{box}/submission/good.py', 0)",
        "open(given['worker'], 'a')",
        "open(os.__file__, 'a')",
        "os.mkdir('/new')",
        "os.open('/', os.O_TMPFILE | os.O_RDWR)",
        "open('/proc/sys/kernel/hostname', 'w')",
        "open('/proc/1/mem', 'rb')",
        "os.listdir('/proc/1/fd')",
    ],
)
def test_the_submission_cannot_be_changed(box: Box, backend: Backend, attempt: str) -> None:
    if not backend.confined:
        pytest.skip("nothing is kept apart")
    worker = ("" if backend.name == "bubblewrap" else str(box.submission.parent)) + "/worker/elbograde_inside/worker.py"
    with pytest.raises(Crashed, match=r"PermissionError|Read-only file system|OSError"):
        ran(box, f"import os; box = code.folder.parent; {attempt}", worker=worker)
    assert (box.submission / "good.py").read_text() == FILES["good.py"]


def test_modes_of_the_submission_stay_as_they_are(box: Box, backend: Backend) -> None:
    """Also where the call is let through as if it had been done."""
    if not backend.confined:
        pytest.skip("nothing is kept apart")
    before = (box.submission / "good.py").stat().st_mode
    source = "import os\ntry: os.chmod(code.folder / 'good.py', 0o777)\nexcept OSError: pass"
    ran(box, source)
    assert (box.submission / "good.py").stat().st_mode == before


def test_private_processes(box: Box, backend: Backend) -> None:
    promised(backend, "private-processes")
    sleeper = psutil.Popen(["sleep", "60"])
    try:
        source = (
            "import os\ntry: seen = [int(n) for n in os.listdir('/proc') if n.isdigit()]\nexcept OSError: seen = []\n"
        )
        source += "read = []\nfor pid in given['pids']:\n    try: read.append(open(f'/proc/{pid}/cmdline').read())\n    except OSError: pass\n"
        seen, read = ran(box, source + "answer = [len(seen), read]", pids=others(sleeper))
        assert (seen <= 3, read) == (True, [])
    finally:
        sleeper.kill()
        sleeper.wait()


def others(sleeper: psutil.Popen) -> list[int]:
    """Processes that are not the code's, by numbers that mean nobody in a small pid namespace."""
    return [pid for pid in (os.getpid(), os.getppid(), sleeper.pid) if pid > 10]


def test_own_signals(box: Box, backend: Backend) -> None:
    promised(backend, "own-signals")
    sleeper = psutil.Popen(["sleep", "60"])
    try:
        source = "import os\nalive = []\nfor pid in given['pids']:\n"
        source += "    try: os.kill(pid, 9); alive.append(pid)\n    except OSError: pass\nanswer = alive"
        assert ran(box, source, pids=others(sleeper)) == []
        with pytest.raises(Ended):
            ran(box, "import os\ntry: os.kill(-1, 9)\nexcept ProcessLookupError: pass\nos.kill(os.getpid(), 9)")
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_the_worker_outlives_signals_from_the_code(box: Box, backend: Backend) -> None:
    promised(backend, "own-signals")
    source = "import contextlib, os, signal, time\nfor n in set(signal.Signals):\n"
    source += "    with contextlib.suppress(PermissionError): os.kill(os.getppid(), n)\ntime.sleep(0.2); answer = 1"
    assert ran(box, source) == 1


def test_a_worker_that_does_not_obey_is_killed(fresh: Box) -> None:
    with session_of(fresh) as session:
        session.ask("echo", {"value": 1}, 0, 20.0)
        fresh._control.close()
    assert fresh._process.wait(5)
    with pytest.raises(SandboxError):
        fresh.session(Limits())


def test_limits_that_the_code_puts_on_the_worker_do_not_last(fresh: Box, backend: Backend) -> None:
    promised(backend, "own-signals")
    source = (
        "import os, resource\ntry: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (20, 20)); answer = 'done'\n"
    )
    if ran(fresh, source + "except PermissionError: answer = 'refused'") == "refused":
        assert ran(fresh, "answer = 1") == 1
    else:
        with pytest.raises(SandboxError):
            fresh.session(Limits())


DAEMON = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import signal, time\\n"
            "for n in set(signal.Signals) - {9, 19}: signal.signal(n, signal.SIG_IGN)\\n"
            "while True: time.sleep(0.1)", given["mark"]])
    os._exit(0)
time.sleep(0.3)
answer = True
"""


def marked(mark: str) -> list[psutil.Process]:
    """Processes with that word on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if mark in (process.info["cmdline"] or []):
            found.append(process)
    return found


def test_nothing_survives_a_session(box: Box, backend: Backend) -> None:
    mark = f"survivor-{uuid.uuid4()}"
    try:
        with session_of(box) as session:
            assert session.ask("run", {"source": DAEMON, "mark": mark}, 0, 20.0)
            assert marked(mark)
        left = bool(marked(mark))
    finally:
        for process in marked(mark):
            process.kill()
    assert left == ("nothing-survives" not in backend.promises)


def test_nothing_survives_a_box(backend: Backend, tmp_path: Path) -> None:
    promised(backend, "nothing-survives")
    mark = f"survivor-{uuid.uuid4()}"
    with box_of(backend, tmp_path, FILES) as box:
        session = box.session(Limits())
        session.ask("run", {"source": DAEMON, "mark": mark}, 0, 20.0)
    session._connection.close()
    session._transcript.close()
    until = time.monotonic() + 5
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.05)
    assert not marked(mark)
    assert not box.submission.exists()


def test_nothing_of_this_process_is_inherited(backend: Backend, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    os.environ["ELBOGRADE_SECRET"] = "not for them"
    try:
        with box_of(backend, tmp_path, {}) as box, session_of(box) as session:
            environment = session.ask("run", {"source": "import os; answer = dict(os.environ)"}, 0, 20.0)
            (child,) = workers(box)[0].children()
            held = Path(f"/proc/{child.pid}/fd")
            descriptors = {link.name: str(link.readlink()) for link in held.iterdir()}
    finally:
        del os.environ["ELBOGRADE_SECRET"]
        os.close(reader)
        os.close(writer)
    kinds = [where.split(":")[0] for number, where in descriptors.items() if int(number) > 2]
    assert kinds == ["socket"]
    assert sorted(number for number in descriptors if int(number) <= 2) == ["0", "1", "2"]
    assert descriptors["0"] == "/dev/null"
    assert not {"ELBOGRADE_SECRET", "PYTHONPATH", "PYTEST_CURRENT_TEST"} & set(environment)


def test_a_box_can_be_used_from_another_thread(box: Box) -> None:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ran(box, "answer = 5")))
    thread.start()
    thread.join(20)
    assert answers == [5]


EVERYTHING = {
    *("other-user", "no-network", "private-files", "private-processes", "own-signals", "nothing-survives"),
    "no-channel-between-boxes",
}
KEPT = {
    "bubblewrap": EVERYTHING | {"bounded-scratch"},
    "landlock": EVERYTHING if os.geteuid() == 0 else EVERYTHING - {"other-user"},
    "uid": EVERYTHING - {"private-files", "private-processes", "no-channel-between-boxes"},
    "none": set(),
}


def test_every_backend_promises_what_it_is_known_for(backend: Backend) -> None:
    assert set(backend.promises) == KEPT[backend.name]
    assert backend.confined == bool(backend.promises)
    assert set(backend.promises) <= set(PROMISES)
