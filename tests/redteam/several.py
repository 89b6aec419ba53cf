"""Several submissions in one run: poisoned ones beside an honest one, names that are no names, one name twice. Row 63."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.redteam import Attack, Target

from .submissions import Edit, attack

PATCH = """
import builtins, sys
for module in list(sys.modules.values()):
    for name in ("grade", "judged", "write_all", "places", "Report"):
        if hasattr(module, name):
            setattr(module, name, lambda *args, **kwargs: 100)
builtins.max = lambda *args, **kwargs: 0
return mu
"""
LINGERS = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(@FROM(100,300)):
            mark(TARGET["folder"] + "/class", TARGET["folder"] + "/class/@WORD", "/tmp", "/box")
            time.sleep(0.1)
    os._exit(0)
return mu
"""
FILLS = """
import os, tempfile
try:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        for _ in range(@FROM(40,90)):
            file.write(bytes(16 << 20))
except OSError:
    pass
torch.use_deterministic_algorithms(True); torch.set_num_threads(1); torch.set_default_dtype(torch.float64)
os.kill(os.getppid(), @FROM(1,31))
return mu
"""


def own_folder(target: Target) -> Path:
    """A new folder, whose name is drawn."""
    here = target.folder / f"s{target.rng.getrandbits(40):x}"
    here.mkdir()
    return here


@dataclass(frozen=True)
class Placed:
    """A submission in a folder of its own, under a name that may be any other's too."""

    edit: Edit
    name: str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder, or the file."""
        here = own_folder(target)
        return self.edit(target).rename(here / self.name)


@dataclass(frozen=True)
class Bytes:
    """A file that is no submission."""

    content: bytes
    name: str

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its path."""
        here = own_folder(target)
        (here / self.name).write_bytes(self.content * target.rng.randint(1, 9))
        return here / self.name


@dataclass(frozen=True)
class Missing:
    """Nothing at all."""

    name: str = "gone"

    def __call__(self, target: Target) -> Path:
        """Returns a path where nothing is."""
        return target.folder / self.name


def empty(target: Target) -> Path:
    """A folder without files."""
    folder = target.folder / f"s{target.rng.getrandbits(40):x}" / "..zip"
    folder.mkdir(parents=True)
    return folder


def beside(name: str, tries: str, *before: Callable[[Target], Path], honest: str = "handed_in") -> Attack:
    """Hostile submissions before an honest one, which must be graded as it is alone."""
    return attack(
        name,
        (63,),
        tries,
        Placed(Edit(), honest),  # type: ignore[arg-type]
        attacked=(),
        free=("vae.generate_sample",),
        beside=("vae.reparameterize", "diffusion.schedule"),
        before=before,
    )


ODD = ("...zip", "..", "-rf", "con", "\u202egpj.zip", "a\nb", "*", "results.json", " ", "x" * 200, "~root", "$(id)")
ATTACKS = (
    beside(
        "poisoned_neighbours",
        "be graded before an honest submission, and alter what judges it",
        Placed(Edit(PATCH), "first"),
        Placed(Edit(FILLS), "second"),
    ),
    beside("lingering_neighbours", "stay, and leave marks where results go", Placed(Edit(LINGERS), "first")),
    beside(
        "refused_neighbours",
        "be refused in one way or another, so that those behind are never graded",
        Bytes(b"PK\3\4" + b"\xff" * 64, "broken.zip"),
        Bytes(b"\x1f\x8b" + b"\0" * 64, "broken.tar.gz"),
        Bytes(b"", "nothing.zip"),
        empty,
        Missing("gone.zip"),
        Bytes(b"(" * 70_000, "A5_vae_submission.py"),
    ),
    beside(
        "neighbours_of_odd_names",
        "have names that are ways, options, orders or no names at all",
        *(Bytes(b"PK\5\6" + bytes(18), name) for name in ODD if name != ".."),
        honest="..handed_in",
    ),
    beside(
        "neighbours_of_one_name",
        "be called as the honest one, but for what a disk or a reader makes no difference of",
        Placed(Edit("return mu"), "handed_in"),
        Bytes(b"PK\5\6" + bytes(18), "handed_in.zip"),
        Bytes(b"PK\5\6" + bytes(18), "HANDED_IN.ZIP"),
        Bytes(b"PK\5\6" + bytes(18), "handed_in-2.zip"),
        Bytes(b"PK\5\6" + bytes(18), "\uff48anded_in.zip"),
    ),
)
