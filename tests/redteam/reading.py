"""Time and memory of whoever reads what is handed in: headers of digits, towers of brackets, odd encodings, patterns that
backtrack, archives in archives. Row 61."""

import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.redteam import Attack, Target

from .notebooks import HW5, notebook
from .scripts import A9
from .submissions import Edit, attack
from .varying import word

CSCI = "csci2271_a3"
HONEST = Edit()
Write = Callable[[Path, random.Random], None]


@dataclass(frozen=True)
class Beside:
    """Honest files with what `write` lays beside them, or makes of one of them."""

    write: Write
    edit: Edit = HONEST

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        folder = self.edit(target)
        self.write(folder, target.rng)
        return folder


@dataclass(frozen=True)
class Packed:
    """An archive that `write` makes, beside an honest folder."""

    write: Callable[[Path, Path, random.Random], None]
    ending: str = ".zip"

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its path."""
        honest = Edit()(target)
        path = target.folder / f"{word(target.rng)}{self.ending}"
        self.write(path, honest, target.rng)
        return path


def digits(path: Path, honest: Path, rng: random.Random) -> None:
    """A tar whose extended header is one number, over which a pattern of the library backtracks."""
    record = rng.choice("123456789").encode() * rng.randint(200_000, 400_000)
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    path.write_bytes(header.tobuf() + record + bytes(-len(record) % 512) + bytes(1024))


def nested(path: Path, honest: Path, rng: random.Random) -> None:
    """Hundreds of archives, each with archives within."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for _ in range(rng.randint(300, 600)):
            archive.writestr(f"{word(rng)}.zip", b"PK\5\6" + bytes(18))
    with zipfile.ZipFile(path, "w") as archive:
        for _ in range(rng.randint(100, 300)):
            archive.writestr(f"{word(rng)}.zip", inner.getvalue())


def xz_bomb(path: Path, honest: Path, rng: random.Random) -> None:
    """A tar that is almost nothing once it is packed."""
    path.write_bytes(lzma.compress(bytes(rng.randint(300, 500) << 20), preset=0))


def magics(folder: Path, rng: random.Random) -> None:
    for number in range(rng.randint(4, 8)):
        line = "".join(rng.choice(("%x ", "!x ", "x? ", "?x ")) for _ in range(rng.randint(15, 30)))
        (folder / f"{word(rng)}{number}.ipynb").write_text(notebook(f"{line}\n" * 4000, "  " * 30_000 + "?\n"))


def towers(folder: Path, rng: random.Random) -> None:
    sign = rng.choice("-+~")
    deep = rng.randint(150, 199)
    text = f"class VAE: pass\nx = {'(' * deep}1{')' * deep}\ny = {sign * rng.randint(500_000, 900_000)}1\n"
    (folder / f"{word(rng)}.py").write_text(text)
    (folder / "README.py").write_text("[" * rng.randint(100_000, 400_000))


def encodings(folder: Path, rng: random.Random) -> None:
    odd = ["punycode", "idna", "uu", "zip", "bz2", "hex", "rot13", "utf-7", "raw_unicode_escape", "undefined", "mbcs"]
    for name in rng.sample(odd, 7):
        content = f"# -*- coding: {name} -*-\n".encode() + b"class VAE: pass\n" + "\u00fc-x9".encode() * 40_000
        (folder / f"{word(rng)}.py").write_bytes(content)


def names(folder: Path, rng: random.Random) -> None:
    """Names over which what looks for the expected ones may backtrack."""
    for _ in range(rng.randint(50, 150)):
        stem = rng.choice(("copy ", "vae (1)", "1_", "12345_", "-1", "_ ", "vae.py.txt ")) * rng.randint(15, 35)
        (folder / f"{word(rng)} {stem}"[:230]).with_suffix(".py").write_text("class VAE: pass\n")


def backtracking(rng: random.Random) -> list[str]:
    """Lines that the rubrics' patterns for claims begin to fit again and again, and never do."""
    n = rng.randint(900, 990)
    return [
        ("epoch 1" + "1" * n)[:1000],
        ("Epoch: " + "9" * (n - 40) + " loss " * 5)[:1000],
        ("epoch1lossepoch1loss" * 50)[:1000],
        ("trainable param" + "m" * n)[:1000],
        ("Train Epoch:" + " " * 400 + "1" * 200 + " " * 400)[:1000],
        ("conditional" + " " * 300 + "cvae " * 100 + "vae" * 60)[:1000],
        ("accuracy acc " * 70 + "1" * 60)[:1000],
    ]


