"""A syntax tree of a newer Python, written down as this one reads it; see `newer`. By tree-sitter's names for nodes."""

from collections.abc import Callable, Iterator, Sequence

from tree_sitter import Node

DEEPEST = 200  # nodes within nodes that are rewritten


def for_this_one(root: Node) -> str:
    """The text of a tree without mistakes, with what is newer in it rewritten."""
    made = _text(root, 0).decode("utf-8", "surrogatepass")
    names = sorted({name for node in _all(root) for each in _parameters(node) for name in _names(each)})
    if not names or "from __future__ import" in made:
        return made
    return "".join(f"{name} = __import__('typing').TypeVar({name!r}); " for name in names) + "\n" + made


def holds_newer(root: Node) -> bool:
    """Whether anything in a tree is known to newer Pythons alone."""
    return any(map(_newer, _all(root)))


def _newer(node: Node) -> bool:
    """Whether no Python before 3.12 knows it."""
    return node.type == "type_alias_statement" or bool(_parameters(node)) or _template(node) or _bare_except(node)


def _parameters(node: Node) -> list[Node]:
    """The type parameters of a function or a class: `[T]` in `def first[T](values)`."""
    return node.children_by_field_name("type_parameters")


def _all(root: Node) -> Iterator[Node]:
    left = [root]
    while left:
        node = left.pop()
        yield node
        left += node.children


def _text(node: Node, depth: int) -> bytes:
    """The source of a node, with what is newer in it rewritten."""
    own = node.text or b""
    rewrite = REWRITES.get(node.type)
    made = rewrite(node, depth) if rewrite and depth < DEEPEST else None
    if made is not None:
        return made
    if not node.children or depth >= DEEPEST:
        return own
    return _between(node, node.children, depth)


def _between(node: Node, children: Sequence[Node], depth: int) -> bytes:
    """The source of a node, of whose children only these are left."""
    own, at, pieces = node.text or b"", node.start_byte, []
    left_out = [each for each in node.children if each not in children]
    for child in node.children:
        pieces.append(own[at - node.start_byte : child.start_byte - node.start_byte])
        pieces.append(b"" if child in left_out else _text(child, depth + 1))
        at = child.end_byte
    return b"".join([*pieces, own[at - node.start_byte :]])


def _prefix(node: Node) -> str:
    """What stands before the quotes of a string: "", "f", "rb" …"""
    start = (node.children[0].text or b"").decode() if node.children else ""
    return start.rstrip("\"'").lower()


def _template(node: Node) -> bool:
    return node.type == "string" and "t" in _prefix(node)


def _bare_except(node: Node) -> bool:
    values = node.children_by_field_name("value") if node.type == "except_clause" else []
    return len(values) > 1


def _string(node: Node, depth: int) -> bytes | None:
    """An f-string as a join of its parts."""
    if "f" not in _prefix(node):
        return None
    quotes = (node.children[0].text or b"").lstrip(b"fFrRbB")
    raw = b"r" if "r" in _prefix(node) else b""
    parts = [
        _field(child, depth) if child.type == "interpolation" else _literal(child, raw, quotes)
        for child in node.children[1:-1]
    ]
    return b"''.join((" + b"".join(part + b", " for part in parts) + b"))"


def _literal(node: Node, raw: bytes, quotes: bytes) -> bytes:
    return raw + quotes + (node.text or b"").replace(b"{{", b"{").replace(b"}}", b"}") + quotes


def _field(node: Node, depth: int) -> bytes:
    """What stands in braces, as `'{0!r:{1}}'.format(value, spec)`."""
    value = node.child_by_field_name("expression")
    if value is None:
        return b"''"
    conversion = next(((each.text or b"").strip() for each in node.children if each.type == "type_conversion"), b"")
    spec = next((each for each in node.children if each.type == "format_specifier"), None)
    debug = any(each.type == "=" for each in node.children)
    shown = b""
    if debug:
        shown = repr((value.text or b"").decode("utf-8", "replace") + "=").encode() + b" + "
        conversion = conversion or (b"" if spec else b"!r")
    told = _specifier(spec, depth) if spec is not None else b"''"
    return shown + b"'{0" + conversion + b":{1}}'.format((" + _text(value, depth + 1) + b"), " + told + b")"


def _specifier(node: Node, depth: int) -> bytes:
    """The text behind the colon, which may have braces of its own."""
    own, at, parts = node.text or b"", node.start_byte + 1, []
    for child in [each for each in node.children if each.type == "format_expression"]:
        parts.append(repr(own[at - node.start_byte : child.start_byte - node.start_byte].decode()).encode())
        inner = child.child_by_field_name("expression")
        parts.append(b"str(" + (_text(inner, depth + 1) if inner is not None else b"''") + b")")
        at = child.end_byte
    parts.append(repr(own[at - node.start_byte :].decode()).encode())
    return b" + ".join(parts)


def _strings(node: Node, depth: int) -> bytes | None:
    """Strings one behind the other, of which one is an f-string, as a join of theirs."""
    strings = [child for child in node.children if child.type == "string"]
    if not any("f" in _prefix(each) for each in strings):
        return None
    return b"''.join((" + b"".join(_text(each, depth + 1) + b", " for each in strings) + b"))"


def _alias(node: Node, depth: int) -> bytes:
    """`type X[T] = list[T]` as a plain assignment."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    name = (left.text or b"").partition(b"[")[0] if left is not None else b"_"
    return name + b" = " + (_text(right, depth + 1) if right is not None else b"None")


def _names(node: Node) -> list[str]:
    """The names of type parameters: `T` of `[T: int = str]`."""
    found = [(child.text or b"").decode().lstrip("*") for child in node.children if child.type == "type"]
    return [name.partition(":")[0].partition("=")[0].strip() for name in found]


def _function(node: Node, depth: int) -> bytes | None:
    parameters = node.child_by_field_name("type_parameters")
    if parameters is None:
        return None
    return _between(node, [child for child in node.children if child != parameters], depth)


def _class(node: Node, depth: int) -> bytes | None:
    """A class with type parameters, as one that is generic in them."""
    parameters = node.child_by_field_name("type_parameters")
    if parameters is None:
        return None
    generic = b"__import__('typing').Generic[" + ", ".join(_names(parameters)).encode() + b"]"
    bases = node.child_by_field_name("superclasses")
    own = b", " + (bases.text or b"")[1:-1] if bases is not None and bases.named_children else b""
    body = node.child_by_field_name("body")
    name = node.child_by_field_name("name")
    if body is None or name is None:
        return None
    given = own.removeprefix(b", ")
    told = given + b", " + generic if given else generic
    gap = (node.text or b"")[(bases or parameters).end_byte - node.start_byte : body.start_byte - node.start_byte]
    return b"class " + (name.text or b"") + b"(" + told + b")" + gap + _text(body, depth + 1)


def _except(node: Node, depth: int) -> bytes | None:
    values = node.children_by_field_name("value")
    if len(values) < 2:
        return None
    own = node.text or b""
    first, last = values[0].start_byte - node.start_byte, values[-1].end_byte - node.start_byte
    body = next((child for child in node.children if child.type == "block"), None)
    end = body.start_byte - node.start_byte if body is not None else len(own)
    rest = _text(body, depth + 1) if body is not None else b""
    return own[:first] + b"(" + own[first:last] + b")" + own[last:end] + rest


REWRITES: dict[str, Callable[[Node, int], bytes | None]] = {
    "string": _string,
    "concatenated_string": _strings,
    "type_alias_statement": _alias,
    "function_definition": _function,
    "class_definition": _class,
    "except_clause": _except,
}
