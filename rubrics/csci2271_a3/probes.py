"""How to ask csci2271_a3: a VAE and its conditional form in vae.py, and a diffusion process in diffusion.py.

Networks are known functions that take down what they were asked. Where a method builds on another one of its class, that
other one is replaced by a known function as well, so that one mistake costs once; code that writes the formula out instead
is right too, and the judge allows for both.
"""

import contextlib
import math

import torch
from elbograde_inside import asking, seams
from elbograde_inside.asking import KnownNetwork, replaced, several, silence
from elbograde_inside.state import contents, put
from torch.nn import functional as F

CPU = torch.device("cpu")
LATENT, CLASSES, PIXELS = 15, 10, 28 * 28
WEIGHTS = {"vae": "vae.pt", "cvae": "cvae.pt"}


# ---------------------------------------------------------------- whatever the question


def watched(code, probe, inputs):
    """One of the probes below, asked twice: its answer, what is left of its inputs, and the gradients they get."""
    return asking.watched(lambda **given: globals()[probe](code, **given), inputs)


PROCESS = "from diffusion import Diffusion\nDiffusion(lambda x, t: 0.3 * x, image_size=2, timesteps=50)"
BY_HAND = {  # how a student calls what a probe asks, for scripts to paste
    "reparameterize": "from vae import reparametrize\nreparametrize(mu, logvar)",
    "mean_elbo": "from vae import loss_function\nloss_function(x_hat, x, mu, logvar)",
    "alphas": "from diffusion import cosine_schedule\ncosine_schedule(50)",
    "jump": f"{PROCESS}.q_sample(images, t, 0.7 * images.flip(0) + 0.3)",
}


def by_hand(code, probe):
    return BY_HAND[probe]


# ---------------------------------------------------------------- part A: the models


def made(code, model, latent_size=LATENT):
    """An untrained VAE or CVAE."""
    x, c = torch.full((2, 1, 28, 28), 0.5), with_classes(torch.tensor([0, 1]))
    if model == "vae":
        network = code.vae.VAE(PIXELS, latent_size=latent_size)
        return asking.settled(network, lambda: network(x))
    network = code.vae.CVAE(PIXELS, num_classes=CLASSES, latent_size=latent_size)
    return asking.settled(network, lambda: network(x, *c))


def with_classes(classes):
    """What a model is called with beside the images: one-hot classes, where it is conditional."""
    return () if classes is None else (F.one_hot(classes, CLASSES).float(),)


def mended(code):
    """vae.py, of which more may be asked than a reparametrize that raises."""
    draw = getattr(code.vae, "reparametrize", lambda *_: None)
    return seams.drawing_mended(code.vae, "reparametrize", draw)


def vae_pass(code, model, x, classes, z, latent_size=LATENT):
    """forward of an untrained model, as it is and with `z` in the place of what reparametrize draws, and the same model's
    decoder alone. The model is the same for the same seed."""
    network = made(code, model, latent_size)
    asked = []

    def reparametrize(*args, **kwargs):
        given = [torch.as_tensor(value) for value in (*args, *kwargs.values())]
        asked.append([value.detach().clone() for value in given])
        return (z if given[0].shape == z.shape else torch.zeros_like(given[0])) + 0 * sum(
            value.sum() for value in given
        )

    network.eval()
    with seams.drawing_as_in_training(network), mended(code):
        drawn = several(network(x, *with_classes(classes)))
        with replaced(code.vae, reparametrize=reparametrize):
            put = several(network(x, *with_classes(classes)))
    decoder = alone(network, z, with_classes(classes))
    return {"drawn": drawn, "put": put, "asked": asked[0] if asked else None, "decoder": decoder}


def alone(network, z, c):
    """The decoder by itself: of z, or of z with the class before or behind it; None for a way that it does not take. `said`:
    why, of the way that the handout's own cells use."""
    ways = {"plain": (z,)} if not c else {"behind": (z, *c), "before": (*c, z)}
    answers, said = {}, ""
    for name, parts in ways.items():
        try:
            with torch.no_grad():
                answers[name] = network.decoder(torch.cat(parts, dim=1))
        except Exception as error:
            answers[name], said = None, said or f"{type(error).__name__}: {error}"
    return {**answers, "said": said}


def reparameterize(code, mu, logvar):
    with torch.no_grad():
        return code.vae.reparametrize(mu, logvar)


