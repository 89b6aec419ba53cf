"""What a box holds of a submission, and what of it may be something else."""

from pathlib import Path

from grading.sandbox.filling import fill


def handed_in(folder: Path) -> Path:
    """A weights file, a link by which code may name it, and another file."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "vae.pt").write_bytes(b"weights")
    (folder / "checkpoints/best.pt").symlink_to(Path("../vae.pt"))
    (folder / "vae.py").write_text("x = 1")
    return folder


def test_all_is_copied_for_anybody_to_read(tmp_path: Path) -> None:
    files, box = handed_in(tmp_path / "files"), tmp_path / "box"
    fill(box, files, {})
    assert (box / "checkpoints/best.pt").read_bytes() == (box / "vae.pt").read_bytes() == b"weights"
    assert (box / "vae.py").stat().st_mode & 0o777 == 0o644


def test_another_content_lies_under_every_name_that_leads_to_the_file(tmp_path: Path) -> None:
    files, box = handed_in(tmp_path / "files"), tmp_path / "box"
    fill(box, files, {"vae.pt": b"others"})
    assert (box / "vae.pt").read_bytes() == (box / "checkpoints/best.pt").read_bytes() == b"others"
    assert (files / "vae.pt").read_bytes() == b"weights"
    assert (box / "vae.py").read_text() == "x = 1"


def test_a_file_may_be_missing_under_all_its_names(tmp_path: Path) -> None:
    files, box = handed_in(tmp_path / "files"), tmp_path / "box"
    fill(box, files, {"vae.pt": None, "never_handed_in.pt": None})
    assert not (box / "vae.pt").exists() and not (box / "checkpoints/best.pt").exists()
    assert (box / "vae.py").exists()
