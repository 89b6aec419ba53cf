"""Archives as students and attackers make them."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from grading.records import ExpectedFile

CODE = b"class VAE:\n    pass\n"
EXPECTED = (
    ExpectedFile("A5_vae_submission.py", "code", aliases=("vae_submission.py",)),
    ExpectedFile("A5_diffusion_submission.py", "code"),
    ExpectedFile("vae.pt", "weights"),
    ExpectedFile("diffusion.pt", "weights", required=False),
)
WHOLE = {
    "A5_vae_submission.py": CODE,
    "A5_diffusion_submission.py": b"class DiffusionModel: ...\n",
    "vae.pt": b"weights of the vae",
    "diffusion.pt": b"weights of the diffusion model",
}


def folder_of(place: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files, by relative path."""
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def zip_of(path: Path, files: Mapping[str, bytes], deflate: bool = True) -> Path:
    """A zip with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def zip_of_kind(path: Path, name: str, mode: int) -> Path:
    """A zip with the expected code and one entry of another kind: a link, a device."""
    zip_of(path, {"A5_vae_submission.py": CODE})
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert stat.S_IFMT(mode) == mode
    return path


def tar_of(path: Path, files: Mapping[str, bytes]) -> Path:
    """A tar, gzipped where its name says so, with these files."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def tar_of_kind(path: Path, name: str, kind: bytes, target: str = "") -> Path:
    """A tar with the expected code and one entry of another kind."""
    tar_of(path, {"A5_vae_submission.py": CODE})
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    with tarfile.open(path, "a") as archive:
        archive.addfile(member)
    return path


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """The same file with some bytes replaced by as many others, wherever they occur."""
    content = path.read_bytes()
    assert len(old) == len(new) and old in content
    path.write_bytes(content.replace(old, new))
    return path
