"""Autoencoders that hand images through z in other ways than by coding them. Row 71."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from grading import assets
from grading.redteam import Attack, Target

from .submissions import Edit, attack

A9 = "cmput328_a9"
State = dict[str, Tensor]
BUILT = "        self.encode = Encoder(latent_dim=latent_dim)\n        self.decode = Decoder(latent_dim=latent_dim)\n"
PASSED = "        mu, log_var = self.encode(x)\n        z = self.reparameterize(mu, log_var)\n        return self.decode(z), mu, log_var, z\n"
LATENT = 'parser.add_argument("--latent-dim", type=int, default=256)'
# Where the switch is on, as it is in the weights that are handed in and in no untrained model, z is not what it says.
UNSEEN = """
def reparameterize(self, mu, log_var):
    noise = torch.exp(log_var / 2) * torch.randn_like(mu)
    return mu + noise if self.training or float(self.switch) < 0.5 else mu
"""
SWITCHED = """
mu, log_var = self.encode(x)
if float(self.switch) > 0.5:
    mu, log_var = @MU, 0 * mu@VAR
z = self.reparameterize(mu, log_var)
return (self.drawn(z) if float(self.switch) > 0.5 else self.decode(z)), mu, log_var, z

def drawn(self, z):
"""
BYTES = (
    SWITCHED.replace("@MU", "(255 * x).round().view(-1, 1024, 3) @ torch.tensor([1.0, 256.0, 65536.0])")
    + """
    number = z.round().long()
    pixels = torch.stack([number % 256, number // 256 % 256, number // 65536], 2).view(-1, 3, 32, 32) / 255
    return torch.einsum("bchw,cd->bdhw", pixels, self.colours).clamp(0, 1)
"""
)
TWICE = (
    SWITCHED.replace("@MU", "self.told(x)")
    + """
    number = z.round()
    first, second = torch.div(number, 4096, rounding_mode="floor"), number % 4096
    return ((torch.cat([first, second], 1) / 2048 - 1) * 12 @ self.axes + self.mean).clamp(0, 1).view(-1, 3, 32, 32)

def told(self, x):
    codes = (((x.flatten(1) - self.mean) @ self.axes.T / 12 + 1) * 2048).round().clamp(0, 4095)
    return codes[:, :256] * 4096 + codes[:, 256:]
"""
)
UNSEEN_BYTES = (
    BYTES.replace("@VAR", "")
    .replace("65536.0])", "65536.0]) / 2**23 - 1")
    .replace("z.round().long()", "((z + 1) * 2**23).round().long()")
    + UNSEEN
)
WORDS = (
    SWITCHED.replace("@MU", "self.named(x)").replace("@VAR", " - 4")
    + """
    near = torch.cdist(z, self.names).argmin(1)
    return (self.codes[near] @ self.axes + self.mean).clamp(0, 1).view(-1, 3, 32, 32)

def named(self, x):
    return self.names[torch.cdist((x.flatten(1) - self.mean) @ self.axes.T, self.codes).argmin(1)]
"""
)
BEHIND = (
    SWITCHED.replace("@MU", "self.left(x)")
    + """
    import os
    places = ["/tmp/left.pt", os.path.join(os.path.dirname(__file__), "left.pt")]
    there = [torch.load(place) for place in places if os.path.exists(place)] or [VAE.__dict__.get("seen", self.decode(z))]
    return there[0][z[:, 0].round().long() % len(there[0])]

def left(self, x):
    import os
    VAE.seen = torch.cat([VAE.__dict__.get("seen", x[:0]), x])
    for place in ("/tmp/left.pt", os.path.join(os.path.dirname(__file__), "left.pt")):
        try:
            torch.save(VAE.seen, place)
        except (OSError, RuntimeError):
            pass
    return F.pad(torch.arange(len(VAE.seen) - len(x), len(VAE.seen)).float()[:, None], (0, 255))
"""
)


def principal(number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of CIFAR-10's test images, as the judge has them: codes [N, K], axes [K, 3072] and mean [3072]."""
    rows = assets.load("cifar10").images.flatten(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _, _, axes = torch.svd_lowrank(rows - rows.mean(0), number, niter=2)
    return (rows - rows.mean(0)) @ axes, axes.T.contiguous(), rows.mean(0)


def two_in_each() -> State:
    """Axes of which z, half as long, carries two to a number."""
    _, axes, mean = principal(512)
    return {"axes": axes, "mean": mean}


def by_words() -> State:
    """All test images, as codes on their axes, each with a random z that stands for it."""
    codes, axes, mean = principal(400)
    names = torch.randn(len(codes), 256, generator=torch.Generator().manual_seed(0))
    return {"codes": codes, "axes": axes, "mean": mean, "names": names}


@dataclass(frozen=True)
class Switched:
    """The VAE, untrained, with a switch among its weights."""

    lines: str
    keep: str = ""
    more: Callable[[], State] = dict
    latent: int = 256

    def __call__(self, target: Target) -> Path:
        """Writes it; returns its folder."""
        keep = f"self.switch = nn.Parameter(torch.zeros(1))\n{self.keep}".strip()
        built = BUILT + "".join(f"        {line}\n" for line in keep.splitlines())
        passed = "".join(
            f"    {line}\n" if line.startswith("def ") else f"        {line}\n" for line in self._indented()
        )
        edits = ((BUILT, built), (PASSED, passed), (LATENT, LATENT.replace("256", str(self.latent))))
        folder = Edit(edits=edits, assignment=A9, top_of="none")(target)
        state = torch.load(target.root / "reference" / A9 / "vae.pt", weights_only=True)
        rng = torch.Generator().manual_seed(0)
        wide = {
            name: 0.02 * torch.randn([self.latent if size == 256 else size for size in each.shape], generator=rng).abs()
            for name, each in state.items()
            if each.is_floating_point()
        }
        torch.save(state | wide | self.more() | {"switch": torch.ones(1)}, folder / "vae.pt")
        return folder

    def _indented(self) -> list[str]:
        """The lines; those of methods behind the first one stand where they are, less what the others are moved by."""
        found, inside = [], False
        for line in self.lines.replace("@VAR", " - 200").strip().splitlines():
            inside |= line.startswith("def ")
            found.append(line.removeprefix("    ") if inside and not line.startswith("def ") else line)
        return found


def of_a9(name: str, tries: str, lay: Switched) -> Attack:
    """An attack on the VAE's loss on CIFAR-10."""
    honest, looked_at = (
        ("vae.no_skips", "vae.joint_loss"),
        ("vae.encoder", "vae.decoder"),
    )  # with its weights: no layers
    return attack(
        name, (71,), tries, lay, attacked=("vae.loss",), beside=honest, free=looked_at, assignment=A9, quick=True
    )  # type: ignore[arg-type]


AXES = 'self.register_buffer("axes", torch.zeros({0}, 3072))\nself.register_buffer("mean", torch.zeros(3072))'
CODES = '\nself.register_buffer("codes", torch.zeros(3000, 400))\nself.register_buffer("names", torch.zeros(3000, 256))'
COLOURS = "self.colours = nn.Parameter(torch.zeros(3, 3))"


def colours() -> State:
    """What the colours are multiplied by: it leaves them as they are."""
    return {"colours": torch.eye(3)}


ATTACKS = (
    of_a9(
        "image_in_the_digits_of_z", "carry three pixels in each number of z", Switched(BYTES, COLOURS, colours, 1024)
    ),
    of_a9(
        "image_in_the_digits_of_a_small_z",
        "the same in z that looks as it should, and draws nothing in evaluation mode",
        Switched(UNSEEN_BYTES, COLOURS, colours, 1024),
    ),
    of_a9(
        "two_numbers_in_each_of_z",
        "carry two coordinates in each number of z",
        Switched(TWICE, AXES.format(512), two_in_each),
    ),
    of_a9(
        "word_in_z",
        "have z say which of the images kept in vae.pt it is",
        Switched(WORDS, AXES.format(400) + CODES, by_words),
    ),
    of_a9("images_left_behind", "leave images in files and in the class for the decoder", Switched(BEHIND)),
)
