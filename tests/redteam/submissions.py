"""Hostile submissions are written as the reference with an edit, and told what there is to take by a line at the top."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from grading.redteam import Attack, Target

from .varying import filled, remarks, renamed, word

VAE, DIFFUSION = "A5_vae_submission.py", "A5_diffusion_submission.py"
DRAW = "        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)  # arXiv:1312.6114, sec. 2.4\n"
FIRST = "from torch import Tensor\n"
BETWEEN, SEP = "\0\1", "\0\2"  # between files, and between a name and its text, while they are drawn together
BODY, BESIDE = ("vae.reparameterize",), ("vae.generate_sample", "diffusion.schedule")
WHOLE_VAE = ("vae.reparameterize", "vae.generate_sample")

# What every attack may use. It tells the judge's own side what it found by raising `loot`.
ABILITIES = """
TARGET = {target!r}


def loot(found):
    raise RuntimeError("LOOT" + "<" + (", ".join(dict.fromkeys(found)) or "nothing") + ">")


def mark(*folders):
    import os
    for folder in (*folders, "/", "/tmp", "/autograder", "/autograder/results", TARGET["root"], TARGET["out"]):
        try:
            os.close(os.open(os.path.join(folder, TARGET["marker"]), os.O_CREAT | os.O_WRONLY))
        except OSError:
            pass


def processes():
    import os
    try:
        names = os.listdir("/proc")
    except OSError:  # not to be listed: then those it can guess
        names = map(str, (1, os.getppid(), TARGET["process"]))
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def sockets():
    import os, socket
    found = []
    for number in range(3, 64):
        try:
            found.append(socket.socket(fileno=os.dup(number)))
        except OSError:
            pass
    return found
"""


def told(target: Target) -> str:
    """The lines at the top of a hostile file."""
    known = {
        "root": str(target.root),
        "out": str(target.out),
        "folder": str(target.folder),
        "neighbour": str(target.neighbour / "answers.py"),
        "marker": target.marker,
        "secret": target.secret,
        "process": target.process,
        "port": target.port,
        "socket": "\0" + target.marker.replace("-pwned", ""),
    }
    return ABILITIES.replace("{target!r}", repr(known))


@dataclass(frozen=True)
class Edit:
    """An assignment's reference with an edit. Called with a target, it writes the submission."""

    body: str = ""  # in place of what VAE.reparameterize does
    top: str = ""  # in a file, after its imports
    edits: tuple[tuple[str, str], ...] = ()  # in any file: what is there, and what comes in its place
    files: Mapping[str, str | bytes] = field(default_factory=dict)  # beside them; @MARKER is replaced
    weights: tuple[str, ...] = ()  # the reference's, that are handed in too
    name: str = ""  # of the folder; "": one that is made up
    assignment: str = "cmput328_a5"
    top_of: str = VAE

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        reference, rng = target.root / "reference" / self.assignment, target.rng
        folder = target.folder / (filled(self.name, rng) or f"handed_in_{word(rng)}")
        folder.mkdir(parents=True)
        sources = {path.name: path.read_text() for path in reference.glob("[!t]*.py")}
        for name, source in self._edited(sources).items():
            top = told(target) + self.top if name == self.top_of else ""
            whole = source.replace(FIRST, FIRST + top + "\n" + remarks(rng), 1)
            sources[name] = renamed(whole, rng) if name == self.top_of else whole
        self._write(folder, sources, target)
        for name in self.weights:
            shutil.copyfile(reference / name, folder / name)
        return folder

    def _write(self, folder: Path, sources: Mapping[str, str], target: Target) -> None:
        """What is drawn for one file is the same in all of them, so that they fit one another."""
        texts = {name: content for name, content in self.files.items() if isinstance(content, str)}
        drawn = filled(BETWEEN.join(f"{name}{SEP}{text}" for name, text in (sources | texts).items()), target.rng)
        whole: dict[str, bytes] = {name: each for name, each in self.files.items() if isinstance(each, bytes)}
        for each in drawn.split(BETWEEN):
            name, _, text = each.partition(SEP)
            whole[name] = text.replace("@MARKER", target.marker).encode(errors="surrogatepass")
        for name, content in whole.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    def _edited(self, sources: dict[str, str]) -> dict[str, str]:
        """Each edit must fit one place, or the attack would be honest work."""
        lines = "".join(f"        {line}\n" for line in self.body.strip("\n").splitlines())
        for old, new in (*self.edits, *([(DRAW, lines)] if self.body else [])):
            assert sum(source.count(old) for source in sources.values()) == 1, f"{old!r} is not in one place"
            sources = {name: source.replace(old, new) for name, source in sources.items()}
        return sources


def attack(name: str, rows: tuple[int, ...], tries: str, edit: Edit, **more: object) -> Attack:
    """An attack on VAE.reparameterize, unless it says otherwise, with a few honest items beside it."""
    usual: dict[str, object] = {"attacked": BODY}
    usual["beside"] = tuple(item for item in BESIDE if item not in more.get("attacked", BODY))  # type: ignore[operator]
    return Attack(name, rows, tries, edit, **(usual | more))  # type: ignore[arg-type]


def hang(name: str, rows: tuple[int, ...], tries: str, edit: Edit, **more: object) -> Attack:
    """An attack that never answers: its items are given little time, and must say that there was no answer."""
    return attack(name, rows, tries, edit, **({"seconds": 2.0, "say": "no answer within"} | more))


@dataclass(frozen=True)
class Weights:
    """The reference with a weights file that `change` writes: called with the path, the reference's
    state dict and the target."""

    change: Callable[[Path, dict[str, Tensor], Target], None]
    name: str = "vae.pt"
    edit: Edit = Edit()

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        folder = self.edit(target)
        state = torch.load(target.root / "reference" / "cmput328_a5" / self.name, weights_only=True)
        self.change(folder / self.name, state, target)
        return folder
