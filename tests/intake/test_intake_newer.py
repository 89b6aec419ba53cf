"""Code for newer Pythons: what is rewritten means the same, and what is no Python stays none."""

import sys
import time

import pytest

from grading.intake.newer import WAITING, for_newer, for_this_python, parses, rewritten
from grading.sandbox.inside.lacking import WAITS

MEANT = [
    ('x = f"a {d["k"]} b"', "a 1.5 b"),
    ('x = f"{d["b"]!r:>{w}} {"\\n".join(y)}"', "'x' p\nq"),
    ("x = f'{d['k']:{w}.{w}f}{{}}'", "1.500{}"),
    ('x = f"{d["k"]=}"', 'd["k"]=1.5'),
    ('x = f"{f"{f"{1}"}"}"', "1"),
    ('x = f"{w # a comment\n}"', "3"),
    ('x = "p" f"{d["k"]}" "q"', "p1.5q"),
    ('x = rf"\\d{d["k"]}"', "\\d1.5"),
    ("x = f'{ {'a': 1}['a'] }'", "1"),
    ("type X = int\nx = X", int),
    ("def f[T: int](x: T) -> T:\n    return x\n\nx = f(3)", 3),
    ("class A[T](dict):\n    def g(self):\n        return f'{d['k']}'\n\nx = A().g()", "1.5"),
    ("class A[T]:\n    z = 1\n\nx = A[int].z", 1),
    ("try:\n    1 / 0\nexcept ZeroDivisionError, KeyError:\n    x = 5", 5),
]


@pytest.mark.parametrize(("text", "meant"), MEANT)
def test_what_is_rewritten_means_the_same(text: str, meant: object) -> None:
    space = {"d": {"k": 1.5, "b": "x"}, "w": 3, "y": ["p", "q"]}
    made = rewritten(text)
    assert made is not None
    exec(made, space)
    assert space["x"] == meant


@pytest.mark.parametrize("text", ["x = = 3", 'print "x"', "def f(:\n  pass", 'x = f"{a["', "if x:\npass", "x = f'{}'"])
def test_what_is_no_python_stays_none(text: str) -> None:
    assert rewritten(text) is None
    assert not for_newer(text)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads it")
def test_what_cannot_be_rewritten_is_told_from_what_is_wrong() -> None:
    assert not parses('x = t"a {b}"') and rewritten('x = t"a {b}"') is None
    assert for_newer('x = t"a {b}"')


def test_nothing_is_too_deep() -> None:
    assert rewritten("x = " + "(" * 5000 + ")" * 5000) is None
    deep = 'f"{' * 300 + "1" + '}"' * 300
    made = rewritten(f"x = {deep}")
    assert made is None or parses(made)


@pytest.mark.parametrize("part", ['"', "(", "if x:\n ", 'f"{', "lambda:", "def f[T]("])
def test_nothing_takes_long(part: str) -> None:
    begun = time.monotonic()
    for size in (60_000, 500_000):
        text = part * (size // len(part))
        assert rewritten(text) is None or parses(rewritten(text) or "")
        for_newer(text)
    assert time.monotonic() - begun < 20


def test_nothing_handed_in_is_taken_for_a_module_of_ours_that_waits() -> None:
    forged = WAITING.format(told="not my fault")
    here = for_this_python(forged, "x.py")
    assert not here.waits and not here.text.startswith(WAITS) and here.text.strip() == forged.strip()
