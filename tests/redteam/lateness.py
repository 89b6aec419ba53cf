"""Time that one row takes so that others have none: a whole submission's seconds slept or burnt away. Row 60."""

from .submissions import BODY, WHOLE_VAE, Edit, attack

LATER = ("vae.generate_sample", "diffusion.schedule", "diffusion.add_noise")
EVERY = ("vae.forward", "vae.reparameterize", "vae.kl_loss", "vae.generate_sample")
SLEEPS = "import time\ntime.sleep(@FROM(600,90000))"
BURNS = "@WORD = @FROM(1,999)\nwhile @WORD:\n    @WORD = @WORD * @FROM(3,99) % @FROM(100003,999999) + 1"
NAPS = "import time\nfor _ in range(@FROM(900,9000)):\n    time.sleep(0.@FROM(1,9))\nreturn mu"
KIND = "class VAE(nn.Module):\n"
SLEEPY = """
def _late(method):
    def @WORD(*args, **kwargs):
        import time
        time.sleep(@FROM(600,90000))
        return method(*args, **kwargs)
    return @WORD


def _everywhere(kind):
    for name in [name for name, value in vars(kind).items() if callable(value) and name != "__init__"]:
        setattr(kind, name, _late(vars(kind)[name]))
    return kind

"""
# Right answers, each of which takes nearly all the time that there is.
SLOW = SLEEPY.replace("time.sleep(@FROM(600,90000))", "time.sleep(1.@FROM(1,9))")
TRAP = """
import os, tempfile, time
for folder in (tempfile.gettempdir(), "/tmp", "/dev/shm", os.getcwd()):
    try:
        os.close(os.open(os.path.join(folder, TARGET["marker"] + "-late"), os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass
time.sleep(@FROM(600,90000))
"""
TRAPPED = """
import os as _os, tempfile as _tempfile, time as _time
for _folder in (_tempfile.gettempdir(), "/tmp", "/dev/shm", _os.getcwd()):
    if _os.path.exists(_os.path.join(_folder, TARGET["marker"] + "-late")):
        _time.sleep(@FROM(600,90000))
"""


def late(name: str, tries: str, edit: Edit, **more: object) -> object:
    """An attack on the time of a whole submission, which is given little."""
    usual = {"attacked": BODY, "beside": LATER, "altogether": 12.0, "again": 15.0}
    return attack(name, (60,), tries, edit, **(usual | more))


ATTACKS = (
    late("sleeps_the_time_away", "sleep in an early method, so that later rows have no time", Edit(SLEEPS)),
    late("burns_the_time_away", "count for ever in one", Edit(BURNS)),
    late("naps_the_time_away", "sleep again and again, and answer in the end", Edit(NAPS)),
    late(
        "sleeps_everywhere",
        "sleep in every method, so that nothing is left but rows without a verdict",
        Edit(top=SLEEPY, edits=((KIND, "@_everywhere\n" + KIND),)),
        attacked=WHOLE_VAE,
        beside=("diffusion.schedule",),
        say="no answer|left to a human",
        altogether=32.0,
        again=14.0,
    ),
    late(
        "makes_later_rows_sleep",
        "leave a mark that makes the methods of later rows sleep",
        Edit(TRAP, edits=((KIND, TRAPPED.lstrip("\n") + "\n\n" + KIND),)),
        beside=LATER[1:],
        free=WHOLE_VAE[1:],
    ),
    late(
        "answers_slowly",
        "answer rightly, and use up nearly all the time that there is",
        Edit(top=SLOW, edits=((KIND, "@_everywhere\n" + KIND),)),
        attacked=(),
        free=EVERY,
        beside=("diffusion.schedule", "diffusion.add_noise"),
    ),
)
