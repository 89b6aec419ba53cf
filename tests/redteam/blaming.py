"""Rows that their student would rather have judged by nobody: exceptions of the grader's own, ends of processes that no table
knows, answers over which what reads them might stumble. Row 59."""

from .submissions import BESIDE, WHOLE_VAE, Edit, attack

ALL = ("vae.forward", "vae.reparameterize", "vae.kl_loss", "vae.get_loss", "vae.generate_sample")
HONEST = ("diffusion.schedule", "diffusion.add_noise")
CLASS = "    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:\n"
ENDS = """
def _end(self, *args, **kwargs):
    import os
    os.kill(os.getpid(), {number})
    import time
    time.sleep(60)


def _everywhere(kind):
    for name in [name for name, value in vars(kind).items() if callable(value) and name != "__init__"]:
        setattr(kind, name, _end)
    return kind

"""
KIND = "class VAE(nn.Module):\n"
DECORATED = ((KIND, "@_everywhere\n" + KIND),)

LACKS = "from elbograde_inside.lacking import Lacking as @WORD\nraise @WORD('@WORD1 is not installed here')"
LACKS_BY_CAUSE = """
from elbograde_inside.lacking import Lacking
raise RuntimeError("@WORD") from Lacking("@WORD1 is not installed here")
"""
LACKS_AMID = """
from elbograde_inside.lacking import Lacking
class @WORD(Lacking): pass
try:
    raise @WORD("the machine has no @WORD1")
finally:
    mu / 0
    {}["@WORD2"]
"""
LACKS_IN_TEXT = """
space = {}
exec("from elbograde_inside.lacking import Lacking\\ndef @WORD(*a): raise Lacking('no @WORD1 here')", space)
return space["@WORD"](mu)
"""
DOC = '"""A class-conditional variational autoencoder for FashionMNIST (Kingma & Welling 2014, arXiv:1312.6114)."""\n'
WAITS = (
    "from elbograde_inside.lacking import Lacking\n\nraise Lacking('it is written for a newer Python than 3.9, which grades "
    "here, and could not be rewritten for that')\n"
)
LONG = "# @WORD\n" * 70_000  # too long for its definitions to be lifted out
NOT_THERE = "from elbograde_inside.lacking import NotHandedIn, missing\nraise NotHandedIn('@WORD was not handed in')"
HIDDEN = "space = {}\nexec('def @WORD(mu): raise RuntimeError(mu.shape)', space)\nraise space['@WORD'](mu)"
TEXTUAL = """
exec("def _end(self, *args, **kwargs): raise RuntimeError('@WORD')")


def _everywhere(kind):
    kind.reparameterize = kind.generate_sample = _end
    return kind

"""
UNFOUND = """
    def __getattr__(self, name):
        if name in ("reparameterize", "generate_sample"):
            raise RuntimeError("@WORD")
        return super().__getattr__(name)

"""
LOST = """
import sys
for name, module in list(sys.modules.items()):
    if name.startswith("elbograde_inside") or name == "probes":
        for word, value in list(vars(module).items()):
            if isinstance(value, type) and issubclass(value, BaseException):
                @WORD.append(value)
raise @WORD[@FROM(0,99) % len(@WORD)]("@WORD1")
"""
RESTS = (
    *("torch.zeros(0, 0)", "torch.tensor(7)", "10 ** @FROM(300,900)", "[[[0.0] * 4] * @FROM(2,9)]", "[torch.zeros(0)]"),
    *("{'mu': mu, 'z': [mu]}", "''", "None", "torch.zeros(3).bool()", "'@WORD'"),
)
ODD = """
rests = ({rests})
VAE.asked = vars(VAE).get("asked", @FROM(0,9)) + 1
answer = rests[VAE.asked % len(rests)]
"""
ODD_BODY = ODD.format(rests=", ".join(RESTS)) + "return answer"
BOTH = """
import gc, torch.nn.functional
for kind in (torch.Tensor, torch.nn.Module, torch.nn.Linear):
    for name in ("__init__", "forward", "numpy", "tolist", "contiguous", "cpu"):
        if name in vars(kind):
            setattr(kind, name, lambda *args, **kwargs: (_ for _ in ()).throw(MemoryError("@WORD")))
import builtins
builtins.isinstance = builtins.len = builtins.getattr = lambda *args: 1 / 0
return mu
"""
POISON = """
import os, tempfile
for folder in ("/tmp", "/var/tmp", "/dev/shm", os.getcwd()):
    for name in ("probes.py", "torch.py", "json.py", "A5_vae_submission.py", "elbograde_inside"):
        try:
            path = os.path.join(folder, name)
            if not os.path.lexists(path) and os.path.isdir("/box"):
                open(path, "w").write("raise MemoryError")
        except OSError:
            pass
return ""
"""


