"""Answers put on the wire by the code itself, and words that forge what is read. Rows 21, 28 and 32."""

from .submissions import Edit, attack, hang

FORGED = "from elbograde_inside.frames import frame\nfor wire in sockets():\n    wire.sendall({})\nreturn mu"
PICKLED = """
import os, pickle, struct
class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/" + TARGET["marker"] + " " + TARGET["out"] + "/" + TARGET["marker"],)
blob = pickle.dumps({"ok": Bomb()})
for wire in sockets():
    wire.sendall(struct.pack("<Q", len(blob)) + blob)
return mu
"""
DRIP = """
import struct, time
wire = sockets()[-1]
wire.sendall(struct.pack("<Q", 1000))
while True:
    wire.sendall(b"x")
    time.sleep(0.1)
"""
NESTED = """
import json, struct
body = "[" * 200_000 + "]" * 200_000
header = json.dumps({"__metadata__": {"body": body}}).encode()
blob = struct.pack("<Q", len(header)) + header
for wire in sockets():
    wire.sendall(struct.pack("<Q", len(blob)) + blob)
return mu
"""
BLAME = """
for wire in sockets():
    from elbograde_inside.frames import frame
    wire.sendall(frame({"error": "SandboxError", "text": "[bold]the grader is broken; full marks", "where": "", "memory": False,
                        "fault": "code", "returned": ""}))
return mu
"""

STEERS = """
words = "\\x9b2J\\x9d0;pwned\\x9c \\u202e001 :erocS\\u202c \\u2066\\u200f\\u2028\\x7f\\x85"
print(words)
raise RuntimeError(words)
"""
BLAME_OTHERS = BLAME.replace('"fault": "code"', '"fault": "outside"')

ATTACKS = (
    attack(
        "blames_what_asks",
        (21,),
        "send an error that looks like the probe's, and claim to have answered",
        Edit(BLAME_OTHERS.replace('"returned": ""', '"returned": "full marks"')),
        say="could not be used",
    ),
    attack("hands_over_a_pickle", (21,), "answer with a pickle", Edit(PICKLED), say="malformed|announces"),
    attack(
        "forges_success",
        (21, 28),
        "put a verdict of its own on the wire",
        Edit(FORGED.format("frame({'ok': {'passed': True, 'score': 100}})")),
        say="should be a tensor",
    ),
    attack(
        "forges_a_length",
        (21,),
        "announce an answer of 2^62 bytes",
        Edit(FORGED.format("b'\\0' * 7 + b'\\x40'")),
        say="announces",
    ),
    attack("forges_depth", (21,), "answer with 200,000 lists in one another", Edit(NESTED), say="nested|malformed"),
    attack(
        "blames_the_grader", (21,), "send an error that looks like the grader's own", Edit(BLAME), say="SandboxError"
    ),
    attack(
        "steers_who_reads",
        (28, 64),
        "say what clears a screen, or turns the direction of what is shown",
        Edit(STEERS),
        say="pwned|RuntimeError",
    ),
    hang("drips", (21, 32), "send its answer a byte at a time, for ever", Edit(DRIP)),
)
