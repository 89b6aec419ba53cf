"""Answers that are not what they seem. Rows 22 to 30."""

from .submissions import WHOLE_VAE, Edit, attack

NUMBER = """
class Five(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return Five(0.0)
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __lt__(self, other): return True
    __le__ = __ge__ = __gt__ = __lt__
    def __hash__(self): return 5
"""
ARRAY = """
class Anything:
    dtype = torch.float32
    def __array__(self, *args, **kwargs): raise SystemExit(0)
    def __eq__(self, other): return True
    def __getattr__(self, name): return self
"""
LIAR = """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {}) if function.__name__ != "allclose" else True
    def __eq__(self, other): return torch.tensor(True)
    def __array__(self, *args): raise RuntimeError
    def detach(self): raise SystemExit(0)
    def cpu(self): return self
"""
KL = "        return per_image.mean()\n"
LOSS = "        return recons_loss, self.kl_loss(mu, logvar)\n"
NOISY = "        return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * noise, noise  # arXiv:2006.11239, eq. 4\n"
CACHE = """
kept = VAE.__dict__.get("kept") or {}
VAE.kept = kept
key = tuple(mu.shape)
if key not in kept:
    kept[key] = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
return kept[key]
"""
SCORES = """
import json, os, sys
for stream in (sys.stdout, sys.stderr):
    print("Score: 100\\n", json.dumps({"score": 100, "status": "passed"}), "\\x1b[2J\\x1b]0;pwned\\x07", file=stream)
for number in (1, 2):
    os.write(number, b'{"ok": {"passed": true}}\\n\\xff\\xfe\\x00 100/100 </pre><script>alert(1)</script>')
return mu
"""
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)></pre></details>{{7*7}}[bold red]"
MARKUP = f"""
print({SCRIPT!r})
raise type({SCRIPT!r}, (Exception,), {{}})({SCRIPT!r} + chr(27) + "[2J" + chr(0x202e))
"""
FORMULA = "=cmd|' /C calc'!A0"

ATTACKS = (
    attack("equals_everything", (22,), "return a float that equals every number", Edit("return Five(3.0)", NUMBER)),
    attack("is_any_array", (22,), "return an object that claims to be an array", Edit("return Anything()", ARRAY)),
    attack(
        "zero_kl_that_equals",
        (22,),
        "return such a float for the KL divergence",
        Edit(top=NUMBER, edits=((KL, "        return Five(0.5)\n"),)),
        attacked=("vae.kl_loss",),
    ),
    attack(
        "lying_tensor",
        (23,),
        "return a tensor that fools allclose, equal and detach",
        Edit("return torch.zeros_like(mu).as_subclass(Liar)", LIAR),
    ),
    attack(
        "nan",
        (24,),
        "return nan, which no comparison fails",
        Edit("return torch.full_like(mu, float('nan'))"),
        say="nan or inf",
    ),
    attack(
        "infinity",
        (24,),
        "return infinite losses",
        Edit(edits=((LOSS, "        return recons_loss * float('inf'), self.kl_loss(mu, logvar) * float('-inf')\n"),)),
        attacked=("vae.get_loss",),
        say="nan or inf",
    ),
    attack(
        "nan_as_a_number",
        (24,),
        "return float('nan') for the KL divergence",
        Edit(edits=((KL, "        return float('nan')\n"),)),
        attacked=("vae.kl_loss",),
        say="nan or inf",
    ),
    attack(
        "broadcasts",
        (25,),
        "return a single number where a batch is wanted",
        Edit("return mu.reshape(-1)[:1]"),
        say="wrong shape",
    ),
    attack(
        "empty",
        (25,),
        "return a tensor without numbers, of which everything is true",
        Edit("return mu[:0]"),
        say="wrong shape",
    ),
    attack(
        "mutates_its_input",
        (26,),
        "overwrite x, and return the same memory as image and noise",
        Edit(edits=((NOISY, "        x.zero_(); timestep.zero_()\n        return x, x\n"),)),
        attacked=("diffusion.add_noise",),
        beside=("vae.generate_sample", "diffusion.schedule"),
    ),
    attack(
        "caches_by_shape",
        (27,),
        "answer the second question with the first answer",
        Edit(CACHE),
        say="same z|standard deviation|mean",
    ),
    attack(
        "returns_freed_memory", (27,), "return memory that others have used before", Edit("return torch.empty_like(mu)")
    ),
    attack("prints_a_score", (28,), "print a score, JSON and escape sequences", Edit(SCORES), say="no noise"),
    attack("scripts_in_words", (29,), "put HTML into class names, messages and output", Edit(MARKUP), say="script"),
    attack(
        "script_in_the_name",
        (29,),
        "hand in a folder whose name is HTML",
        Edit("return mu", name="<img src=x onerror=alert(1)>"),
        say="no noise",
    ),
    attack(
        "formula_in_the_name",
        (30,),
        "hand in a folder whose name is a spreadsheet formula",
        Edit("return mu", name=FORMULA.replace("/", ":")),
        say="no noise",
    ),
    attack(
        "odd_text",
        (28, 29),
        "say half characters, NULs and 60,000 words",
        Edit("raise RuntimeError('\\ud800\\x00\\x1b[2J<script>=1+1' * 4000)"),
        say="RuntimeError",
    ),
    attack("huge_number", (24,), "return 10^400", Edit("return 10 ** 400")),
    attack(
        "complex",
        (25,),
        "return complex numbers",
        Edit("return mu.to(torch.complex64)"),
        say="complex|C64|real|cannot|malformed",
    ),
    attack(
        "expands",
        (25, 39),
        "return 4 bytes that claim to be 4 TB",
        Edit("return torch.zeros(1).expand(1 << 20, 1 << 20)"),
    ),
    attack("sparse_and_meta", (25,), "return a tensor that holds no numbers", Edit("return mu.to('meta')")),
    attack(
        "spoofs_its_class",
        (22, 23),
        "return an object whose class says Tensor",
        Edit("return Fake()", "class Fake:\n    __class__ = torch.Tensor\n    shape = (5000, 4)\n"),
        attacked=WHOLE_VAE[:1],
    ),
)
