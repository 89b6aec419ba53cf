"""Weights are looked through, and laid where the submission's code finds them: under the names that it may know them by."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import torch
from safetensors.torch import load_file

from grading.errors import WeightsError
from grading.intake.entries import tricky
from grading.intake.weights import WeightsManifest, quarantine
from grading.records import ExpectedFile

DEEPEST = 3  # folders of the path that a file was handed in by


def examined(
    row: ExpectedFile, source: str, folders: Callable[[], Sequence[Path]], ask: Callable[[str], object], store: Path
) -> WeightsManifest | WeightsError:
    """Puts a weights file through the quarantine; one that is refused is taken away, and what comes back says why.

    Code of the student's opens those that are required, and knows what is around the weights.
    source: the path it was handed in by;  folders: where it lies;  ask: asks the sandbox to open it
    """
    try:
        manifest = quarantine(folders()[0] / row.name, lambda _: ask("weights!"), store, lambda _: ask("model!"))
    except WeightsError as error:
        for folder in folders():
            (folder / row.name).unlink(missing_ok=True)
        return error
    for folder in folders():
        lay(manifest, source, folder, plainly=not row.required)
    return manifest


def lay(manifest: WeightsManifest, source: str, folder: Path, plainly: bool) -> None:
    """Lays accepted weights into the folder with a submission's files.

    source: the path they were handed in by, which the code may name;  plainly: as a state dict and nothing around it
    """
    file = folder / manifest.name
    if manifest.whole or (plainly and manifest.nested):
        file.unlink()
        torch.save(load_file(manifest.path), file)
        file.chmod(0o644)
    for other in _names(source):
        place = folder / other
        if not tricky(other) and not place.exists() and not any(up.is_file() for up in place.parents):
            for up in reversed(place.relative_to(folder).parents):
                (folder / up).mkdir(mode=0o755, exist_ok=True)
                (folder / up).chmod(0o755)
            place.symlink_to(Path(*[".."] * other.count("/"), manifest.name))


def _names(source: str) -> Iterator[str]:
    """The ends of a path: "best.pt", "checkpoints/best.pt", as code names it that lies beside its folder, or in it."""
    parts = PurePosixPath(source).parts
    for count in range(1, min(len(parts), DEEPEST) + 1):
        yield "/".join(parts[-count:])
