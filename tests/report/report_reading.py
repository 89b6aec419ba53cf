"""How tests read what the emitters wrote: strictly, as a suspicious reader would."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

# What both kinds of HTML may consist of. Nothing here runs, fetches, submits or frames anything.
ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body svg symbol circle path use rect line header main footer section article div p"
        " span strong code pre br h1 h2 h3 a ul ol li dl dt dd table thead tbody tr th td figure figcaption img details"
        " summary",
    )
)
VOID = frozenset({"meta", "br", "img"})


class Page(HTMLParser):
    """The elements, attributes and visible text of a piece of HTML; unbalanced elements are noted."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open[-1:]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that can be read, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]


def harmless(html: str) -> Page:
    """Reads the HTML and refuses whatever could run or fetch."""
    found = Page(html)
    assert not found.open and not found.unbalanced
    assert {tag for tag, _ in found.elements} <= ELEMENTS
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("href", "src", "xlink:href", "action"):
            if (value := attributes.get(name)) is not None:
                assert value.startswith(("#", "data:image/png;base64,", "data:image/jpeg;base64,")), value[:80]
    return found


def strict_json(text: str) -> Any:
    """JSON without NaN and Infinity, that can be written as UTF-8."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text.encode("utf-8")
    content = json.loads(text, parse_constant=refuse)
    json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return content


def follows(content: object, schema: str) -> None:
    """Checks the content against a schema of this folder."""
    definition = json.loads((Path(__file__).parent / schema).read_text("utf-8"))
    Draft202012Validator.check_schema(definition)
    Draft202012Validator(definition).validate(content)
