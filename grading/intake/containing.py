"""Files whose names hold an expected one among other words: "vae_final.py", "HW5_vae_jsmith.ipynb", "cvae_epoch60.pt"."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from grading.intake.matching import LONGEST, Found, Matching, plain, unwrapped
from grading.records import ExpectedFile

OTHER_CODE = {  # words that make another file of it
    *(
        "train",
        "training",
        "test",
        "tests",
        "utils",
        "util",
        "helper",
        "helpers",
        "main",
        "run",
        "plot",
        "eval",
        "demo",
    ),
    *("evaluate", "sample", "layers", "blocks", "modules", "config", "starter", "stub", "template", "dataset", "data"),
}
OTHER_WEIGHTS = {
    *(
        "optimizer",
        "optim",
        "opt",
        "scheduler",
        "classifier",
        "conditional",
        "cond",
        "vq",
        "encoder",
        "decoder",
        "loss",
    ),
    *(
        "losses",
        "history",
        "stats",
        "discriminator",
        "generator",
        "disc",
        "gen",
        "data",
        "images",
        "samples",
        "features",
    ),
}
CHOICE = (("best",), ("final", "last"))  # of weights under several names, the word that is the more telling first

Words = tuple[str, ...]


def by_containing(
    matching: Matching,
    names: Sequence[str],
    expected: Sequence[ExpectedFile],
    definitions: Mapping[str, Collection[str]],
) -> Matching:
    """The same matching with what is still missing taken from names that hold an expected one, where that is plain.

    A name that holds two expected ones is of the longer. Code that defines other things than are asked for is not meant.
    """
    taken = {found.path for found in matching.found}
    found, rivals = list(matching.found), list(matching.rivals)
    for file in expected:
        if file.name not in matching.missing or file.kind == "starter":
            continue
        fitting = [path for path in names if path not in taken and meant(path, file, expected, definitions)]
        paths = _nearest(_telling(fitting, file))
        if len(paths) == 1:
            others = tuple(path for path in fitting if path != paths[0])
            found.append(Found(file.name, paths[0], False, others=others))
        elif paths:
            rivals.append((file.name, tuple(sorted(paths))))
    known = {each.name for each in found} | {name for name, _ in rivals}
    missing = tuple(name for name in matching.missing if name not in known)
    return replace(matching, found=tuple(found), rivals=tuple(rivals), missing=missing)


def meant(
    path: str, file: ExpectedFile, expected: Sequence[ExpectedFile], definitions: Mapping[str, Collection[str]]
) -> bool:
    """Whether a name holds that of a file among other words, and of no other file a longer one."""
    name = path.rpartition("/")[2]
    held = _held(name, file) if len(name) <= LONGEST else ()
    if not held or any(len(_held(name, other)) > len(held) for other in expected):
        return False
    others = OTHER_WEIGHTS if file.kind == "weights" else OTHER_CODE
    if others & (set(_words(_stem(name))) - set(held)):
        return False
    defined = definitions.get(path)
    return not (file.defines and defined and not set(file.defines) & set(defined))


def _held(name: str, file: ExpectedFile) -> Words:
    """The words of the longest name of a file that another name holds in a row; none where its ending is another."""
    endings = {_ending(known) for known in (file.name, *file.aliases)}
    if file.kind in ("code", "script"):
        endings |= {".py", ".ipynb"}
    if _ending(name) not in endings:
        return ()
    words = _words(_stem(name))
    known = sorted((_words(_stem(each)) for each in (file.name, *file.aliases)), key=len, reverse=True)
    return next((each for each in known if _in_a_row(each, words)), ())


def _in_a_row(some: Words, words: Words) -> bool:
    return bool(some) and any(words[at : at + len(some)] == some for at in range(len(words) - len(some) + 1))


def _telling(paths: Sequence[str], file: ExpectedFile) -> Sequence[str]:
    """Of several weights those that are said to be the best, or the last ones, where there are any."""
    if file.kind != "weights" or len(paths) < 2:
        return paths
    for words in CHOICE:
        if chosen := [path for path in paths if set(words) & set(_words(_stem(path.rpartition("/")[2])))]:
            return chosen
    return paths


def _nearest(paths: Sequence[str]) -> list[str]:
    top = min((path.count("/") for path in paths), default=0)
    return [path for path in paths if path.count("/") == top]


def _words(stem: str) -> Words:
    return tuple(re.findall(r"[^\W_]+", plain(stem)))


def _stem(name: str) -> str:
    return PurePosixPath(unwrapped(name)).stem


def _ending(name: str) -> str:
    return PurePosixPath(unwrapped(name)).suffix.lower().strip()
