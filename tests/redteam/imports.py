"""Files that do harm where they are imported, or in place of others. Rows 9 to 12."""

from grading.redteam import Attack

from .submissions import WHOLE_VAE, Edit, attack

CONFTEST = "import os\nos.close(os.open('/tmp/@MARKER', os.O_CREAT))\n"
SHADOWS = ("torch.py", "probes.py", "random.py", "json.py", "numpy.py", "worker.py", "safetensors.py", "grading.py")
TRAPS = """
import os
for folder in ("/tmp", ".", "/dev/shm", os.path.expanduser("~/.local/lib/python3.11/site-packages"), "/worker"):
    for name in ("torch.py", "random.py", "json.py", "probes.py", "usercustomize.py", "sitecustomize.py"):
        try:
            if os.path.isdir("/box"):
                os.makedirs(folder, exist_ok=True)
            if os.path.isdir("/box") and not os.path.exists(os.path.join(folder, name)):
                open(os.path.join(folder, name), "w").write("raise SystemExit(0)")
        except OSError:
            pass
return mu
"""
Q2 = "class DenoiseDiffusion:\n"

ATTACKS = (
    attack(
        "exits_at_import",
        (9,),
        "end the program while it is imported",
        Edit(top="import sys; sys.exit(0)"),
        attacked=(),
        free=WHOLE_VAE,  # its definitions are right, and earn what they earn without that line
    ),
    attack(
        "brings_a_conftest",
        (10,),
        "bring conftest.py, pytest.ini, sitecustomize.py, a .pth file",
        Edit(
            "return mu",
            files={
                "conftest.py": CONFTEST,
                "sitecustomize.py": "raise SystemExit(0)",
                "usercustomize.py": "raise SystemExit(0)",
                "evil.pth": "import os; os._exit(0)\n",
                "pytest.ini": "[pytest]\naddopts = --collect-only\n",
                "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--collect-only'\n",
                "setup.py": "raise SystemExit(0)",
            },
        ),
        say="no noise",
    ),
    attack(
        "shadows_modules",
        (11,),
        "bring its own torch.py, json.py, probes.py",
        Edit("return mu", files=dict.fromkeys(SHADOWS, "raise SystemExit(0)")),
        say="no noise",
    ),
    attack(
        "imports_its_shadows",
        (11,),
        "import its own torch.py, probes.py and a package for the sandbox's own, from modules beside its file",
        Edit(
            "return mu",
            top="import my_layers, torch, probes, random, json, elbograde_inside\n",
            files={
                "my_layers.py": "import probes, numpy, safetensors, lib.torch",
                "lib/__init__.py": "import elbograde_inside",
                "lib/torch.py": "import sys\nsys.modules.setdefault('elbograde_inside.asking', None)",
                "elbograde_inside/__init__.py": "raise SystemExit(0)",
                **dict.fromkeys(SHADOWS, "raise SystemExit(0)"),
            },
        ),
        say="",
    ),
    attack("leaves_traps", (10, 11), "leave modules that the next item would import", Edit(TRAPS), say="no noise"),
    attack(
        "does_not_parse",
        (12,),
        "hand in a syntax error, so that nothing is collected",
        Edit(top="def broken(:\n"),
        attacked=WHOLE_VAE,
        say="SyntaxError",
    ),
    Attack(
        "exits_at_import_of_q1",
        (9,),
        "end the program while a file of ift6135_a3 is imported",
        Edit(top="import sys; sys.exit(0)", top_of="q1_vae.py", assignment="ift6135_a3"),
        beside=("q2.q_xt_x0", "q3.sigma_lambda"),
        free=("q1.log_mean_exp",),
        assignment="ift6135_a3",
    ),
    Attack(
        "brings_its_own_starter",
        (11,),
        "bring a starter file that ends the program",
        Edit(
            files={"ddpm_utils/args.py": "raise SystemExit(0)"},
            edits=((Q2, "import ddpm_utils.args\n" + Q2),),
            assignment="ift6135_a3",
        ),
        beside=("q1.log_mean_exp", "q3.sigma_lambda"),
        free=("q2.q_xt_x0",),
        assignment="ift6135_a3",
    ),
)
