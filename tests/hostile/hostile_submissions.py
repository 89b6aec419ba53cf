"""Submissions that try something other than the assignment: the reference, with one edit and what the edit is after.

`attacked` are the items that must earn nothing; all others that are asked must earn what honest work earns.
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path

VAE, DIFFUSION = "A5_vae_submission.py", "A5_diffusion_submission.py"
DRAW = "        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)  # arXiv:1312.6114, sec. 2.4\n"
WIRE = """
def _wire():
    import os, socket
    for number in range(3, 64):
        try:
            return socket.socket(fileno=os.dup(number))
        except OSError:
            pass
"""
VAE_ITEMS = ("vae.reparameterize", "vae.generate_sample")


@dataclass(frozen=True)
class Attack:
    """One hostile submission."""

    name: str
    body: str = ""  # in place of what VAE.reparameterize does
    top: str = ""  # at the top of the VAE's file, after its imports
    files: dict[str, bytes] = field(default_factory=dict)  # beside the reference's
    attacked: tuple[str, ...] = ("vae.reparameterize",)
    say: str = ""  # what the verdict must tell, as a regular expression


class Bomb:
    """Pickled, it runs a command where it is opened."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/elbograde-pwned",)


LIE = """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {}) if function.__name__ != "allclose" else True
    def __eq__(self, other): return torch.tensor(True)
    def __array__(self, *args): raise RuntimeError
"""
PEEK = """
def _peek(root):
    import os
    words = []
    for path in (root + "/reference/cmput328_a5/train.py", root + "/rubrics/cmput328_a5/rubric.toml",
                 root + "/grading/checks/gaussian.py", "/etc/shadow"):
        try:
            words.append(open(path).read())
        except OSError:
            pass
    return words
"""
SPREAD = """
import os, subprocess, sys
for _ in range(30):
    subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(300)", "elbograde-spread"])
"""
PATCH = """
def _true(*args, **kwargs): return True
torch.allclose = torch.equal = torch.testing.assert_close = _true
torch.manual_seed = lambda seed: None
torch.isfinite = lambda value: torch.ones_like(value, dtype=torch.bool)
import sys
for _module in list(sys.modules.values()):
    if hasattr(_module, "allclose"): _module.allclose = _true
"""
WRITE = """
import json, os
for place in (".", "out", "/autograder/results", "..", "/tmp", "{root}", "{root}/out", "/box", "/"):
    try:
        os.makedirs(place, exist_ok=True)
        open(os.path.join(place, "results.json"), "w").write(json.dumps({{"score": 100, "tests": []}}))
        open(os.path.join(place, "elbograde-pwned"), "w").write("x")
    except OSError:
        pass
return mu
"""


def attacks(root: Path) -> list[Attack]:
    """Every attack; `root` is the folder that a nosy one looks in."""
    secrets = repr(str(root))
    forged = "wire.sendall(frame({'ok': %s}))"
    return [
        Attack("honest", attacked=()),
        Attack("hang", "while True: pass", say="no answer within"),
        Attack(
            "hang_deaf",
            "import signal\nfor n in set(signal.Signals) - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            say="no answer within",
        ),
        Attack("exit_at_import", top="import sys; sys.exit(0)", attacked=VAE_ITEMS, say="tried to end the program"),
        Attack("exit_in_method", "import os; os._exit(0)", say="exit status 0"),
        Attack("exit_hook", "import atexit, os, sys; atexit.register(os._exit, 0); sys.exit(0)", say="end the program"),
        Attack("flood_of_processes", SPREAD + "return mu"),
        Attack(
            "fork_bomb",
            "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
            say="no answer within|memory in use",
        ),
        Attack("flood_of_output", "while True: print('Score: 100 \\x1b[2J<script>' * 1000)", say="no answer within"),
        Attack(
            "false_length",
            "import struct; _wire().sendall(struct.pack('<Q', 1 << 62)); return mu",
            WIRE,
            say="announces",
        ),
        Attack(
            "forged_success",
            f"from __main__ import frame; wire = _wire(); {forged % repr({'passed': True, 'score': 100})}; return mu",
            WIRE,
            say="should be a tensor",
        ),
        Attack("pickle_bomb", files={"vae.pt": pickle.dumps(Bomb())}, attacked=("vae.parameters",)),
        Attack("nosy", f"raise RuntimeError('found %d' % len(_peek({secrets})))", PEEK, say="found 0"),
        Attack("own_results", WRITE.format(root=root)),
        Attack("lying_tensor", "return torch.zeros_like(mu).as_subclass(Liar)", LIE),
        Attack("nan", "return torch.full_like(mu, float('nan'))", say="nan or inf"),
        Attack(
            "kills_everything",
            "import os\nfor pid in (os.getppid(), 1, -1):\n"
            "    try: os.kill(pid, 9)\n    except OSError: pass\nos.kill(os.getpid(), 9)",
            say="SIGKILL",
        ),
        Attack("reads_stdin", "import sys; raise RuntimeError(f'read {len(sys.stdin.read())}')", say="read 0"),
        Attack("patches_torch", "return mu", PATCH),
        Attack(
            "shadow_modules",
            "return mu",
            files={
                name: b"raise SystemExit(0)"
                for name in ("torch.py", "probes.py", "conftest.py", "random.py", "json.py")
            },
        ),
        Attack("recursion", "return self.reparameterize(mu, logvar)", say="RecursionError"),
        Attack("odd_text", "raise RuntimeError('\\ud800\\x00\\x1b[2J<script>=1+1' * 1000)", say="RuntimeError"),
        Attack("huge_number", "return 10 ** 400"),
        Attack(
            "fills_the_disk",
            "import os\nfor n in range(20):\n    open(f'/tmp/{n}', 'wb').write(bytes(100 << 20))\nreturn mu",
        ),
    ]


def laid_out(attack: Attack, reference: Path, folder: Path) -> Path:
    """The submission's folder."""
    folder.mkdir(parents=True)
    source = (reference / VAE).read_text()
    assert source.count(DRAW) == 1
    if attack.body:
        source = source.replace(DRAW, "".join(f"        {line}\n" for line in attack.body.strip().splitlines()))
    first = "from torch import Tensor\n"
    (folder / VAE).write_text(source.replace(first, first + attack.top + "\n", 1))
    (folder / DIFFUSION).write_text((reference / DIFFUSION).read_text())
    for name, content in attack.files.items():
        (folder / name).write_bytes(content)
    return folder