def lacks(name: str, tries: str, body: str, say: str, **more: object) -> object:
    """An attack by an exception that means that nobody is to blame."""
    return attack(name, (59,), tries, Edit(body), say=say, beside=BESIDE, **more)


ATTACKS = (
    attack(
        "ends_by_real_time_signals",
        (59,),
        "end its process in every method, by real-time signals, which no table has a name for",
        Edit(top=ENDS.replace("{number}", "@FROM(34,64)"), edits=DECORATED),
        attacked=ALL,
        beside=HONEST,
        say="ended by",
    ),
    attack(
        "ends_by_the_librarys_signals",
        (59,),
        "the same by the signals that the C library keeps for itself",
        Edit(top=ENDS.replace("{number}", "@FROM(32,33)"), edits=DECORATED),
        attacked=ALL,
        beside=HONEST,
        say="ended by|no answer",
        seconds=4.0,
    ),
    attack(
        "ends_by_stopping",
        (59,),
        "stop its process, so that it neither ends nor answers",
        Edit(top=ENDS.replace("{number}", "19"), edits=DECORATED),
        attacked=WHOLE_VAE,
        beside=HONEST,
        say="no answer",
        seconds=2.0,
    ),
    lacks("lacks_what_it_says", "raise the grader's own exception for what is not here", LACKS, "the code raised"),
    lacks("lacks_by_cause", "raise it as the cause of another", LACKS_BY_CAUSE, "the code raised"),
    lacks("lacks_amid_others", "raise one of its kin amid other exceptions", LACKS_AMID, "the code raised"),
    lacks("lacks_in_a_text", "raise it in code that has no file", LACKS_IN_TEXT, "the code raised"),
    lacks("was_not_handed_in", "raise the exception for modules that are missing", NOT_THERE, "the code raised"),
    attack(
        "is_made_of_a_text",
        (59,),
        "have methods that are made of a text, and raise where no line of the file runs",
        Edit(top=TEXTUAL, edits=DECORATED),
        attacked=WHOLE_VAE,
        beside=HONEST,
        say="the code raised",
    ),
    attack(
        "is_not_to_be_found",
        (59,),
        "raise where it is asked for a method",
        Edit(edits=((CLASS, UNFOUND + CLASS.replace("reparameterize", "_reparameterize")),)),
        beside=HONEST,
        say="the code raised",
    ),
    lacks("raises_where_nobody_looks", "raise another in code that has no file", HIDDEN, "the code raised"),
    attack(
        "raises_whatever_there_is",
        (59,),
        "raise one of the exceptions that it finds in the sandbox's own modules",
        Edit("@WORD = []\n" + LOST.strip("\n")),
    ),
    attack(
        "waits_for_a_newer_python",
        (59,),
        "hand in the module that says that code is for a newer Python",
        Edit("return mu", edits=((DOC, WAITS + LONG),)),
        attacked=WHOLE_VAE,
        beside=HONEST,
        say="the code raised",
    ),
    attack(
        "answers_oddly",
        (25, 59),
        "answer with empty tables, single numbers, huge ones, and lists in place of tensors",
        Edit(ODD_BODY),
    ),
    attack(
        "answers_oddly_everywhere",
        (25, 59),
        "the same in every method",
        Edit(
            top=ENDS.split("    import os")[0]
            + "".join(
                f"    {line}\n"
                for line in ODD_BODY.replace("VAE", "_end").replace("mu", "args").strip("\n").splitlines()
            )
            + ENDS.split("time.sleep(60)\n")[1],
            edits=DECORATED,
        ),
        attacked=ALL,
        beside=HONEST,
    ),
    attack(
        "breaks_what_surrounds_it",
        (59,),
        "break torch and Python around what reads its answer, so that nobody can say whose fault it is",
        Edit(BOTH),
    ),
    attack(
        "poisons_the_references_box",
        (59,),
        "leave traps for whoever is asked next, and answer what cannot be read, so that the reference stumbles too",
        Edit(POISON),
        say="should be|could not be used|a str|type",
    ),
)
