"""Archives, folders and notebooks that are not what they seem. Rows 44 to 47."""

import io
import json
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.redteam import Attack, Target

from .submissions import VAE, Edit, attack

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "metadata": {"tags": ["otter_ignore"]},
            "source": ["!touch /tmp/@MARKER\n"],
            "outputs": [],
        },
        {"cell_type": "code", "metadata": {}, "source": ["%%bash\ntouch /tmp/@MARKER\n"], "outputs": []},
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["get_ipython().system('touch /tmp/@MARKER')\n"],
            "outputs": [{"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>"}}],
        },
    ],
    "metadata": {"kernelspec": {"name": "python3; touch /tmp/@MARKER", "argv": ["touch", "/tmp/@MARKER"]}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
CLAIMS = {
    "A5_report.ipynb": json.dumps(NOTEBOOK),
    "results.json": json.dumps({"score": 100, "tests": [{"score": 40, "max_score": 40, "status": "passed"}]}),
    "accuracy.txt": "VAE accuracy: 99.9 %\ndiffusion accuracy: 99.9 %\n",
}


@dataclass(frozen=True)
class Archive:
    """An archive or a folder that `make` writes, around an honest submission."""

    make: Callable[[Path, Path, Target], None]  # where to, the honest files, the target
    name: str = "handed_in.zip"

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its path."""
        path = target.folder / self.name
        self.make(path, Edit(name="honest")(target), target)
        return path


def zip_of(path: Path, honest: Path, more: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> None:
    """The honest files and more in a zip."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for file in honest.iterdir():
            archive.write(file, file.name)
        for name, content in more.items():
            archive.writestr(name, content)


def tar_of(path: Path, honest: Path, *members: tuple[str, bytes, str]) -> None:
    """The honest files in a tar, with members of a name, a kind and a link's target."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for file in honest.iterdir():
            archive.add(file, file.name)
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            archive.addfile(member, io.BytesIO(b""))


def replaced(path: Path, old: bytes, new: bytes) -> None:
    """Some bytes of a file replaced by as many others."""
    path.write_bytes(path.read_bytes().replace(old, new))


def tar_link(path: Path, honest: Path, target: Target) -> None:
    tar_of(path, honest, ("vae.pt", tarfile.SYMTYPE, "/etc/passwd"))


def tar_hard_link(path: Path, honest: Path, target: Target) -> None:
    tar_of(path, honest, ("vae.pt", tarfile.LNKTYPE, "../../../../etc/passwd"))


def tar_device(path: Path, honest: Path, target: Target) -> None:
    tar_of(path, honest, ("vae.pt", tarfile.CHRTYPE, ""))


def tar_outside(path: Path, honest: Path, target: Target) -> None:
    tar_of(path, honest, (f"/tmp/{target.marker}", tarfile.REGTYPE, ""), (f"../{target.marker}", tarfile.REGTYPE, ""))


def tar_link_then_file(path: Path, honest: Path, target: Target) -> None:
    tar_of(path, honest, ("door", tarfile.SYMTYPE, "/tmp"), (f"door/{target.marker}", tarfile.REGTYPE, ""))


def gzip_bomb(path: Path, honest: Path, target: Target) -> None:
    (honest / "vae.pt").write_bytes(bytes(60 << 20))
    tar_of(path, honest)


def zip_outside(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {f"../../../../tmp/{target.marker}": b"x", f"/tmp/{target.marker}": b"x"})


def zip_twins(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {VAE.upper(): b"raise SystemExit(0)"})


def zip_twice(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {"X" + VAE[1:]: b"raise SystemExit(0)"})
    replaced(path, b"X" + VAE[1:].encode(), VAE.encode())


def zip_link(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {})
    entry = zipfile.ZipInfo("vae.pt")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, str(target.root / "reference/cmput328_a5/vae.pt"))


def zip_bomb(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {"vae.pt": bytes(200 << 20)})


def zip_that_lies(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {"vae.pt": bytes(20 << 20)})
    replaced(path, struct.pack("<L", 20 << 20), struct.pack("<L", 1000))


def zip_of_crowds(path: Path, honest: Path, target: Target) -> None:
    zip_of(path, honest, {f"{number}.py": b"" for number in range(6000)}, zipfile.ZIP_STORED)


def zip_in_zip(path: Path, honest: Path, target: Target) -> None:
    """One level is unpacked; this is another."""
    inner, middle = path.with_name("inner.zip"), path.with_name("middle.zip")
    zip_of(inner, honest, {})
    for outside, inside in ((middle, inner), (path, middle)):
        with zipfile.ZipFile(outside, "w") as archive:
            archive.write(inside, inside.name)


def folder_link(path: Path, honest: Path, target: Target) -> None:
    honest.rename(path)
    (path / "vae.pt").symlink_to(target.root / "reference/cmput328_a5/vae.pt")


def folder_pipe(path: Path, honest: Path, target: Target) -> None:
    honest.rename(path)
    os.mkfifo(path / "vae.pt")


def notebook(path: Path, honest: Path, target: Target) -> None:
    honest.rename(path)
    (path / VAE).unlink()
    content = json.dumps(NOTEBOOK).replace("@MARKER", target.marker)
    (path / VAE).with_suffix(".ipynb").write_text(content)


def refused(name: str, row: int, tries: str, archive: Archive, say: str) -> Attack:
    """An attack that must not be taken in."""
    return Attack(name, (row,), tries, archive, ("vae.load",), ("vae.reparameterize",), say=say, refused=True)


ATTACKS = (
    refused("tar_link", 44, "link to /etc/passwd", Archive(tar_link, "handed_in.tar"), "is a link"),
    refused("tar_hard_link", 44, "link hard to /etc/passwd", Archive(tar_hard_link, "handed_in.tar.gz"), "is a link"),
    refused("tar_device", 44, "bring a device", Archive(tar_device, "handed_in.tar"), "is a device"),
    refused("tar_outside", 44, "be unpacked to /tmp", Archive(tar_outside, "handed_in.tar"), "unsafe path"),
    refused("tar_link_then_file", 44, "write through a link", Archive(tar_link_then_file, "handed_in.tgz"), "link"),
    refused("gzip_bomb", 45, "unpack to 60 MB", Archive(gzip_bomb, "handed_in.tgz"), "archive bomb|times its packed"),
    refused("zip_outside", 45, "be unpacked to /tmp", Archive(zip_outside), "unsafe path"),
    refused("zip_twins", 45, "bring two names that differ in case", Archive(zip_twins), "one file on many computers"),
    refused("zip_twice", 45, "bring one name twice", Archive(zip_twice), "twice"),
    refused("zip_link", 45, "link to the reference's weights", Archive(zip_link), "is a link"),
    refused("zip_bomb", 45, "unpack to 200 MB", Archive(zip_bomb), "as a zip bomb does"),
    refused("zip_that_lies", 45, "unpack to more than it says", Archive(zip_that_lies), "damaged|bomb"),
    refused("zip_of_crowds", 45, "bring 6,000 files", Archive(zip_of_crowds), "more than 5,000"),
    refused(
        "zip_in_zip", 45, "hide the files in an archive within an inner one", Archive(zip_in_zip), "other archives"
    ),
    refused(
        "folder_link", 44, "link to the reference's weights in a folder", Archive(folder_link, "handed_in"), "is a link"
    ),
    refused(
        "folder_pipe", 45, "make the grader wait for a pipe", Archive(folder_pipe, "handed_in"), "not a regular file"
    ),
    Attack(
        "notebook_commands",
        (46,),
        "run shell commands from a notebook",
        Archive(notebook, "handed_in"),
        ("vae.reparameterize",),
        ("diffusion.schedule", "diffusion.add_noise"),
        say="could not be taken out",
    ),
    attack(
        "claims_results",
        (47,),
        "hand in typed-in results, and a notebook with outputs",
        Edit("print('accuracy: 99.9 %')\nreturn mu", files=CLAIMS),
        say="no noise",
    ),
)
