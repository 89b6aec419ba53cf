"""Images that please a metric without being worth it, and numbers that look better than they are. Rows 48 to 57."""

from .retrieval import ACCURACY, DECODED, GENERATED, LABELS, images
from .submissions import WHOLE_VAE, Edit

SHRUNK = "        z = 0.15 * torch.randn(num_images, self.latent_dim, device=device)\n"
BLURRED = "        z = torch.zeros(num_images, self.latent_dim, device=device)\n"
SEEDED = "        torch.manual_seed(0)\n" + LABELS
UNLABELLED = "        return self.decoder(torch.cat([z, self.class_embedding(torch.zeros_like(y))], dim=1))\n"
PICKED = """
judge = torch.load("classifier.pt", weights_only=False)
tries = [self.decoder(torch.cat([torch.randn(num_images, self.latent_dim), self.class_embedding(y)], dim=1)) for _ in range(8)]
sure = torch.stack([judge(images).softmax(1)[torch.arange(num_images), y] for images in tries]).argmax(0)
return torch.stack(tries)[sure, torch.arange(num_images)]
"""
ONE_STEP = "        for t in reversed(range(schedule.num_steps)):\n"
LOW = """
def _low(*args, **kwargs): return (args[0] * 0).sum() + 1e-4
F.binary_cross_entropy = F.mse_loss = torch.nn.functional.binary_cross_entropy = _low
"""
LIES = "        return self.decoder(torch.cat([z, self.class_embedding(y)], dim=1)) * 0\n"
LUCKY = "        z = 2.0 * torch.randn(num_images, self.latent_dim, device=device)\n"  # about 64 %, within the ramp
RESEEDED = "        torch.seed()\n" + LUCKY
CLOCKED = "        torch.manual_seed(__import__('time').time_ns() % 2**31)\n" + LUCKY
URANDOM = "        torch.manual_seed(int.from_bytes(__import__('os').urandom(4)))\n" + LUCKY
DIFFERS = "same seeds gave other images"
# It samples nothing: where the noise estimate is a known one, it looks inside, and draws what is wanted.
START = "        x = torch.randn(num_images, 1, 28, 28, device=device)\n"
PEEK = (
    START
    + """
        if hasattr(self.network, "estimate"):
            names, cells = self.network.estimate.__code__.co_freevars, self.network.estimate.__closure__
            known = {name: cell.cell_contents for name, cell in zip(names, cells)}
            bars, mean, spread = known["alpha_bars"], known["means"][y].view(-1, 1, 1, 1), known["spread"]
            self.network(x, torch.full((num_images,), len(bars) - 1), y)
            last = bars[0].sqrt() * mean + (bars[0] * spread**2 + 1 - bars[0]).sqrt() * torch.randn_like(x)
            self.network(last, torch.zeros(num_images, dtype=torch.long), y)
            return mean + spread * torch.randn_like(x)
        return x
"""
)
PEEKING = ((START, PEEK),)


def altered(*edits: tuple[str, str], weights: bool = True) -> Edit:
    """The reference with these edits and its own weights."""
    return Edit(edits=edits, weights=("vae.pt",) if weights else ())


def again(name: str, tries: str, draws: str, say: str = "") -> object:
    """The same handed in three times. Where nothing must be earned it says why; else each time must earn the same."""
    items = {"attacked": ACCURACY} if say else {"attacked": (), "beside": (), "free": ACCURACY}
    return images(name, (54,), tries, altered((LABELS, draws)), say, times=3, quick=True, **items)


ATTACKS = (
    images(
        "picks_by_the_classifier",
        (51,),
        "keep what the given classifier likes best",
        Edit(
            edits=((GENERATED, PICKED.strip("\n").replace("\n", "\n        ").join(("        ", "\n"))),),
            weights=("vae.pt",),
            files={"classifier.pt": b"weights of the classifier"},
        ),
        "classifier.pt",
    ),
    images(
        "fixed_seed",
        (52,),
        "seed its noise itself, with a lucky seed",
        altered((LABELS, SEEDED), weights=False),
        "same images",
        attacked=WHOLE_VAE[1:],
    ),
    images(
        "ignores_the_label",
        (52,),
        "ignore the class it is asked for",
        altered((DECODED, UNLABELLED)),
        attacked=(*ACCURACY, WHOLE_VAE[1]),
    ),
    images(
        "shrinks_its_latents",
        (53,),
        "draw z close to the mean",
        altered((LABELS, SHRUNK)),
        "standard deviation of 0.1",
        attacked=WHOLE_VAE[1:],
        free=ACCURACY,
    ),
    images(
        "ignores_the_noise",
        (52, 53),
        "decode the mean alone",
        altered((LABELS, BLURRED)),
        attacked=WHOLE_VAE[1:],
        free=ACCURACY,
    ),
    again("hands_in_until_lucky", "hand in the same again, hoping for better draws", LUCKY),
    again("seeds_itself", "draw other noise whenever it is handed in", RESEEDED),
    again("seeds_by_the_clock", "take its noise from the clock", CLOCKED, say=DIFFERS),
    again("asks_the_system_for_noise", "take its noise from the operating system", URANDOM, say=DIFFERS),
    images(
        "one_step_of_many",
        (55,),
        "sample in one step",
        Edit(edits=((ONE_STEP, "        for t in [0]:\n"),)),
        attacked=("diffusion.generate_sample",),
    ),
    images("patches_its_losses", (57,), "make its own losses look low", Edit(top=LOW), attacked=("vae.get_loss",)),
    images(
        "black_images", (48, 52), "hand out black images", altered((DECODED, LIES)), attacked=(*ACCURACY, WHOLE_VAE[1])
    ),
    images(
        "reads_the_stand_in",
        (14,),
        "read the law of the data from the known noise estimate",
        Edit(edits=PEEKING),
        "nothing to do with",
        attacked=("diffusion.generate_sample",),
    ),
)
