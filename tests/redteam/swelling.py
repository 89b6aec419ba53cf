"""Memory of the grader's own: answers and weights that are small on the way and large where they are read. Row 62.

Of each it is looked at how far the grader's own process grows.
"""

from pathlib import Path

import torch
from torch import Tensor

from grading.redteam import Attack, Target

from .submissions import Edit, Weights, attack

MOST = 1800 << 20  # bytes that the grader may grow by: what the largest answer of doubles takes, read and checked
BYTES = "return torch.zeros(@FROM(400,500) << 20, dtype=torch.int8)"
TRUTHS = "return [torch.zeros(@FROM(100,120) << 20, dtype=torch.bool) for _ in range(4)]"
DOUBLES = "return torch.randn(@FROM(60,66) << 20, dtype=torch.float64)"
STRING = "return '@WORD' * (@FROM(60,70) << 20)"
STRINGS = "return {str(n) + '@WORD': '\\U0001f600' * 1000 for n in range(@FROM(3000,6000))}"
CONTAINERS = "return [[] for _ in range(@FROM(400000,900000))]"
DEEP = """
deep = []
for _ in range(@FROM(40,90)):
    deep = [deep, mu[:1], {'@WORD': deep}]
return deep
"""
MANY = "return [torch.zeros(0) for _ in range(@FROM(21000,90000))]"
HALVES = "return torch.zeros(1, dtype=torch.float16).expand(@FROM(8000,9000), @FROM(8000,9000))"
# A header that claims a text of hundreds of megabytes, sent a little at a time.
CLAIM = """
import json, struct
body = json.dumps("\\x00" * (@FROM(60,80) << 20))
header = json.dumps({"__metadata__": {"body": body}}).encode()
blob = struct.pack("<Q", len(header)) + header
for wire in sockets():
    wire.sendall(struct.pack("<Q", len(blob)) + blob)
return mu
"""


def swells(name: str, tries: str, body: str, say: str = "") -> Attack:
    """An attack by an answer."""
    return attack(name, (62,), tries, Edit(body), say=say, memory_bytes=MOST, longest=120.0)


def buffer_of_bytes(path: Path, state: dict[str, Tensor], target: Target) -> None:
    """As many numbers as weights may have, in bytes, in rows as long as images."""
    rows = target.rng.randint(220_000, 250_000)
    torch.save(state | {"kept": torch.randint(0, 255, (rows, 784), dtype=torch.uint8)}, path)


def buffer_to_the_brim(path: Path, state: dict[str, Tensor], target: Target) -> None:
    """The same with as many as are accepted, each row of which has the contrast of an image."""
    rows = target.rng.randint(140_000, 165_000)
    blurred = torch.randint(0, 255, (rows, 49), dtype=torch.uint8).repeat_interleave(16, 1)
    torch.save(state | {"kept": blurred}, path)


def many_tensors(path: Path, state: dict[str, Tensor], target: Target) -> None:
    """As many tensors as there may be, all views of a few bytes."""
    base = torch.zeros(1000)
    views = {f"kept.{number}": base.expand(target.rng.randint(900, 999), 1000) for number in range(15_000)}
    torch.save(state | views, path)


def expanded(path: Path, state: dict[str, Tensor], target: Target) -> None:
    """The weights themselves, as views of a single number each."""
    torch.save({name: value.flatten()[:1].expand(value.numel()).view_as(value) for name, value in state.items()}, path)


KEEP = "        self.latent_dim = latent_dim\n"
# The buffer is as large as what lies in the weights, so that they fit.
FITS = KEEP + (
    "        import os\n"
    "        rows = len(torch.load('vae.pt')['kept']) if os.path.exists('vae.pt') else 1\n"
    '        self.register_buffer("kept", torch.zeros(rows, 784, dtype=torch.uint8))\n'
)


def weighs(name: str, tries: str, change: object, edit: Edit, **more: object) -> Attack:
    """An attack by weights, on whoever measures what they hold."""
    usual: dict[str, object] = {
        "attacked": (),
        "free": ("vae.load",),
        "beside": ("vae.reparameterize", "diffusion.schedule"),
    }
    lay = Weights(change, edit=edit)  # type: ignore[arg-type]
    return attack(name, (62,), tries, lay, **(usual | {"memory_bytes": MOST, "longest": 240.0} | more))  # type: ignore[arg-type]


ATTACKS = (
    swells(
        "bytes_that_widen", "answer with 500 million bytes, which are read as doubles", BYTES, "accepted|numbers|memory"
    ),
    swells("truths_that_widen", "answer with 480 million truth values in a list", TRUTHS, "accepted|numbers|memory"),
    swells("doubles_to_the_brim", "answer with as many doubles as may be", DOUBLES, "shape|accepted|memory"),
    swells("halves_that_expand", "answer with one number that says it is 70 million", HALVES, "shape|accepted|memory"),
    swells("long_string", "answer with a string of 500 MB", STRING, "header|accepted|could not be used"),
    swells(
        "wide_strings", "answer with a table of strings of four bytes a character", STRINGS, "header|accepted|should be"
    ),
    swells("many_containers", "answer with a million lists", CONTAINERS, "header|accepted|should be|malformed"),
    swells(
        "doubling_depth",
        "answer with lists that double with every level",
        DEEP,
        "memory|no answer|deep|header|nested|could not be used",
    ),
    swells("many_tensors", "answer with 90,000 tensors of nothing", MANY, "tensors|header|accepted"),
    swells("header_of_escapes", "answer with a header that is all escapes", CLAIM, "header|announces|malformed"),
    weighs(
        "weights_of_bytes",
        "keep 190 million bytes in the weights, in rows as long as images",
        buffer_of_bytes,
        Edit(edits=((KEEP, FITS),)),
        attacked=("vae.load",),
        free=("vae.accuracy",),
        say="numbers",
    ),
    weighs(
        "weights_of_fewer_bytes",
        "keep as many as are accepted, so that they are held against images",
        buffer_to_the_brim,
        Edit(edits=((KEEP, FITS),)),
        free=("vae.load", "vae.accuracy"),
        quick=True,
    ),
    weighs("weights_of_views", "keep 15,000 views of a few bytes in the weights", many_tensors, Edit()),
    weighs("weights_of_one_number", "keep the weights as views of single numbers", expanded, Edit()),
)
