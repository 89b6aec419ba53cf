"""PNG bytes as an address that a page can carry inside itself."""

import base64
from dataclasses import dataclass

from grading.records import Picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Inline:
    """A picture as HTML wants it."""

    caption: str
    address: str  # data:image/png;base64,…
    width: int
    height: int


def inline(picture: Picture) -> Inline | None:
    """None where the bytes are no PNG: then there is nothing to show, and the caption alone is told."""
    png = picture.png
    if not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR" or len(png) < 33:
        return None
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return Inline(picture.caption, f"data:image/png;base64,{base64.b64encode(png).decode()}", width, height)
