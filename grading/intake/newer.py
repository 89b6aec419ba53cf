"""Code for a newer Python than this one, rewritten where that is plain: what is right there is not wrong here.

Known are quotes, line breaks and comments within f-strings (PEP 701), `type X = …`, type parameters (PEP 695) and several
exceptions without brackets (PEP 758). The text is parsed by tree-sitter, which knows all of these, and never run.
"""

import ast
import sys
from dataclasses import dataclass
from functools import cache, lru_cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser

from grading.intake.rewriting import for_this_one, holds_newer
from grading.sandbox.inside.lacking import WAITS

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
WAITING = WAITS + "{told!r})\n"
MOST = 64 * 1024  # characters of a text that is looked at: the parser takes longer than in proportion


@dataclass(frozen=True)
class Here:
    """Code as this Python can read it."""

    text: str
    said: str = ""  # what to tell people where it was rewritten, or could not be
    waits: bool = False  # it could not: the text is a module that says so, and what needs it waits for a human


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_python.language()))


def parses(text: str) -> bool:
    """Whether this Python can read it."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@lru_cache(maxsize=64)
def rewritten(text: str) -> str | None:
    """A text that this Python does not read, as it does; None where it is no Python at all, or cannot be rewritten."""
    root = _tree(text)
    made = None if root is None else for_this_one(root)
    return made if made is not None and parses(made) else None


def for_this_python(text: str, name: str) -> Here:
    """Code that was handed in under that name, as this Python can read it; as it is, where it is no Python at all."""
    if parses(text):
        return Here(f"\n{text}" if text.startswith(WAITS) else text)  # so that it is not taken for one of ours
    for_newer_one = f"{name} is written for a newer Python than {HERE}, which grades here"
    if (made := rewritten(text)) is not None:
        return Here(made, f"{for_newer_one}; it was rewritten for that.")
    if not for_newer(text):
        return Here(text)
    told = f"{for_newer_one}, and could not be rewritten for that"
    return Here(WAITING.format(told=told), f"{told}: a human has to look.", True)


def for_newer(text: str) -> bool:
    """Whether a text that this Python does not read is Python, and holds something that only newer ones know."""
    root = _tree(text)
    return root is not None and holds_newer(root)


def _tree(text: str) -> Node | None:
    """The syntax tree; None where there is a mistake in it, or too much of it."""
    if len(text) > MOST:
        return None
    root = _parser().parse(text.encode("utf-8", "surrogatepass")).root_node
    return None if root.has_error else root
