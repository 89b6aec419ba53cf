"""Names that a student chose, made fit for a sentence: short, printable, not too many."""

import unicodedata
from collections.abc import Iterable

LONGEST = 100


def shown(name: str) -> str:
    """A name as it may be printed anywhere: no control characters, no lone surrogates, at most 100 characters."""
    safe = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in name[: 2 * LONGEST])
    return safe if len(safe) <= LONGEST and len(name) <= 2 * LONGEST else safe[: LONGEST - 1] + "…"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names in a row: a, b, c and 4 more."""
    every = [shown(name) for name in names]
    rest = len(every) - most
    return ", ".join(every) if rest <= 0 else f"{', '.join(every[:most])} and {rest:,} more"


def folded(name: str) -> str:
    """What a file system that ignores case and Unicode composition would see."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def amount(size: int) -> str:
    """A number of bytes, in words."""
    return f"{size:,} bytes" if size < 10_000 else f"{size / (1 << 20):,.1f} MiB"
