"""PNG bytes as an address that a page can carry inside itself."""

import base64
import io
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from grading.records import Picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 16_000_000  # pixels; what has more is not opened to be made smaller


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
    return Inline(picture.caption, _address("png", png), width, height)


def within(picture: Picture, room: int) -> Inline | None:
    """The picture with an address of at most `room` characters: as it is, with fewer colours, as JPEG, at half its size.

    None where it is no PNG, or still too large then.
    """
    whole = inline(picture)
    if whole is None or len(whole.address) <= room:
        return whole
    if whole.width * whole.height > _LARGEST:
        return None
    made = (Inline(picture.caption, *each) for each in _smaller(picture.png))
    return next((each for each in made if len(each.address) <= room), None)


@lru_cache(maxsize=64)
def _smaller(png: bytes) -> tuple[tuple[str, int, int], ...]:
    """Addresses and sizes, the best first. Kept, since results are written anew after every row."""
    try:
        image = Image.open(io.BytesIO(png)).convert("RGB")
    except (OSError, ValueError, SyntaxError):  # Pillow's words for bytes that only begin like a PNG
        return ()
    half = image.resize((max(image.width // 2, 1), max(image.height // 2, 1)), Image.Resampling.BOX)
    return tuple(
        (_address(kind, made), *scaled.size)
        for scaled in (image, half)
        for kind, made in (("png", _as_png(scaled)), ("jpeg", _as_jpeg(scaled)))
    )


def _as_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.quantize(16).save(file, "PNG", optimize=True)
    return file.getvalue()


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75, optimize=True)
    return file.getvalue()


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
