"""What student code may read besides its own files: the system's libraries and Python's, and nothing of this project."""

import os
import site
import sys
from collections.abc import Iterable
from pathlib import Path

GRADER = Path(__file__).parent.parent
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
PROJECT_ROOMS = ("reference", "rubrics", "student_stub", "tests")
OTHERS_MAY_ENTER = 0o001


def pythons() -> list[Path]:
    """Python's own folders: those of the interpreter, of the virtual environment and of installed packages."""
    found = [Path(sys.base_prefix), Path(sys.prefix), *map(Path, site.getsitepackages())]
    return [path for path in dict.fromkeys(found) if not any(path != other and within(path, other) for other in found)]


def folders() -> list[Path]:
    """Everything that is shown."""
    return list(dict.fromkeys([*map(Path, SYSTEM), *pythons()]))


def rooms() -> tuple[Path, ...]:
    """Folders of this project that are not for student code."""
    return tuple(room for room in (GRADER, *(GRADER.parent / name for name in PROJECT_ROOMS)) if room.is_dir())


def secrets() -> list[Path]:
    """Those of them that lie among the folders that are shown."""
    return [room for room in rooms() if any(within(room, folder) for folder in folders())]


def readable_by_others(folder: Path) -> bool:
    """Whether any user can get at what is in a folder, by its mode and the modes of those above it."""
    way = (folder.resolve(), *folder.resolve().parents)
    return all(place.stat().st_mode & OTHERS_MAY_ENTER for place in way)


def without(folders: Iterable[Path], hidden: list[Path]) -> list[Path]:
    """Folders and files that make up `folders` but for what is hidden: for walls that can only add."""
    shown: list[Path] = []
    for folder in folders:
        if not any(within(secret, folder) for secret in hidden):
            shown.append(folder)
        elif folder not in hidden:
            shown += without(sorted(folder.iterdir()), hidden)
    return shown


def within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies in it."""
    return path.is_relative_to(folder)


def closed() -> list[Path]:
    """Folders on the way to Python's that other users may not enter, such as a home folder."""
    ways = {parent for path in pythons() for place in (path, path.resolve()) for parent in (place, *place.parents)}
    return sorted(way for way in ways if way.is_dir() and not way.stat().st_mode & OTHERS_MAY_ENTER)


def opened(command: Iterable[str]) -> tuple[str, ...]:
    """The command line in mounts of its own, where closed folders show the way to Python's and nothing else.

    Needs CAP_SYS_ADMIN and util-linux.
    """
    shut = closed()
    tops = [way for way in shut if not any(way != other and within(way, other) for other in shut)]
    if not tops:
        return tuple(command)
    # An open descriptor keeps a folder within reach after the one above it has been covered.
    shown = [path for path in map(os.path.realpath, pythons()) if any(within(Path(path), top) for top in tops)]
    script = "set -e\n"
    for number, path in enumerate(shown):
        script += f"exec {number + 3}< '{path}'\n"
    for top in tops:
        script += f"mount -t tmpfs -o mode=755,size=1m none '{top}'\n"
    for number, path in enumerate(shown):
        script += f"mkdir -p '{path}'\nmount -c --rbind /proc/self/fd/{number + 3} '{path}'\nexec {number + 3}<&-\n"
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script + 'exec "$@"', "sh", *command)
