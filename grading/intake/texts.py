"""Text as people hand it in, in whatever encoding: one reader for code, notebooks and what is beside them.

Nothing here can fail: what cannot be decoded costs only its own characters.
"""

import codecs
import io
import re
import tokenize
from dataclasses import dataclass

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", ""),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
LOOKED_AT = 1 << 16  # bytes from which it is told whether a text is in UTF-16
MOSTLY, HARDLY = 0.6, 0.1  # shares of zero bytes in one half of the bytes, and in the other, where it is
DECLARED = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)([-\w.]+)", re.ASCII)  # as Python looks for it, in two lines
UTF_8 = {"utf-8", "utf8", "utf-8-sig"}


@dataclass(frozen=True)
class Text:
    """A text with plain line ends, and what had to be done to read it."""

    text: str
    converted: str = ""  # "was written in UTF-16"; empty where it was in UTF-8, as Python expects


def read_text(content: bytes) -> Text:
    """The text in some bytes: in the encoding that they are in, else in the one that they declare, else in Windows-1252."""
    text, encoding = _decoded(content)
    said = [f"was written in {encoding}"] if encoding else []
    if "\0" in text:
        text = text.replace("\0", "")
        said.append("held NUL characters, which were left out")
    return Text(text.replace("\r\n", "\n").replace("\r", "\n"), " and ".join(said))


def as_utf8(content: bytes) -> bytes:
    """The same text in UTF-8 without a mark; the very bytes where they are that already."""
    if content.startswith(tuple(mark for mark, _, _ in MARKS)) or b"\0" in content or not _is_utf8(content):
        return read_text(content).text.encode("utf-8", "backslashreplace")
    return content


def as_module(content: bytes) -> tuple[bytes, str]:
    """Code as Python can import it, and what had to be done: the very bytes and nothing, where they will do."""
    read = read_text(content)
    declared = _declared(content)
    marked = content.startswith(codecs.BOM_UTF8)
    if not read.converted and not marked and (declared in UTF_8 or not declared):
        return content, ""
    lines = read.text.split("\n")
    lines[:2] = [DECLARED.sub(r"\1utf-8", line) for line in lines[:2]]
    wrong = declared and not _known(declared) and f"declares an encoding that does not exist ({declared[:40]})"
    said = read.converted or wrong or ""
    return "\n".join(lines).encode("utf-8", "backslashreplace"), said


def _decoded(content: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding where that is neither UTF-8 nor what it declares."""
    for mark, codec, name in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, "replace"), name
    if codec := _utf16(content[:LOOKED_AT]):
        return content.decode(codec, "replace"), "UTF-16"
    if _is_utf8(content):
        return content.decode("utf-8"), ""
    declared = _declared(content)
    if declared and declared not in UTF_8 and _known(declared):
        try:
            return content.decode(declared), ""
        except (UnicodeError, LookupError):
            pass  # it does not keep what it says
    try:
        return content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def _utf16(content: bytes) -> str:
    """The kind of UTF-16 that unmarked bytes plainly are: of Latin letters every other byte is zero."""
    half = len(content) // 2
    if half < 4:
        return ""
    even, odd = content[::2].count(0) / half, content[1::2].count(0) / half
    return "utf-16-le" if odd > MOSTLY and even < HARDLY else "utf-16-be" if even > MOSTLY and odd < HARDLY else ""


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _declared(content: bytes) -> str:
    """The encoding that a script declares in its first two lines; empty where it declares none."""
    for line in re.split(r"\r\n|\r|\n", content[:1000].decode("latin-1"))[:2]:
        if found := DECLARED.match(line):
            return found[2].lower().replace("_", "-").removesuffix("-unix").removesuffix("-dos")
        if line.strip() and not line.lstrip(" \t\f").startswith("#"):
            break
    return ""


def _known(name: str) -> bool:
    """Whether it is an encoding of texts that Python knows: not one such as "hex", nor an unknown one."""
    try:
        tokenize.detect_encoding(io.BytesIO(f"# coding: {name}\n".encode()).readline)
    except (SyntaxError, UnicodeEncodeError):
        return False
    return codecs.lookup(name)._is_text_encoding