def reparameterize_gradient(code, mu, logvar):
    mu.requires_grad_(True)
    logvar.requires_grad_(True)
    z = code.vae.reparametrize(mu, logvar)
    z.sum().backward()
    return {"z": z, "mu": mu.grad, "logvar": logvar.grad}


def reparameterize_seeded(code, mu, logvar, number):
    torch.manual_seed(number)
    return code.vae.reparametrize(mu, logvar)


def mean_elbo(code, x_hat, x, mu, logvar):
    return code.vae.loss_function(x_hat, x, mu, logvar)


# ---------------------------------------------------------------- part A: training


def trained(code, model):
    """The model that was trained here, else one with the weights handed in."""
    if model not in code.kept:
        network = made(code, model)
        network.load_state_dict(torch.load(code.folder / WEIGHTS[model], map_location=CPU, weights_only=True))
        code.kept[model] = network
    return code.kept[model].eval()


def state_shapes(code, file):
    """Names and shapes of the parameters and buffers that the weights in `file` must fit."""
    network = process(code, unet(code)) if file == "model.pt" else made(code, file.removesuffix(".pt"))
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def begin_training(code, model):
    """A fresh model, and one step on random images: whether there is anything to train."""
    code.kept[model] = made(code, model)
    classes = torch.arange(4) if model == "cvae" else None
    return train_step(code, model, code.kept[model], torch.rand(4, 1, 28, 28), classes, 0.0)


def train_step(code, model, network, x, classes, rate, optimizer=None):
    """One step of the handout's train_vae; returns the loss as the submission's own loss_function tells it."""
    optimizer = optimizer or torch.optim.Adam(network.parameters(), lr=rate)
    x_hat, mu, logvar = several(network(x, *with_classes(classes)))
    loss = code.vae.loss_function(x_hat.reshape(x.shape), x, mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss)


def training_images(code, images, labels):
    """Kept for the epochs to come: uint8 [N, 1, 28, 28] and [N]."""
    code.kept["images"], code.kept["labels"] = images, labels
    return len(images)


def train_epoch(code, model):
    """One epoch of the handout's recipe: batches of 128, and Adam made anew with a learning rate of 1e-3."""
    network, images, labels = code.kept[model].train(), code.kept["images"], code.kept["labels"]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    total = 0.0
    for batch in torch.randperm(len(images)).split(128):
        classes = labels[batch] if model == "cvae" else None
        told = train_step(code, model, network, images[batch].float() / 255, classes, 1e-3, optimizer)
        if not math.isfinite(told):
            return told  # what follows would only crash
        total += told * len(batch)
    return total / len(images)


def state(code, model):
    """Names and values of the parameters and buffers of the model that was trained here."""
    return contents(code.kept[model])


def load_state(code, model, names, values):
    """Puts weights into a new model, in a box that has seen no image."""
    network = made(code, model)
    put(network, names, values)
    code.kept[model] = network
    return len(names)


def encode(code, model, x, classes):
    """mu and logvar by the trained model; the decoder is asked alone."""
    with torch.no_grad(), mended(code):
        return several(trained(code, model)(x, *with_classes(classes)))[1:]


def decode(code, model, z, classes):
    with torch.no_grad():
        return trained(code, model).decoder(torch.cat([z, *with_classes(classes)], dim=1))


# ---------------------------------------------------------------- part B: the diffusion process


def process(code, network, image_size=32, channels=3, timesteps=50):
    with schedule_mended(code):
        return code.diffusion.Diffusion(network, image_size=image_size, channels=channels, timesteps=timesteps)


@contextlib.contextmanager
def schedule_mended(code):
    """Where cosine_schedule raises, falling numbers take its place: it has a row of its own."""
    module = code.diffusion
    try:
        module.cosine_schedule(4)
    except Exception:
        with replaced(module, cosine_schedule=lambda timesteps, *_, **__: torch.linspace(0.998, 0.4, timesteps)):
            yield
    else:
        yield


def around(code, network, images, timesteps):
    """A process for images of that size."""
    return process(code, network, images.shape[-1], images.shape[1], timesteps)


def alphas(code, timesteps):
    return code.diffusion.cosine_schedule(timesteps)


def own_alphas(code, timesteps):
    """The schedule as the submission has it; None where there is none to be had. It has a row of its own."""
    with contextlib.suppress(Exception), schedule_mended(code):
        return torch.as_tensor(code.diffusion.cosine_schedule(timesteps)).detach().flatten()
    return None