def claims(name: str) -> Write:
    """The notebook of this name, or the comments of the script, of such lines."""

    def write(folder: Path, rng: random.Random) -> None:
        lines = backtracking(rng)
        text = "".join(f"{rng.choice(lines)}\n" for _ in range(60 if name.endswith(".py") else 1100))
        path = folder / name
        if path.suffix == ".py":
            return path.write_text("".join(f"# {line}\n" for line in text.splitlines()) + path.read_text()) and None
        book = json.loads(path.read_text()) if path.exists() else json.loads(notebook("pass"))
        cell = {"cell_type": "code", "id": word(rng), "metadata": {}, "source": "", "execution_count": 1}
        outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
        book["cells"] += [cell | {"id": word(rng), "outputs": outputs} for _ in range(9)]
        path.write_text(json.dumps(book))
        return None

    return write


def crowd(folder: Path, rng: random.Random) -> None:
    """A notebook that is small on the disk and large in memory."""
    pieces = ",".join("[]" for _ in range(rng.randint(700_000, 740_000)))
    cells = (
        '{"cell_type":"code","metadata":{},"source":"","outputs":[{"output_type":"stream","text":[PIECES]}]}'.replace(
            "PIECES", pieces
        )
    )
    book = f'{{"nbformat":4,"nbformat_minor":5,"metadata":{{}},"cells":[{cells},{cells},{cells}]}}'
    (folder / "variational_autoencoders.ipynb").write_text(book)


def reads(name: str, tries: str, write: Write, **more: object) -> Attack:
    """An attack on whoever reads the files beside the expected ones, which are judged all the same."""
    usual: dict[str, object] = {"attacked": (), "free": ("vae.generate_sample",), "longest": 90.0}
    usual["beside"] = ("vae.reparameterize", "diffusion.schedule")
    return attack(name, (61,), tries, Beside(write), **(usual | more))  # type: ignore[arg-type]


def refused(name: str, tries: str, archive: Packed, say: str) -> Attack:
    """An attack that must not be taken in, within a minute."""
    edit = ("vae.load",), ("vae.reparameterize",)
    return Attack(name, (61,), tries, archive, *edit, say=say, refused=True, longest=90.0)


def claimed(name: str, tries: str, assignment: str, write: Write, row: str, beside: tuple[str, ...]) -> Attack:
    """An attack on whoever looks for numbers in what a student has written."""
    edit = Edit(assignment=assignment, top_of="none")
    more: dict[str, object] = {"attacked": (row,), "beside": beside, "assignment": assignment}
    return attack(name, (61,), tries, Beside(write, edit), longest=90.0, memory_bytes=700 << 20, **more)  # type: ignore[arg-type]


LINES = "write lines over which the patterns for numbers backtrack"
ATTACKS = (
    refused("tar_of_digits", "bring a header of digits", Packed(digits, ".tar"), "oversized|could not be read"),
    refused("zips_in_zips", "bring hundreds of archives in archives", Packed(nested), "other archives|none of"),
    refused("xz_bomb", "unpack 60 kB to 400 MB", Packed(xz_bomb, ".tar.xz"), "bomb|damaged|holds no|unpacked|times"),
    reads("cells_of_magic", "bring notebooks of nothing but magic lines", magics),
    reads("towers_of_brackets", "bring files that a parser climbs for long", towers),
    reads("odd_encodings", "bring files in encodings that fail in their own ways", encodings),
    reads("names_to_backtrack", "bring names over which patterns backtrack", names),
    claimed(
        "claims_that_backtrack", LINES, HW5, claims("VAE_Starter_Notebook.ipynb"), "d3.claims", ("d3.loss_function",)
    ),
    claimed(
        "losses_that_backtrack", LINES, CSCI, claims("variational_autoencoders.ipynb"), "a.notebook", ("b.q_sample",)
    ),
    claimed("comments_that_backtrack", LINES, A9, claims("A9_vae.py"), "vae.claims", ("vae.annealing",)),
    claimed("crowded_notebook", "hand in a notebook of two million lists", CSCI, crowd, "a.notebook", ("b.q_sample",)),
)
