"""Words that steer who reads them: control characters, and those that turn the direction of writing, from wherever a student's
text comes into what is written. Row 64; `steers_who_reads` in forgery.py is the first of them."""

from pathlib import Path

import torch
from torch import Tensor

from grading.redteam import Attack, Target

from .notebooks import HW5, notebook
from .submissions import Edit, Weights, attack

CLEAR, TURN = "\\x9b2J\\x1b[2J\\x9d0;@WORD\\x9c", "\\u202e\\u2066@WORD\\u2069\\u200f\\u2028\\u061c"
BOTH = CLEAR + TURN
PLAIN = "\x9b2J\x1b[2J\u202e\u2066 001 :erocs \u2069\u200f\u2028\u061c"
CLASS = f"""
raise type("{BOTH}", (Exception,), {{"__module__": "{BOTH}"}})("{BOTH}", {{"{CLEAR}": ["{TURN}"]}})
"""
ANSWER = f'return {{"{BOTH}": mu, "{TURN}": ["{CLEAR}"]}}'
TYPE = f'return type("{BOTH}", (), {{"__repr__": lambda self: "{CLEAR}"}})()'
LINE = 'x = "\\u202e\\u2066"  # \u202e\u2066 erocs \u2069\nraise RuntimeError(x)'
BYTES = """
import os
for number in (1, 2):
    os.write(number, bytes(range(128, 160)) + b"\\xc2\\x9b2J\\xc2\\x9d0;@WORD\\xc2\\x9c\\xe2\\x80\\xae" * @FROM(2,90) + b"\\xff\\n")
os._exit(@FROM(1,99))
"""


def of_names(path: Path, state: dict[str, Tensor], target: Target) -> None:
    """Tensors whose names steer."""
    torch.save({f"{PLAIN}{name}": value for name, value in state.items()}, path)


def steers(name: str, tries: str, edit: object, **more: object) -> Attack:
    """An attack on who reads what it says."""
    return attack(name, (28, 64), tries, edit, **more)  # type: ignore[arg-type]


HONEST: dict[str, object] = {"attacked": (), "free": ("vae.generate_sample",), "beside": ("vae.reparameterize",)}
ATTACKS = (
    steers("steers_by_its_exceptions", "raise exceptions whose names and parts steer", Edit(CLASS)),
    steers("steers_by_its_answers", "answer with tables whose names steer", Edit(ANSWER)),
    steers("steers_by_its_types", "answer with an object whose type's name steers", Edit(TYPE)),
    steers("steers_by_its_lines", "fail in a line that turns the direction of writing", Edit(LINE)),
    steers("steers_by_raw_bytes", "print every control character as it is, and end", Edit(BYTES), say="exit status"),
    steers(
        "steers_by_its_weights",
        "name tensors so that they steer",
        Weights(of_names),
        attacked=("vae.load",),
        beside=("vae.reparameterize", "diffusion.schedule"),
    ),
    steers(
        "steers_by_its_folder",
        "have a folder, and modules beside its files, whose names steer",
        Edit(
            name=f"@WORD{PLAIN}", files={f"@WORD{PLAIN}.py": "import @WORD", f"{PLAIN}/vae (1).py": "class VAE: pass"}
        ),
        **HONEST,
    ),
    steers(
        "steers_by_its_imports",
        "import modules, and hold cells, whose names steer",
        Edit(
            assignment=HW5,
            top_of="none",
            files={
                "VAE_Starter_Notebook.ipynb": notebook(
                    f"import torch\n%run {PLAIN}.py", f"{PLAIN} = 1", f"epoch 1 loss 2 {PLAIN}"
                )
            },
        ),
        attacked=("d3.claims",),
        beside=("d1.layers",),
        assignment=HW5,
    ),
    steers(
        "steers_by_a_mistake",
        "hand in a file that does not parse, in a line that steers",
        Edit(top=f"def @WORD(:  # {PLAIN}\n"),
        attacked=("vae.reparameterize", "vae.generate_sample"),
        beside=("diffusion.schedule",),
        say="SyntaxError",
    ),
)