def jump(code, images, t, noise, n_steps):
    made = around(code, KnownNetwork(), images, n_steps)
    return {"alphas": own_alphas(code, n_steps), "x_t": made.q_sample(images, t, noise)}


def known_jump(x_0, t, noise=None):
    """In the place of q_sample."""
    noise = torch.randn_like(x_0) if noise is None else noise
    return 0.5 * x_0 + 0.25 * noise


def losses_of(made):
    """p_losses, as the code calls it, or p_loss, as the handout does."""
    return made.p_losses if hasattr(made, "p_losses") else made.p_loss


def absolute_loss(code, images, t, noise, n_steps):
    """p_losses with a known function in the place of q_sample."""
    network = KnownNetwork()
    made = around(code, network, images, n_steps)
    made.q_sample = known_jump
    loss = losses_of(made)(images, t, noise)
    total = torch.as_tensor(loss).mean()
    gradient = torch.autograd.grad(total, network.anchor, allow_unused=True)[0] if total.requires_grad else None
    return {"alphas": own_alphas(code, n_steps), "loss": loss, "gradient": gradient, **network.seen()}


def training_loss(code, images, noise, n_steps):
    """forward, with known functions in the place of q_sample and of p_losses."""
    network, calls = KnownNetwork(), []
    made = around(code, network, images, n_steps)

    def p_losses(*args, **kwargs):
        x, t, *rest = [*args, *kwargs.values()]
        given = rest[0] if rest else None
        calls.append((x.detach().clone(), torch.as_tensor(t).reshape(-1).clone(), given))
        return 0.625 * network.anchor.sum()

    made.q_sample = known_jump
    for name in ("p_losses", "p_loss"):
        if hasattr(made, name):
            setattr(made, name, p_losses)
    loss = made(images, noise)
    x, t, given = calls[0] if calls else (None, None, None)
    handed = {"handed_x": x, "handed_t": t, "handed_noise": given}
    return {"alphas": own_alphas(code, n_steps), "loss": loss, **handed, **network.seen()}


def stepped(made, x, step):
    """p_sample, in the first of the ways that it takes its steps."""
    t = torch.full((len(x),), step)
    ways = ((t, step), (t, torch.tensor(step)), (torch.tensor(step), step), (step, step))
    first_error = None
    for t, t_index in ways:
        try:
            return made.p_sample(x, t, t_index)
        except NotImplementedError:
            raise
        except Exception as error:
            first_error = first_error or error
    raise first_error


def reverse_step(code, images, estimate, step, n_steps, silent):
    """p_sample around a network that answers `estimate`; where silent, normal numbers are all zero."""
    network = KnownNetwork(lambda x, t: estimate)
    made = around(code, network, images, n_steps)
    with silence() if silent else contextlib.nullcontext():
        if silent and hasattr(made, "noise_like"):
            made.noise_like = lambda shape, *args, **kwargs: torch.zeros(shape)
        answer = stepped(made, images, step)
    return {"alphas": own_alphas(code, n_steps), "x_prev": answer, **network.seen()}


def reverse_images(code, images, scales, shifts):
    """p_sample_loop with known steps; where it writes its steps out, what it makes of a known network without noise."""
    network, steps, asked_t = KnownNetwork(), [], []
    made = around(code, network, images, len(scales))

    def p_sample(*args, **kwargs):
        x, t, *rest = [*args, *kwargs.values()]
        step = int(rest[0]) if rest else int(torch.as_tensor(t).flatten()[0])
        asked_t.append(torch.as_tensor(t).flatten().float().mean().item())
        steps.append(step)
        return scales[step] * x + shifts[step]

    made.p_sample = p_sample
    with silence():
        if hasattr(made, "noise_like"):
            made.noise_like = lambda shape, *args, **kwargs: torch.zeros(shape)
        answer = made.p_sample_loop(images)
    wrote = {"alphas": own_alphas(code, len(scales)), "network_asked": len(network.asked)}
    return {"images": answer, "requires_grad": answer.requires_grad, "steps": steps, "times": asked_t, **wrote}


