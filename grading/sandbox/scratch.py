"""How much the code has written, where it writes to a disk of this machine."""

import os
from pathlib import Path


def written(folder: Path, most_bytes: int, most_files: int) -> str:
    """What is too much below a folder: "" or the reason. Stops counting there; what it may not see counts as nothing."""
    size = count = 0
    places = [str(folder)]
    while places:
        for entry in _entries(places.pop()):
            status = entry.stat(follow_symlinks=False)
            size, count = size + 512 * status.st_blocks, count + 1
            if entry.is_dir(follow_symlinks=False):
                places.append(entry.path)
            if size > most_bytes:
                return f"more than {most_bytes / 2**30:.3g} GiB of files written"
            if count > most_files:
                return f"more than {most_files:,} files written"
    return ""


def _entries(place: str) -> list[os.DirEntry[str]]:
    """What lies in a folder that may vanish, or change, while it is looked at."""
    try:
        with os.scandir(place) as entries:
            return [entry for entry in entries if os.path.lexists(entry.path)]
    except OSError:
        return []