def generated(code, count, image_size, channels, n_steps):
    """sample, with a known function in the place of p_sample_loop."""
    network, starts, modes = KnownNetwork().train(), [], []
    made = process(code, network, image_size, channels, n_steps).train()

    def p_sample_loop(img):
        starts.append(img.detach().clone())
        modes.append(network.training)
        return 0.5 * img + 0.25 * network.anchor

    made.p_sample_loop = p_sample_loop
    answer = made.sample(count)
    modes = modes or network.modes
    start = starts[0] if starts else network.seen()["asked_x"]
    return {
        "images": answer,
        "requires_grad": answer.requires_grad and by_itself(code, image_size, channels, n_steps).requires_grad,
        "start": start,
        "called_loop": bool(starts),
        "network_asked": len(network.asked),
        "in_training_mode": any(modes),
    }


def by_itself(code, image_size, channels, n_steps):
    """sample with the code's own steps: they may be what runs without gradients."""
    return process(code, KnownNetwork(), image_size, channels, n_steps).sample(2)


# ---------------------------------------------------------------- part B: training on cats

STEPS, SIDE = 50, 32


def unet(code):
    """The course's network, of the handout's size; a submission may bring the course's own file."""
    return code.unet.Unet(dim=16, dim_mults=(1, 2, 4, 8))


def begin_diffusion(code):
    """A fresh process, and one step on random images: whether there is anything to train."""
    code.kept["diffusion"] = process(code, unet(code), SIDE, 3, STEPS)
    code.kept["optimizer"] = torch.optim.Adam(code.kept["diffusion"].parameters(), lr=0.0)
    told = diffusion_step(code, torch.rand(2, 3, SIDE, SIDE) * 2 - 1)
    code.kept["optimizer"] = torch.optim.Adam(code.kept["diffusion"].parameters(), lr=1e-3)
    return told


def load_diffusion(code):
    """The process with the weights that were handed in, with or without the trainer's {"step", "model"} around them."""
    saved = torch.load(code.folder / "model.pt", map_location=CPU, weights_only=True)
    made = process(code, unet(code), SIDE, 3, STEPS)
    made.load_state_dict(saved["model"] if isinstance(saved.get("model"), dict) else saved)
    code.kept["diffusion"] = made


def training_photographs(code, images):
    """Kept for the steps to come: uint8 [N, 3, S, S], larger than what is cut out of them."""
    code.kept["photographs"] = images
    return len(images)


def diffusion_step(code, *batches):
    """One step of Adam on the mean loss of some batches, which is returned."""
    made, optimizer = code.kept["diffusion"].train(), code.kept["optimizer"]
    optimizer.zero_grad()
    total = 0.0
    for x in batches:
        loss = torch.mean(made(x, torch.randn_like(x))) / len(batches)
        loss.backward()
        total += float(loss)
    optimizer.step()
    return total


def photographs(code, count):
    """Drawn anew: [count, 3, 32, 32] in [-1, 1], cut out at random and mirrored or not."""
    images = code.kept["photographs"]
    chosen = torch.randint(len(images), (count,)).tolist()
    corners = torch.randint(images.shape[-1] - SIDE + 1, (count, 2)).tolist()
    parts = [images[i, :, y : y + SIDE, x : x + SIDE] for i, (y, x) in zip(chosen, corners, strict=True)]
    cut = torch.stack(parts).float() / 127.5 - 1
    return torch.where(torch.rand(count, 1, 1, 1) < 0.5, cut, cut.flip(3))


def train_diffusion(code, steps):
    """So many steps of the handout's recipe, two batches of 32 to a step; the losses, one per step."""
    return torch.tensor([diffusion_step(code, photographs(code, 32), photographs(code, 32)) for _ in range(steps)])


def diffusion_images(code, count):
    """What sample gives, as bytes."""
    return (torch.as_tensor(code.kept["diffusion"].sample(count)).clamp(0, 1) * 255).round().to(torch.uint8)


def forward_stages(code, images, steps):
    """q_sample of one batch at several steps, with the same noise."""
    made, noise = code.kept["diffusion"].eval(), torch.randn_like(images)
    with torch.no_grad():
        return [made.q_sample(images, torch.full((len(images),), step), noise) for step in steps]


def backward_stages(code, start, steps):
    """What becomes of x_T on its way back: the images before each of the steps asked for, falling, and the last ones."""
    made, x, kept = code.kept["diffusion"].eval(), start, []
    with torch.no_grad():
        for step in range(STEPS - 1, -1, -1):
            if step in steps:
                kept.append(x)
            x = stepped(made, x, step)
    return [*kept, x]
